package dev.conflux.core.service;

import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.MemberChange;
import dev.conflux.consensus.api.MemberProgress;
import dev.conflux.consensus.api.NewMember;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.NodeStatus;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.ReadPoint;
import dev.conflux.consensus.api.Role;
import dev.conflux.consensus.api.StateMachine;
import dev.conflux.core.state.FeatureLevel;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A cluster of one without a log: applies what is proposed, in order, on one thread. For tests of everything above
 * consensus; can be made to fail.
 */
public final class SingleNodeConsensus implements ConsensusNode {

    private static final NodeId SELF = new NodeId(1);
    private static final Member MEMBER = new Member(SELF, "127.0.0.1:9090", true);
    private volatile int featureLevel = FeatureLevel.SUPPORTED;

    private final StateMachine machine;
    private final ExecutorService applier = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("apply").daemon().factory());
    private final AtomicLong index = new AtomicLong();
    private volatile @Nullable ConsensusException failure;
    private volatile boolean failAfterApply;
    private volatile long staleness;
    private volatile @Nullable ConsensusException silence;
    private volatile Role role = Role.LEADER;
    private final AtomicBoolean loseOnce = new AtomicBoolean();
    private final AtomicInteger proposals = new AtomicInteger();

    public SingleNodeConsensus(StateMachine machine) {
        this.machine = machine;
        index.set(machine.applied().index());
    }

    /** From now on every call fails so; null = works again. */
    public void fail(@Nullable ConsensusException cause) {
        failure = cause;
        failAfterApply = false;
    }

    /** As {@link #loseAnswers}, the next time only. */
    public void loseNextAnswer() {
        loseOnce.set(true);
    }

    /** Proposals that reached the log. */
    public int proposals() {
        return proposals.get();
    }

    /** From now on writes happen but their answer is lost. */
    public void loseAnswers() {
        failure = new ConsensusException.Indeterminate("answer lost");
        failAfterApply = true;
    }

    /** Runs on the apply thread, between two commands: holds everything up until it returns. */
    public CompletableFuture<Void> onApplyThread(Runnable task) {
        return CompletableFuture.runAsync(task, applier);
    }

    @Override
    public CompletableFuture<Committed> propose(byte[] command, Duration timeout) {
        ConsensusException cause = failure;
        if (cause != null && !failAfterApply) {
            return CompletableFuture.failedFuture(cause);
        }
        proposals.incrementAndGet();
        CompletableFuture<Committed> committed = CompletableFuture.supplyAsync(
                () -> {
                    var position = new LogPosition(index.incrementAndGet(), 1);
                    var entry = new LogEntry(position, System.currentTimeMillis(), command);
                    return new Committed(position, machine.apply(List.of(entry)).getFirst());
                },
                applier);
        if (loseOnce.getAndSet(false)) {
            return committed.thenCompose(
                    _ -> CompletableFuture.failedFuture(new ConsensusException.Indeterminate("answer lost")));
        }
        return cause == null ? committed : committed.thenCompose(_ -> CompletableFuture.failedFuture(cause));
    }

    @Override
    public CompletableFuture<ReadPoint> readPoint(ReadLevel level, Duration timeout) {
        ConsensusException cause = failure;
        return cause != null && level != ReadLevel.STALE
                ? CompletableFuture.failedFuture(cause)
                : CompletableFuture.completedFuture(new ReadPoint(level, index.get(), 0));
    }

    /** What {@link #status} and reads say of this node's staleness, in milliseconds. */
    public void staleness(long millis) {
        staleness = millis;
    }

    @Override
    public CompletableFuture<ReadPoint> followerReadPoint(Duration maxLag) {
        return staleness > maxLag.toMillis()
                ? CompletableFuture.failedFuture(new ConsensusException.NotCaughtUp(staleness, maxLag))
                : readPoint(ReadLevel.FOLLOWER, maxLag);
    }

    @Override
    public CompletableFuture<byte[]> query(ReadLevel level, byte[] query, Duration timeout) {
        return readPoint(level, timeout).thenApply(_ -> machine.query(query));
    }

    @Override
    public CompletableFuture<byte[]> queryMember(NodeId member, byte[] query, Duration timeout) {
        ConsensusException cause = silence;
        return cause != null
                ? CompletableFuture.failedFuture(cause)
                : CompletableFuture.supplyAsync(() -> machine.query(query));
    }

    /** From now on no member answers questions; null = they do again. */
    public void silence(@Nullable ConsensusException cause) {
        silence = cause;
    }

    /** From now on this member says that it has this role; it applies what is proposed all the same. */
    public void role(Role newRole) {
        role = newRole;
    }

    /** As if the cluster were at another level. */
    public void featureLevel(int level) {
        featureLevel = level;
    }

    @Override
    public NodeStatus status() {
        long applied = index.get();
        return new NodeStatus(
                "test-cluster",
                SELF,
                role,
                Optional.of(SELF),
                1,
                applied,
                applied,
                applied,
                0,
                List.of(MEMBER),
                Optional.empty(),
                1,
                featureLevel,
                staleness);
    }

    @Override
    public CompletableFuture<Long> snapshot() {
        return CompletableFuture.completedFuture(index.get());
    }

    @Override
    public CompletableFuture<NodeId> transferLeadership(Optional<NodeId> target) {
        return CompletableFuture.failedFuture(new ConsensusException.Refused("there is no other member"));
    }

    @Override
    public CompletableFuture<MemberChange.State> addMember(NewMember member, Duration timeout) {
        return CompletableFuture.failedFuture(new ConsensusException.Refused("there is one member only"));
    }

    @Override
    public CompletableFuture<MemberChange.State> removeMember(NodeId member, Duration timeout) {
        return CompletableFuture.failedFuture(new ConsensusException.Refused("there is one member only"));
    }

    @Override
    public CompletableFuture<List<MemberProgress>> progress(Duration timeout) {
        long last = status().lastLogIndex();
        return CompletableFuture.completedFuture(List.of(new MemberProgress(MEMBER, "", true, last, 0, 1)));
    }

    @Override
    public int featureLevel() {
        return featureLevel;
    }

    @Override
    public CompletableFuture<Integer> raiseFeatureLevel(int level, Duration timeout) {
        return CompletableFuture.failedFuture(new ConsensusException.Refused("there is one build only"));
    }

    @Override
    public void close() {
        applier.shutdown();
        try {
            applier.awaitTermination(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
