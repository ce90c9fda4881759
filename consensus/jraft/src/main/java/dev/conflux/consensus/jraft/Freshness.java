package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.ReadPoint;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * An upper bound of how far this member is behind: the time since it last <em>asked</em> the leader for its commit
 * index, had the leader's majority confirm it, and applied it. What was written before the question was asked is
 * applied here. Messages that the leader sends on its own say nothing: they may have waited in a buffer while this
 * process was stopped, or come from a leader that is one no longer. Only elapsed time of this machine is used.
 */
final class Freshness {

    private final LongSupplier nanoTime;

    // Guarded by this.
    private boolean known;
    private long askedNanos;

    Freshness(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** To be taken before the question is sent. */
    long now() {
        return nanoTime.getAsLong();
    }

    /** The answer to a question has been applied here. */
    synchronized void confirmed(long questionNanos) {
        if (!known || questionNanos - askedNanos > 0) {
            known = true;
            askedNanos = questionNanos;
        }
    }

    /** Milliseconds, rounded up; {@link ReadPoint#UNKNOWN_STALENESS} before the first answer. */
    synchronized long stalenessMillis() {
        return known
                ? TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong() - askedNanos) + 1
                : ReadPoint.UNKNOWN_STALENESS;
    }
}
