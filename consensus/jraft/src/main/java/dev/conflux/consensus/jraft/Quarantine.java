package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.LogPosition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether this node may vote and lead. Closed from the start until the log has been looked at, and for as long as the
 * log is shorter than it once was; see {@code DESIGN.md} for why the two conditions to leave suffice. Safe for any
 * thread.
 */
final class Quarantine {

    private static final Logger LOG = LoggerFactory.getLogger(Quarantine.class);

    private enum Phase {
        UNDECIDED,
        CLOSED,
        OPEN
    }

    private volatile Phase phase = Phase.UNDECIDED;
    private volatile String reason = "starting";
    private LogPosition mark = LogPosition.ZERO; // guarded by this
    private @Nullable LogPosition leaderEnd; // guarded by this

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
     * Declares quarantine.
     *
     * @param highWater where the log must be again before this node votes
     */
    synchronized void close(LogPosition highWater, String why) {
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
    synchronized void logReaches(LogPosition durable) {
        LogPosition end = leaderEnd;
        if (phase == Phase.CLOSED && end != null && durable.compareTo(mark) >= 0 && durable.compareTo(end) >= 0) {
            phase = Phase.OPEN;
            LOG.warn("quarantine_lifted log={} mark={} leader_end={}", durable, mark, end);
        }
    }
}
