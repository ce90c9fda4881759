package dev.conflux.consensus.jraft;

import java.time.Duration;

/**
 * How a member looks after its storage. Start from {@link #DEFAULT} and change with the {@code with…} methods.
 *
 * @param snapshotLogBytes a snapshot is taken after this many bytes of commands …
 * @param snapshotLogEntries … or this many commands, whichever comes first
 * @param minFreeBytes while a file system of this member has less space, writes are refused; 0 = never
 * @param stuckTimeout an operation on disk or state that makes no progress for so long ends the process
 * @param digestInterval how often the leader has all members compare their states' digests, if anything was written;
 *     zero = never
 * @param scrubInterval how often it has them read and compare their whole states; zero = never
 */
public record Upkeep(
        long snapshotLogBytes,
        long snapshotLogEntries,
        long minFreeBytes,
        Duration stuckTimeout,
        Duration digestInterval,
        Duration scrubInterval) {

    /** Below this an ordinary pause of a shared machine looks like a failure. */
    private static final Duration MIN_STUCK_TIMEOUT = Duration.ofSeconds(1);

    public static final Upkeep DEFAULT = new Upkeep(
            128L << 20, // replaying this much takes seconds, and two such intervals of log are kept on disk
            500_000, // small commands cost time per entry, not per byte
            256L << 20, // one interval of log and the log database's write-ahead logs still fit
            Duration.ofSeconds(20), // a disk that answers no write for so long has failed
            Duration.ofMinutes(1), // one small entry
            Duration.ofHours(6)); // reads the state once, slowly

    public Upkeep {
        if (snapshotLogBytes < 1 || snapshotLogEntries < 1) {
            throw new IllegalArgumentException("snapshot after " + snapshotLogBytes + " bytes or " + snapshotLogEntries
                    + " entries (expected: both > 0)");
        }
        if (minFreeBytes < 0) {
            throw new IllegalArgumentException("min free bytes: " + minFreeBytes + " (expected: >= 0)");
        }
        if (stuckTimeout.compareTo(MIN_STUCK_TIMEOUT) < 0) {
            throw new IllegalArgumentException(
                    "stuck timeout: " + stuckTimeout + " (expected: >= " + MIN_STUCK_TIMEOUT + ")");
        }
        if (digestInterval.isNegative() || scrubInterval.isNegative()) {
            throw new IllegalArgumentException("digest interval: " + digestInterval + ", scrub interval: "
                    + scrubInterval + " (expected: >= 0, 0 = never)");
        }
    }

    public Upkeep withSnapshotAfter(long logBytes, long logEntries) {
        return new Upkeep(logBytes, logEntries, minFreeBytes, stuckTimeout, digestInterval, scrubInterval);
    }

    public Upkeep withMinFreeBytes(long bytes) {
        return new Upkeep(snapshotLogBytes, snapshotLogEntries, bytes, stuckTimeout, digestInterval, scrubInterval);
    }

    public Upkeep withStuckTimeout(Duration timeout) {
        return new Upkeep(snapshotLogBytes, snapshotLogEntries, minFreeBytes, timeout, digestInterval, scrubInterval);
    }

    public Upkeep withDigests(Duration digests, Duration scrubs) {
        return new Upkeep(snapshotLogBytes, snapshotLogEntries, minFreeBytes, stuckTimeout, digests, scrubs);
    }
}
