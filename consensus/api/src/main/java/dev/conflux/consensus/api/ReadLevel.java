package dev.conflux.consensus.api;

/** How fresh an answer must be. Every level is served from this member's own state machine. */
public enum ReadLevel {
    /** Whatever this member has applied, at once, also without a leader. Never waits, never fails. */
    STALE,
    /** As {@link #STALE}, but refused when this member may lag the leader by more than the configured bound, or the caller's. */
    FOLLOWER,
    /**
     * Not older than what the leader had committed when it was asked; the leader is not made to prove that it still
     * leads, so a deposed leader may, until it notices, answer with its own last state.
     */
    STRONG,
    /**
     * Sees every write acknowledged before the read began, whichever member is asked: the leader confirms its
     * leadership with a round of heartbeats (Raft dissertation §6.4); no clock is trusted. Fails without a majority.
     */
    LINEARIZABLE
}
