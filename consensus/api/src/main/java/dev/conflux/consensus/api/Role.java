package dev.conflux.consensus.api;

/** What a member is doing right now. */
public enum Role {
    LEADER,
    FOLLOWER,
    CANDIDATE,
    LEARNER,
    /** Its durable log is shorter than what it once acknowledged: it replicates, but may not vote or lead. */
    QUARANTINED,
    /** Not serving: starting, stopped or failed. */
    DOWN
}
