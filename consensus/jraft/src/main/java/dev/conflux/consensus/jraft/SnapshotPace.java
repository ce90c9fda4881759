package dev.conflux.consensus.jraft;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Spreads the pieces of snapshots that are fetched from this member over time, at {@link
 * Limits#SNAPSHOT_BYTES_PER_SECOND} for all who fetch together. Tells how long to wait, so that no thread does: the
 * engine's own throttle lets a piece that comes too early wait for a whole second. Any thread.
 */
final class SnapshotPace {

    /** What may be ahead of the pace after a pause: rounds off the timer's tick. */
    private static final long BURST_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final LongSupplier nanoTime;
    private final long bytesPerSecond;
    private long dueNanos; // guarded by this: when everything let through would have been sent at the pace

    SnapshotPace(LongSupplier nanoTime, long bytesPerSecond) {
        this.nanoTime = nanoTime;
        this.bytesPerSecond = bytesPerSecond;
        this.dueNanos = nanoTime.getAsLong() - BURST_NANOS;
    }

    /** Milliseconds until a piece of so many bytes should be read; 0 = now. */
    synchronized long delayMillis(long bytes) {
        long now = nanoTime.getAsLong();
        if (dueNanos - (now - BURST_NANOS) < 0) {
            dueNanos = now - BURST_NANOS;
        }
        dueNanos += bytes * TimeUnit.SECONDS.toNanos(1) / bytesPerSecond;
        return Math.max(0, TimeUnit.NANOSECONDS.toMillis(dueNanos - now));
    }
}
