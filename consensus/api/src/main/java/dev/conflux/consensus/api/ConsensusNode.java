package dev.conflux.consensus.api;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * One member of a replicated log. All methods may be called from any thread and none blocks; futures complete on a
 * thread of the component, so do not block in their callbacks. A failed future carries a {@link ConsensusException}.
 */
public interface ConsensusNode extends AutoCloseable {

    /** Largest command accepted, in bytes: 3 MiB, so that an entry passes every queue and frame on its way. */
    int MAX_COMMAND_BYTES = 3 * 1024 * 1024;

    /**
     * Appends a command, here or at the leader, and waits until it is durable on a majority and applied there.
     *
     * <p>At most one append is attempted by this call after anything could have been appended; whether a repetition
     * has a second effect is decided by the state machine, which therefore finds the caller's request id inside the
     * command. On a follower the call is forwarded, and its answer is given only once this member has applied the entry
     * too, or a short bound has passed (so that a caller reads its own write here).
     *
     * @param command at most {@link #MAX_COMMAND_BYTES}; must not be modified afterwards
     * @param timeout how long to wait; when it ends after the append, the failure is
     *     {@link ConsensusException.Indeterminate}
     */
    CompletableFuture<Committed> propose(byte[] command, Duration timeout);

    /**
     * Waits until this member's state machine is fresh enough to be read at the given level.
     *
     * @param timeout ends in {@link ConsensusException.NoQuorum}, {@link ConsensusException.NoLeader} or
     *     {@link ConsensusException.NotCaughtUp}; never in an older answer
     */
    CompletableFuture<ReadPoint> readPoint(ReadLevel level, Duration timeout);

    /**
     * {@link ReadLevel#FOLLOWER} with a bound of the caller's instead of the configured one.
     *
     * @param maxLag fails with {@link ConsensusException.NotCaughtUp} when this member may be further behind; at once
     */
    CompletableFuture<ReadPoint> followerReadPoint(Duration maxLag);

    /** {@link #readPoint}, then {@link StateMachine#query} on this member. */
    CompletableFuture<byte[]> query(ReadLevel level, byte[] query, Duration timeout);

    /** {@link StateMachine#query} on another member, or this one, at {@link ReadLevel#STALE}. For status and repair. */
    CompletableFuture<byte[]> queryMember(NodeId member, byte[] query, Duration timeout);

    /** What this member knows without asking anybody. Cheap, but it may wait while a vote is being written. */
    NodeStatus status();

    /**
     * As {@link NodeStatus#stalenessMillis}, for every answer to say: never waits, whatever the disk and the engine do,
     * so event loops may ask.
     */
    default long stalenessMillis() {
        return status().stalenessMillis();
    }

    /** Takes a snapshot now and drops the log that it makes superfluous. Completes with the index that it contains. */
    CompletableFuture<Long> snapshot();

    /**
     * Hands leadership over; another member than the leader asks the leader to. Completes when this member knows the new
     * leader, with its id.
     *
     * @param target empty for the most up-to-date follower
     */
    CompletableFuture<NodeId> transferLeadership(Optional<NodeId> target);

    /**
     * Adds a member: it has to be running, with empty directories, and to wait to be added. It joins as a learner, its
     * catch-up is watched, then it votes. If it does not get there, it is dropped again. May be called on any member;
     * repeating a call is harmless.
     *
     * @param timeout how long to wait for the end; the change goes on afterwards, also under another leader
     * @return a failure with {@link ConsensusException.Refused} or {@link ConsensusException.ChangeInProgress} says why
     *     nothing has changed
     */
    CompletableFuture<MemberChange.State> addMember(NewMember member, Duration timeout);

    /**
     * Removes a member for ever: its id is never accepted again, and its process ends when it hears of it. A leader that
     * is to be removed hands leadership over first. May be called on any member; repeating a call is harmless.
     *
     * @param timeout how long to wait for the end; the change goes on afterwards, also under another leader
     * @return in progress also when this very member is being removed: it cannot see the end. A failure with
     *     {@link ConsensusException.Refused} says why nothing has changed
     */
    CompletableFuture<MemberChange.State> removeMember(NodeId member, Duration timeout);

    /** What the leader knows of each member; asks it if this is another member. Sorted by id. */
    CompletableFuture<List<MemberProgress>> progress(Duration timeout);

    /** What the whole cluster may use at this moment; cheap. See {@link #raiseFeatureLevel}. */
    int featureLevel();

    /**
     * Lets the whole cluster use what builds of this level understand, for ever. Refused unless every member runs such a
     * build and is connected.
     *
     * @return the level in force
     */
    CompletableFuture<Integer> raiseFeatureLevel(int level, Duration timeout);

    /** Stops serving, hands leadership over if it has it, waits for what is being applied. Idempotent. */
    @Override
    void close();
}
