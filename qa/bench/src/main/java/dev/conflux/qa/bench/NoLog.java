package dev.conflux.qa.bench;

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
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** A cluster of one that keeps no log: applies what is proposed, at once, on the caller's thread. */
final class NoLog implements ConsensusNode {

    private static final NodeId SELF = new NodeId(1);
    private static final Member MEMBER = new Member(SELF, "127.0.0.1:9090", true);

    private final StateMachine machine;

    NoLog(StateMachine machine) {
        this.machine = machine;
    }

    @Override
    public synchronized CompletableFuture<Committed> propose(byte[] command, Duration timeout) {
        var position = new LogPosition(machine.applied().index() + 1, 1);
        byte[] result = machine.apply(List.of(new LogEntry(position, System.currentTimeMillis(), command)))
                .getFirst();
        return CompletableFuture.completedFuture(new Committed(position, result));
    }

    @Override
    public CompletableFuture<ReadPoint> readPoint(ReadLevel level, Duration timeout) {
        return CompletableFuture.completedFuture(
                new ReadPoint(level, machine.applied().index(), 0));
    }

    @Override
    public CompletableFuture<ReadPoint> followerReadPoint(Duration maxLag) {
        return readPoint(ReadLevel.FOLLOWER, maxLag);
    }

    @Override
    public CompletableFuture<byte[]> query(ReadLevel level, byte[] query, Duration timeout) {
        return CompletableFuture.completedFuture(machine.query(query));
    }

    @Override
    public CompletableFuture<byte[]> queryMember(NodeId member, byte[] query, Duration timeout) {
        return CompletableFuture.completedFuture(machine.query(query));
    }

    @Override
    public NodeStatus status() {
        long index = machine.applied().index();
        return new NodeStatus(
                "bench",
                SELF,
                Role.LEADER,
                Optional.of(SELF),
                1,
                index,
                index,
                index,
                0,
                List.of(MEMBER),
                Optional.empty(),
                1,
                1,
                0);
    }

    @Override
    public CompletableFuture<Long> snapshot() {
        return CompletableFuture.failedFuture(new ConsensusException.Refused("there is no log"));
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
        return 1;
    }

    @Override
    public CompletableFuture<Integer> raiseFeatureLevel(int level, Duration timeout) {
        return CompletableFuture.failedFuture(new ConsensusException.Refused("there is one build only"));
    }

    @Override
    public void close() {}
}
