package dev.conflux.core.state;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A store whose disk can be made to fail. */
final class FailingStore implements StateStore {

    private final InMemoryStateStore store = new InMemoryStateStore();
    boolean failing;

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
        if (failing) {
            throw new StateStoreException("disk full");
        }
        store.commit(batch);
    }

    @Override
    public Snapshot snapshot() {
        return store.snapshot();
    }

    @Override
    public List<String> checkpoint(Path directory) throws IOException {
        return store.checkpoint(directory);
    }

    @Override
    public void restoreFrom(Path directory, List<String> files) throws IOException {
        store.restoreFrom(directory, files);
    }

    @Override
    public void clear() {
        store.clear();
    }

    @Override
    public void close() {
        store.close();
    }
}
