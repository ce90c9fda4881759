package dev.conflux.consensus.api;

/**
 * The local state machine is fresh enough for the level that was asked.
 *
 * @param level the level served
 * @param appliedIndex this member had applied at least this when the read was allowed
 * @param stalenessMillis upper bound of how far behind the leader this member may be; 0 on a leader and for
 *     {@link ReadLevel#LINEARIZABLE}; {@link #UNKNOWN_STALENESS} when no leader has been heard since start
 */
public record ReadPoint(ReadLevel level, long appliedIndex, long stalenessMillis) {

    /** No leader has been heard yet, so no bound can be given. */
    public static final long UNKNOWN_STALENESS = Long.MAX_VALUE;
}
