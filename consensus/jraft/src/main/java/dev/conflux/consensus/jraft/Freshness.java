package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.ReadPoint;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * An upper bound of how far this follower is behind: the time since a message of the current leader whose commit index
 * has been applied here. Only elapsed time of this machine is used.
 */
final class Freshness {

    private final LongSupplier nanoTime;
    private final LongSupplier appliedIndex;

    // Guarded by this.
    private long term;
    private boolean synced;
    private long syncedNanos;
    private boolean pending;
    private long pendingIndex;
    private long pendingNanos;

    Freshness(LongSupplier nanoTime, LongSupplier appliedIndex) {
        this.nanoTime = nanoTime;
        this.appliedIndex = appliedIndex;
    }

    /** An append or heartbeat has arrived; a deposed leader's says nothing. */
    synchronized void heard(long leaderTerm, long currentTerm, long committedIndex) {
        if (leaderTerm < currentTerm || leaderTerm < term) {
            return;
        }
        term = leaderTerm;
        long now = nanoTime.getAsLong();
        settle();
        if (committedIndex <= appliedIndex.getAsLong()) {
            synced = true;
            syncedNanos = now;
            pending = false;
        } else if (!pending) {
            // Keep the oldest until it has been applied: a newer one would push the bound away for ever under load.
            pending = true;
            pendingIndex = committedIndex;
            pendingNanos = now;
        }
    }

    /** Milliseconds, rounded up; {@link ReadPoint#UNKNOWN_STALENESS} before the first leader. */
    synchronized long stalenessMillis() {
        settle();
        if (!synced) {
            return ReadPoint.UNKNOWN_STALENESS;
        }
        long nanos = nanoTime.getAsLong() - syncedNanos;
        return TimeUnit.NANOSECONDS.toMillis(nanos) + 1;
    }

    private void settle() {
        if (pending && pendingIndex <= appliedIndex.getAsLong()) {
            synced = true;
            syncedNanos = pendingNanos;
            pending = false;
        }
    }
}
