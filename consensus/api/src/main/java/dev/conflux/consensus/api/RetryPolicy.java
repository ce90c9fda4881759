package dev.conflux.consensus.api;

import java.time.Duration;

/**
 * How often and how fast something is repeated: exponential back-off, half of each pause random, so that those who
 * failed together do not come back together.
 *
 * @param attempts at most, 1 = never repeated
 * @param attemptTimeout after which an attempt is given up for the next one; the last may use all the time there is
 * @param firstPause upper bound of the pause after the first attempt; doubles with each further one
 * @param longestPause upper bound of every pause
 */
public record RetryPolicy(int attempts, Duration attemptTimeout, Duration firstPause, Duration longestPause) {

    /**
     * For a write of a caller who waits for some seconds. An attempt outlasts an election (about 1 s): one that still has
     * no answer then probably waits for a leader that is cut off.
     */
    public static final RetryPolicy DEFAULT =
            new RetryPolicy(4, Duration.ofSeconds(2), Duration.ofMillis(20), Duration.ofMillis(500));

    public RetryPolicy {
        if (attempts < 1) {
            throw new IllegalArgumentException("attempts: " + attempts + " (expected: >= 1)");
        }
        positive("attemptTimeout", attemptTimeout);
        positive("firstPause", firstPause);
        positive("longestPause", longestPause);
    }

    private static void positive(String name, Duration value) {
        if (!value.isPositive()) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: > 0)");
        }
    }

    /**
     * The pause after an attempt.
     *
     * @param attempt from 1
     * @param random 0 inclusive … 1 exclusive
     */
    public Duration pauseAfter(int attempt, double random) {
        long bound = longestPause.toNanos();
        int doublings = attempt - 1;
        if (doublings < Long.SIZE && firstPause.toNanos() <= bound >> doublings) {
            bound = firstPause.toNanos() << doublings;
        }
        return Duration.ofNanos(bound / 2 + (long) (random * (bound / 2 + 1)));
    }
}
