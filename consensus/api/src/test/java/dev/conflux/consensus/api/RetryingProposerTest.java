package dev.conflux.consensus.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class RetryingProposerTest {

    private static final Duration LONG = Duration.ofSeconds(10);
    private static final Committed COMMITTED = new Committed(new LogPosition(7, 1), new byte[0]);
    private static final RetryPolicy POLICY =
            new RetryPolicy(3, Duration.ofSeconds(2), Duration.ofMillis(2), Duration.ofMillis(4));

    private final Scripted node = new Scripted();
    private final RetryingProposer proposer = new RetryingProposer(node, POLICY);
    private final byte[] command = {1, 2};

    @Test
    void shouldProposeTheSameBytesAgainAfterAnUnknownOutcome() {
        node.answers.add(CompletableFuture.failedFuture(new ConsensusException.Indeterminate("connection lost")));
        node.answers.add(CompletableFuture.completedFuture(COMMITTED));

        assertThat(proposer.propose(command, LONG).join()).isSameAs(COMMITTED);
        assertThat(node.proposed)
                .hasSize(2)
                .allSatisfy(bytes -> assertThat(bytes).isSameAs(command));
    }

    @Test
    void shouldNeverHideThatAnAttemptMayHaveHappened() {
        for (ConsensusException later : List.of(
                new ConsensusException.Overloaded("full"),
                new ConsensusException.Unavailable("stopping"),
                new ConsensusException.TooLarge(2, 1))) {
            node.answers.add(CompletableFuture.failedFuture(new ConsensusException.Indeterminate("no answer")));
            node.answers.add(CompletableFuture.failedFuture(later));
            assertThatThrownBy(() -> proposer.propose(command, LONG).join())
                    .as("then %s", later)
                    .hasCauseInstanceOf(ConsensusException.Indeterminate.class);
        }
        node.answers.add(CompletableFuture.failedFuture(new ConsensusException.Indeterminate("no answer")));
        node.answers.add(CompletableFuture.failedFuture(new ConsensusException.NoLeader("election")));
        node.answers.add(CompletableFuture.failedFuture(new ConsensusException.NoLeader("election")));
        assertThatThrownBy(() -> proposer.propose(command, LONG).join())
                .hasCauseInstanceOf(ConsensusException.Indeterminate.class);
        assertThat(node.answers).isEmpty();
    }

    @Test
    void shouldPassOnWhatCertainlyDidNotHappen() {
        node.answers.add(CompletableFuture.failedFuture(new ConsensusException.Overloaded("full")));
        assertThatThrownBy(() -> proposer.propose(command, LONG).join())
                .hasCauseInstanceOf(ConsensusException.Overloaded.class);
        assertThat(node.proposed).as("not repeated").hasSize(1);
    }

    @Test
    void shouldTakeAnUnknownFailureForAnUnknownOutcome() {
        node.answers.add(CompletableFuture.failedFuture(new IllegalStateException("bug")));
        assertThatThrownBy(() -> proposer.propose(command, LONG).join())
                .hasCauseInstanceOf(ConsensusException.Indeterminate.class)
                .hasRootCauseInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldGiveEarlierAttemptsTheirShareOfTheTimeAndTheLastOneTheRest() {
        for (int i = 0; i < 3; i++) {
            node.answers.add(CompletableFuture.failedFuture(new ConsensusException.NoLeader("election")));
        }
        assertThatThrownBy(() -> proposer.propose(command, LONG).join())
                .hasCauseInstanceOf(ConsensusException.NoLeader.class);
        assertThat(node.timeouts).hasSize(3);
        assertThat(node.timeouts.subList(0, 2)).containsOnly(Duration.ofSeconds(2));
        assertThat(node.timeouts.getLast()).isGreaterThan(Duration.ofSeconds(8));
    }

    @Test
    void shouldStopWhenTheTimeIsUp() {
        var slow = new RetryingProposer(
                node, new RetryPolicy(9, Duration.ofSeconds(1), Duration.ofSeconds(5), Duration.ofSeconds(5)));
        node.answers.add(CompletableFuture.failedFuture(new ConsensusException.NoLeader("election")));
        assertThatThrownBy(() -> slow.propose(command, Duration.ofMillis(500)).join())
                .hasCauseInstanceOf(ConsensusException.NoLeader.class);
        assertThat(node.proposed).hasSize(1);
    }

    @Test
    void shouldDoublePausesUpToTheirBoundAndSpreadThem() {
        var policy = new RetryPolicy(5, LONG, Duration.ofMillis(20), Duration.ofMillis(500));
        assertThat(policy.pauseAfter(1, 0)).isEqualTo(Duration.ofMillis(10));
        assertThat(policy.pauseAfter(1, 0.5)).isEqualTo(Duration.ofMillis(15));
        assertThat(policy.pauseAfter(2, 0)).isEqualTo(Duration.ofMillis(20));
        assertThat(policy.pauseAfter(5, 0.999_999_999)).isBetween(Duration.ofMillis(319), Duration.ofMillis(320));
        assertThat(policy.pauseAfter(6, 0)).isEqualTo(Duration.ofMillis(250));
        assertThat(policy.pauseAfter(500, 0)).isEqualTo(Duration.ofMillis(250));
    }

    /** Answers as it was told to. */
    private static final class Scripted implements ConsensusNode {
        private final ArrayDeque<CompletableFuture<Committed>> answers = new ArrayDeque<>();
        private final List<byte[]> proposed = new ArrayList<>();
        private final List<Duration> timeouts = new ArrayList<>();

        @Override
        public CompletableFuture<Committed> propose(byte[] bytes, Duration timeout) {
            proposed.add(bytes);
            timeouts.add(timeout);
            return answers.remove();
        }

        @Override
        public CompletableFuture<ReadPoint> readPoint(ReadLevel level, Duration timeout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<ReadPoint> followerReadPoint(Duration maxLag) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<byte[]> query(ReadLevel level, byte[] query, Duration timeout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<byte[]> queryMember(NodeId member, byte[] query, Duration timeout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public NodeStatus status() {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<Long> snapshot() {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<NodeId> transferLeadership(Optional<NodeId> target) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<MemberChange.State> addMember(NewMember member, Duration timeout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<MemberChange.State> removeMember(NodeId member, Duration timeout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<List<MemberProgress>> progress(Duration timeout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int featureLevel() {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<Integer> raiseFeatureLevel(int level, Duration timeout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {}
    }
}
