package dev.conflux.adapter.rocksdb;

import dev.conflux.core.state.StateReads;
import dev.conflux.core.state.StateStoreException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A stopped node's stored state, or a snapshot's, read without writing a byte. Used by one thread. */
public final class OfflineStateReads implements StateReads, AutoCloseable {

    private final Generation generation;

    private OfflineStateReads(Generation generation) {
        this.generation = generation;
    }

    /**
     * Opens what a {@link RocksStateStore} left in {@code directory}, or the flat files of a checkpoint.
     *
     * @throws StateStoreException when it cannot be read
     */
    public static OfflineStateReads open(Path directory) {
        boolean store = Files.exists(directory.resolve(RocksStateStore.POINTER));
        return new OfflineStateReads(
                Generation.openReadOnly(store ? RocksStateStore.currentGeneration(directory) : directory));
    }

    /**
     * Checks the checksum of every block of every table file.
     *
     * @throws StateStoreException naming the file of the first that does not fit
     */
    public void verify() {
        generation.verify();
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        return generation.get(key);
    }

    @Override
    public void scan(byte[] from, byte[] to, Order order, Visitor visitor) {
        generation.scan(null, from, to, order, visitor);
    }

    @Override
    public void close() {
        generation.release();
    }
}
