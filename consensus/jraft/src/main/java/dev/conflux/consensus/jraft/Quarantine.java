package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether this node may vote and lead. Closed from the start until the log has been looked at, and for as long as the
 * log is shorter than it once was; see {@code DESIGN.md} for why the two conditions to leave suffice. A file keeps it
 * closed over restarts: a log that is being filled again lowers the high-water mark, which then knows nothing any more.
 * Safe for any thread.
 */
final class Quarantine {

    private static final Logger LOG = LoggerFactory.getLogger(Quarantine.class);

    /** There, durably, from the declaration to the end of a quarantine: where the log must be again. */
    static final String FILE = "quarantine";

    private enum Phase {
        UNDECIDED,
        CLOSED,
        OPEN
    }

    private final Path directory;
    private volatile Phase phase = Phase.UNDECIDED;
    private volatile String reason = "starting";
    private LogPosition mark = LogPosition.ZERO; // guarded by this
    private @Nullable LogPosition leaderEnd; // guarded by this

    Quarantine(Path directory) {
        this.directory = directory;
    }

    /**
     * Where the log of a member must be again that ended before its quarantine did; null when there was none.
     *
     * @throws IdentityException when the file is damaged
     */
    static @Nullable LogPosition unfinished(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        if (!Files.exists(file)) {
            return null;
        }
        var values = CheckedText.parseChecked(Files.readString(file), file.toString());
        return new LogPosition(values.number("index"), values.number("term"));
    }

    /** True when this node must not vote, stand for election, lead or answer for the cluster. */
    boolean active() {
        return phase != Phase.OPEN;
    }

    /** True when the log was found short: what {@code status} reports. */
    boolean declared() {
        return phase == Phase.CLOSED;
    }

    String reason() {
        return reason;
    }

    synchronized void open() {
        phase = Phase.OPEN;
    }

    /**
     * Declares quarantine, durably.
     *
     * @param highWater where the log must be again before this node votes
     */
    synchronized void close(LogPosition highWater, String why) throws IOException {
        DurableFiles.replace(
                directory.resolve(FILE),
                new CheckedText()
                        .add("index", highWater.index())
                        .add("term", highWater.term())
                        .checked());
        mark = highWater;
        reason = why;
        phase = Phase.CLOSED;
        LOG.error("quarantined reason=\"{}\" until the log has been restored by a leader", why);
    }

    /** True when a leader's log end is still to be asked for. */
    synchronized boolean needsLeader() {
        return phase == Phase.CLOSED && leaderEnd == null;
    }

    /**
     * A leader that has committed in its own term told how long its log was, after this node had restarted.
     *
     * @param end its last index, and its term: the entry there is of that term
     */
    synchronized void leaderEnd(LogPosition end) {
        leaderEnd = end;
    }

    /** Lets the node out when its durable log has reached both the mark and the leader's end. */
    synchronized void logReaches(LogPosition durable) throws IOException {
        LogPosition end = leaderEnd;
        if (phase == Phase.CLOSED && end != null && durable.compareTo(mark) >= 0 && durable.compareTo(end) >= 0) {
            end(directory);
            phase = Phase.OPEN;
            LOG.warn("quarantine_lifted log={} mark={} leader_end={}", durable, mark, end);
        }
    }

    /** Forgets, durably, that there is one. */
    static void end(Path directory) throws IOException {
        if (Files.deleteIfExists(directory.resolve(FILE))) {
            DurableFiles.syncDirectory(directory);
        }
    }
}
