package dev.conflux.qa.simulator;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** What members send to each other, as in the Raft paper, figures 2 and 13. */
sealed interface Message {

    long term();

    record RequestVote(long term, int candidate, long lastIndex, long lastTerm) implements Message {}

    record Vote(long term, int voter, boolean granted) implements Message {}

    /**
     * Entries, or none as a heartbeat.
     *
     * @param round counts the leader's questions whether it still is one (Raft dissertation §6.4)
     */
    record AppendEntries(
            long term, int leader, long previousIndex, long previousTerm, List<Entry> entries, long commit, long round)
            implements Message {}

    /**
     * The answer to both ways of replication.
     *
     * @param index of a success: durable up to here; of a failure: try from here
     */
    record Appended(long term, int follower, boolean success, long index, long round) implements Message {}

    record InstallSnapshot(long term, int leader, long index, long indexTerm, Path directory) implements Message {}

    /** What a client asks; not of a member, so without a term. */
    sealed interface Request {

        /** Where the answer goes; called when it arrives. */
        Consumer<Reply> reply();

        record Propose(byte[] command, Consumer<Reply> reply) implements Request {}

        /**
         * What do these configs show?
         *
         * @param linearizable false: answer at once
         */
        record Read(List<String> paths, boolean linearizable, Consumer<Reply> reply) implements Request {}
    }

    /** What a client is told. */
    sealed interface Reply {

        record NotLeader(int hint) implements Reply {}

        record Applied(byte[] outcome, long term, int node) implements Reply {}

        record Shown(List<Shot> values, long revision, long term, int node) implements Reply {}
    }

    /**
     * What a config shows.
     *
     * @param value its content as a number; NIL when nothing is released
     * @param version id of the version
     */
    record Shot(long value, long version) {}
}
