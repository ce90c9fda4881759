package dev.conflux.qa.simulator;

/** What can be switched off or broken, to show that the simulator notices. */
public enum Defect {
    NONE,

    // Of the state machine and its storage.

    /** Idempotency keys are ignored. */
    DEDUP_OFF,
    /** Snapshots lack the dedup records. */
    DEDUP_NOT_IN_SNAPSHOT,
    /** Snapshots lack the newest content. */
    SNAPSHOT_LOSES_CONTENT,
    /** Snapshots lack the newest change event. */
    SNAPSHOT_LOSES_EVENT,
    /** Node 0 now and then does not store a change event. */
    EVENT_NOT_STORED,
    /** Node 0 now and then applies two neighbours in the wrong order. */
    APPLY_ORDER_SWAPPED,

    // Of the log: they show that the simulated log is checked too.

    /** A leader takes its own copy for a majority. */
    COMMIT_WITHOUT_MAJORITY,
    /** A restarted node has forgotten whom it voted for. */
    VOTE_FORGOTTEN,
    /** A follower acknowledges what is not durable yet. */
    ACKNOWLEDGE_BEFORE_SYNC,
    /** A leader answers reads without asking whether it still is one. */
    READ_WITHOUT_QUORUM
}
