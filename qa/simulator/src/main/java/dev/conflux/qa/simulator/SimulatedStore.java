package dev.conflux.qa.simulator;

import dev.conflux.core.state.InMemoryStateStore;
import dev.conflux.core.state.StateArea;
import dev.conflux.core.state.StateReads;
import dev.conflux.core.state.StateStore;
import dev.conflux.core.state.WriteBatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** The real store in memory, with the storage defects. */
final class SimulatedStore implements StateStore {

    private final InMemoryStateStore store = new InMemoryStateStore();
    private final Defect defect;
    private final SplittableRandom random;

    SimulatedStore(Defect defect, SplittableRandom random) {
        this.defect = defect;
        this.random = random;
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        return store.get(key);
    }

    @Override
    public void scan(byte[] from, byte[] to, Order order, Visitor visitor) {
        store.scan(from, to, order, visitor);
    }

    @Override
    public void commit(WriteBatch batch) {
        if (defect != Defect.EVENT_NOT_STORED) {
            store.commit(batch);
            return;
        }
        var kept = new WriteBatch();
        batch.forEach((key, value) -> {
            if (value == null) {
                kept.delete(key);
            } else if (StateArea.of(key) != StateArea.EVENTS || random.nextInt(20) > 0) {
                kept.put(key, value);
            }
        });
        store.commit(kept);
    }

    @Override
    public void clear() {
        store.clear();
    }

    @Override
    public Snapshot snapshot() {
        return store.snapshot();
    }

    @Override
    public List<String> checkpoint(Path directory) throws IOException {
        return switch (defect) {
            case DEDUP_NOT_IN_SNAPSHOT ->
                without(StateArea.DEDUP, Integer.MAX_VALUE).checkpoint(directory);
            case SNAPSHOT_LOSES_CONTENT -> without(StateArea.CONTENTS, 1).checkpoint(directory);
            case SNAPSHOT_LOSES_EVENT -> without(StateArea.EVENTS, 1).checkpoint(directory);
            default -> store.checkpoint(directory);
        };
    }

    /** A copy that lacks the last {@code count} entries of an area. */
    private InMemoryStateStore without(StateArea lost, int count) {
        var batch = new WriteBatch();
        for (StateArea area : StateArea.values()) {
            int[] left = {area == lost ? count : 0};
            store.scan(area.from(), area.to(), StateReads.Order.DESCENDING, (key, value) -> {
                if (left[0]-- <= 0) {
                    batch.put(key, value);
                }
                return true;
            });
        }
        var copy = new InMemoryStateStore();
        copy.commit(batch);
        return copy;
    }

    @Override
    public void restoreFrom(Path directory, List<String> files) throws IOException {
        store.restoreFrom(directory, files);
    }

    @Override
    public void close() {
        store.close();
    }
}
