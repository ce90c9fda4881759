package dev.conflux.core.state;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Port: the durable ordered map under the state. Keys are compared as unsigned bytes; the first byte is a
 * {@link StateArea}.
 *
 * <p><b>Threads.</b> {@code commit}, {@code checkpoint} and {@code restoreFrom} are called by one thread at a time.
 * Reads may be called by any thread at any moment, also during {@code commit} and {@code restoreFrom}; they may block
 * on the disk.
 *
 * <p><b>Durability.</b> A batch is atomic: after a crash all of it is there or nothing. It need not have reached the
 * disk when {@code commit} returns, but batches are never lost out of order, and everything committed before a
 * {@code checkpoint} is durable when the checkpoint's files are. The log replays what was lost.
 *
 * <p><b>Failure.</b> {@link StateStoreException} from any write method is fatal: the caller must stop the node.
 */
public interface StateStore extends StateReads, AutoCloseable {

    /** Applies all writes of {@code batch}, or none. */
    void commit(WriteBatch batch);

    /** A consistent view of the state as it is now. It pins old data: close it soon. */
    Snapshot snapshot();

    /**
     * Writes the state as it is now into {@code directory} (existing, empty), quickly: hard links where possible. The
     * files lie flat in it.
     *
     * @return the files' names
     */
    List<String> checkpoint(Path directory) throws IOException;

    /**
     * Replaces the whole state by a checkpoint. The old state stays in place until the new one is complete and durable;
     * a crash in between leaves the one or the other.
     *
     * @param directory where the files are; they are read or hard-linked, never modified
     * @param files the names that {@link #checkpoint} returned
     */
    void restoreFrom(Path directory, List<String> files) throws IOException;

    /** Replaces the whole state by an empty one; durable and atomic as {@link #restoreFrom}. */
    void clear() throws IOException;

    /**
     * Gives the space of deleted entries back to the disk, in the background. Returns at once; a hint, so that nothing
     * but space depends on it.
     */
    default void reclaimSpace() {}

    /** As {@link #snapshot}, to read everything once: spares the caches, and tells of damage nobody but the reader. */
    default Snapshot scrub() {
        return snapshot();
    }

    @Override
    void close();

    /** A frozen state. */
    interface Snapshot extends StateReads, AutoCloseable {
        @Override
        void close();
    }
}
