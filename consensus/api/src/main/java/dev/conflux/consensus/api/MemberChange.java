package dev.conflux.consensus.api;

/**
 * A membership change in progress; there is at most one.
 *
 * @param member whom it is about
 */
public record MemberChange(Kind kind, NodeId member) {

    public enum Kind {
        ADD,
        REMOVE
    }

    /** How far a change was when the caller stopped waiting. */
    public enum State {
        DONE,
        /** Decided and replicated; the leader, whoever that is, goes on with it. */
        IN_PROGRESS
    }
}
