package dev.conflux.consensus.jraft;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import java.util.function.IntUnaryOperator;
import java.util.function.LongSupplier;

/**
 * When a member looks whether its leader is gone, and how long it stands for election before it tries again. As parts of
 * the election timeout T, which alone decides how long a silent leader is believed in:
 *
 * <ul>
 *   <li>A follower looks every 3/20 T, so a dead leader is noticed soon after T and not up to 2 T late.
 *   <li>Two who stand at the same time split the votes. Members therefore wait differently long, by their rank among the
 *       members' ids: after one split vote the lower id tries first, and wins before the other begins.
 *   <li>A round of votes takes two fsyncs and a round trip. Where that is slower than the wait, each further attempt waits
 *       twice as long as the last, up to {@value #MAX_DOUBLINGS} times.
 * </ul>
 *
 * <p>Safe for any thread.
 */
final class ElectionTiming {

    private static final int MAX_DOUBLINGS = 3;

    /** Members beyond it share a turn; random parts tell them apart. */
    private static final int MAX_RANK = 6;

    private final long timeoutMillis;
    private final IntSupplier rank;
    private final LongSupplier nanoTime;
    private final IntUnaryOperator random;

    // Guarded by this.
    private int doublings;
    private long candidateUntilNanos;
    private boolean stoodBefore;

    /**
     * @param rank of this member among all, from 0; asked each time
     * @param random a number from 0 to below its argument
     */
    ElectionTiming(Duration electionTimeout, IntSupplier rank, LongSupplier nanoTime, IntUnaryOperator random) {
        this.timeoutMillis = electionTimeout.toMillis();
        this.rank = rank;
        this.nanoTime = nanoTime;
        this.random = random;
    }

    /** Milliseconds until a follower looks again. */
    long look() {
        return part(3, 20) + rank() * part(1, 16) + random(part(1, 16));
    }

    /** A candidacy begins; milliseconds until it is given up for another one. */
    synchronized long candidacy() {
        long now = nanoTime.getAsLong();
        boolean again = stoodBefore && now - candidateUntilNanos < TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
        doublings = again ? Math.min(doublings + 1, MAX_DOUBLINGS) : 0;
        stoodBefore = true;
        long millis = (part(3, 8) + rank() * part(1, 8) + random(part(1, 16))) << doublings;
        candidateUntilNanos = now + TimeUnit.MILLISECONDS.toNanos(millis);
        return millis;
    }

    private int rank() {
        return Math.min(rank.getAsInt(), MAX_RANK);
    }

    private long part(int of, int parts) {
        return Math.max(1, timeoutMillis * of / parts);
    }

    private int random(long below) {
        return random.applyAsInt(Math.toIntExact(below));
    }
}
