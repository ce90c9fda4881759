package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.MemberChange;
import dev.conflux.consensus.api.MemberProgress;
import dev.conflux.consensus.api.NewMember;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.NodeStatus;
import dev.conflux.consensus.api.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Membership changes on the real engine, over real sockets. */
@Execution(ExecutionMode.CONCURRENT)
class MembershipTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    @Test
    void shouldGrowFromThreeToFourAndTellEverybody() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            cluster.proposeMany(cluster.awaitLeader(), "before", 300);
            cluster.node(cluster.awaitLeader()).snapshot().join();
            String address = TestCluster.freeAddress();
            JRaftNode fourth = cluster.startJoining(4, address).node();

            // when
            MemberChange.State end = add(cluster, cluster.follower(), 4, address);

            // then
            assertThat(end).isEqualTo(MemberChange.State.DONE);
            fourth.ready().orTimeout(20, TimeUnit.SECONDS).join();
            cluster.propose(4, "through the new one");
            cluster.awaitCount(4, 301);
            for (int id = 1; id <= 4; id++) {
                int member = id;
                await().atMost(TestCluster.SOON)
                        .until(() -> voters(cluster, member).equals(List.of(1, 2, 3, 4)));
                assertThat(cluster.node(id).status().clusterId())
                        .isEqualTo(fourth.status().clusterId());
            }
            await().atMost(TestCluster.SOON).untilAsserted(() -> {
                List<MemberProgress> progress =
                        cluster.node(4).progress(Duration.ofSeconds(2)).join();
                assertThat(progress).hasSize(4).allSatisfy(member -> {
                    assertThat(member.reachable()).isTrue();
                    assertThat(member.lag()).isZero();
                    assertThat(member.matchedIndex()).isPositive();
                    assertThat(member.featureLevel()).isEqualTo(1);
                });
                assertThat(progress.getLast().clientAddress()).isEqualTo("api-4:8080");
            });
        }
    }

    @Test
    void shouldKeepTheMembershipAcrossSnapshotsAndRestarts() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            String fourthAt = TestCluster.freeAddress();
            cluster.startJoining(4, fourthAt);
            add(cluster, 1, 4, fourthAt);
            remove(cluster, cluster.awaitLeader(), follower(cluster, 4));
            cluster.proposeMany(cluster.awaitLeader(), "a", 100);
            NodeStatus before = cluster.node(cluster.awaitLeader()).status();
            List<Integer> ids =
                    before.members().stream().map(m -> m.id().value()).toList();
            for (int id : ids) {
                cluster.awaitCount(id, 100);
                cluster.node(id).snapshot().join();
            }

            // when
            for (int id : ids) {
                cluster.crash(id);
            }
            for (int id : ids) {
                cluster.start(id == 4 ? cluster.config(4, fourthAt, new Origin.Joining(List::of)) : cluster.config(id));
            }

            // then
            int leader = cluster.awaitLeader();
            cluster.propose(leader, "after");
            for (int id : ids) {
                assertThat(cluster.node(id).status().members()).isEqualTo(before.members());
                assertThat(cluster.node(id).status().clusterId()).isEqualTo(before.clusterId());
            }
            // A node that comes by a snapshot learns of the dead as well.
            String fifthAt = TestCluster.freeAddress();
            cluster.startJoining(5, fifthAt);
            add(cluster, leader, 5, fifthAt);
            MembershipRecord record = cluster.node(5).membership().current();
            assertThat(record.removed()).hasSize(1);
            assertThat(record.members()).containsKey(5);
        }
    }

    @Test
    void shouldRemoveTheLeaderAfterHandingOver() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            cluster.propose(leader, "a");
            int follower = cluster.follower();

            // when
            MemberChange.State end = remove(cluster, follower, leader);

            // then
            assertThat(end).isEqualTo(MemberChange.State.DONE);
            await().atMost(TestCluster.SOON)
                    .untilAsserted(() -> assertThat(cluster.get(leader).halted().get())
                            .contains("node " + leader + " was removed from cluster"));
            cluster.crash(leader);
            int successor = cluster.awaitLeader();
            cluster.propose(follower, "b");
            cluster.awaitCount(successor, 2);
            assertThat(voters(cluster, successor)).hasSize(2).doesNotContain(leader);
        }
    }

    @Test
    void shouldAnswerALeaderThatRemovesItself() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();

            // when
            remove(cluster, leader, leader);

            // then
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.get(leader).halted().get() != null);
            cluster.crash(leader);
            cluster.propose(cluster.awaitLeader(), "b");
        }
    }

    @Test
    void shouldTellARemovedNodeThatComesBackWithItsOldData() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int gone = cluster.follower();
            cluster.proposeMany(leader, "a", 50);
            cluster.awaitCount(gone, 50);
            cluster.crash(gone);
            remove(cluster, leader, gone);
            long term = cluster.node(leader).status().term();

            // when
            TestCluster.Running back = cluster.start(gone);

            // then
            await().atMost(TestCluster.SOON)
                    .untilAsserted(() -> assertThat(back.halted().get())
                            .contains("node " + gone + " was removed")
                            .contains("a new node id"));
            await().during(Duration.ofSeconds(2))
                    .atMost(Duration.ofSeconds(10))
                    .until(() -> cluster.node(leader).status().term() == term
                            && cluster.node(leader).status().role() == Role.LEADER);
            cluster.crash(gone);
            cluster.propose(leader, "b");
            // Its id is dead, also with an empty directory.
            String address = TestCluster.freeAddress();
            assertThatThrownBy(() -> add(cluster, leader, gone, address))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("can never be used again");
        }
    }

    @Test
    void shouldReplaceAWipedMemberAtTheSameAddressByANewId() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int wiped = cluster.follower();
            cluster.proposeMany(leader, "a", 50);
            cluster.crash(wiped);
            delete(cluster.dataDir(wiped));
            delete(cluster.stateDir(wiped));
            String address = cluster.members.get(wiped - 1).address();

            // when
            remove(cluster, leader, wiped);
            cluster.startJoining(4, address);
            add(cluster, leader, 4, address);

            // then
            cluster.awaitCount(4, 50);
            cluster.propose(4, "b");
            assertThat(voters(cluster, leader)).hasSize(3).contains(4).doesNotContain(wiped);
            // The new voter counts: the cluster lives on without another one.
            int third = 6 - leader - wiped;
            cluster.crash(third);
            cluster.propose(4, "c");
        }
    }

    @Test
    void shouldRemoveALeaderThatHasJustDied() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int follower = cluster.follower();
            cluster.propose(leader, "a");

            // when
            cluster.crash(leader);
            MemberChange.State end = remove(cluster, follower, leader);

            // then
            assertThat(end).isEqualTo(MemberChange.State.DONE);
            cluster.propose(follower, "b");
            assertThat(voters(cluster, follower)).hasSize(2).doesNotContain(leader);
        }
    }

    @Test
    void shouldFinishAnAddingAcrossTheDeathOfTheLeader() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int follower = cluster.follower();
            cluster.proposeMany(leader, "a", 500);
            String address = TestCluster.freeAddress();
            cluster.startJoining(4, address);

            // when
            CompletableFuture<MemberChange.State> adding =
                    cluster.node(follower).addMember(new NewMember(new NodeId(4), address, ""), PATIENCE);
            await().atMost(TestCluster.SOON)
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> cluster.node(leader).status().change().isPresent());
            cluster.crash(leader);

            // then
            assertThat(adding.join()).isEqualTo(MemberChange.State.DONE);
            cluster.awaitCount(4, 500);
            assertThat(voters(cluster, follower)).isEqualTo(List.of(1, 2, 3, 4));
            cluster.propose(4, "b");
        }
    }

    @Test
    void shouldRefuseWhoIsNotThereAndGiveUpWhoNeverCatchesUp() {
        try (var cluster = new TestCluster(directory, 3)
                .tuned(config -> config.withJoinStall(Duration.ofSeconds(2)))
                .startAll()) {
            // given
            int leader = cluster.awaitLeader();
            String address = TestCluster.freeAddress();
            List<Member> before = cluster.node(leader).status().members();

            // then
            assertThatThrownBy(() -> add(cluster, leader, 4, address))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("cannot be reached at " + address);
            assertThat(cluster.node(leader).status().members()).isEqualTo(before);

            // when
            cluster.startJoining(4, address);
            CompletableFuture<MemberChange.State> adding =
                    cluster.node(leader).addMember(new NewMember(new NodeId(4), address, ""), PATIENCE);
            await().atMost(TestCluster.SOON)
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> cluster.node(leader).status().change().isPresent());
            cluster.crash(4);

            // then
            assertThatThrownBy(() -> joined(adding))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("given up");
            assertThat(cluster.node(leader).status().members()).isEqualTo(before);
            cluster.propose(leader, "a");
            // The same node may try again.
            cluster.startJoining(4, address);
            assertThat(add(cluster, leader, 4, address)).isEqualTo(MemberChange.State.DONE);
            cluster.awaitCount(4, 1);
        }
    }

    @Test
    void shouldGiveUpWhoAnswersButNeverCatchesUp() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given: a disk on which there is never enough room
            int leader = cluster.awaitLeader();
            cluster.proposeMany(leader, "a", 50);
            for (int id = 1; id <= 3; id++) {
                cluster.node(id).driver().joinLimit(Duration.ofSeconds(4));
            }
            String address = TestCluster.freeAddress();
            cluster.start(cluster.config(
                            4,
                            address,
                            new Origin.Joining(() -> cluster.members.stream()
                                    .map(Member::address)
                                    .toList()))
                    .withUpkeep(TestCluster.NO_MARKS.withMinFreeBytes(Long.MAX_VALUE / 4)));

            // then
            assertThatThrownBy(() -> add(cluster, leader, 4, address))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("never caught up");
            assertThat(cluster.node(leader).status().members()).hasSize(3);
            assertThat(cluster.node(leader).status().change()).isEmpty();
            cluster.propose(leader, "b");
        }
    }

    @Test
    void shouldRefuseWhatWouldLoseTheQuorum() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int dead = cluster.follower();
            int alive = 6 - leader - dead;
            cluster.crash(dead);
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.node(leader).progress(Duration.ofSeconds(1)).join().stream()
                            .anyMatch(member -> !member.reachable()));

            // then
            assertThatThrownBy(() -> remove(cluster, leader, alive))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("2 of 2 voters are needed, but only 1");
            assertThatThrownBy(() -> remove(cluster, alive, 77))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("node 77 is not a member");
            assertThatThrownBy(() -> add(
                            cluster,
                            alive,
                            dead,
                            cluster.members.get(leader - 1).address()))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("is a member already");
            assertThatThrownBy(() -> add(
                            cluster, alive, 9, cluster.members.get(leader - 1).address()))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("belongs to node " + leader);
            cluster.propose(leader, "still here");
        }
    }

    @Test
    void shouldRefuseANodeOfAnotherClusterAndAFounder() {
        try (var cluster = new TestCluster(directory.resolve("one"), 3).startAll();
                var other = new TestCluster(directory.resolve("two"), cluster.authority, 1)) {
            // given
            String address = TestCluster.freeAddress();
            other.start(
                    other.config(4, address, new Origin.Founders(List.of(new Member(new NodeId(4), address, true)))));
            other.node(4).ready().orTimeout(20, TimeUnit.SECONDS).join();

            // then
            assertThatThrownBy(() -> add(cluster, 1, 4, address))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("node 4 belongs to cluster");
            String founder = TestCluster.freeAddress();
            other.start(other.config(
                    5,
                    founder,
                    new Origin.Founders(List.of(
                            new Member(new NodeId(5), founder, true),
                            new Member(new NodeId(6), TestCluster.freeAddress(), true)))));
            assertThatThrownBy(() -> add(cluster, 1, 5, founder))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("configured to found a cluster");
        }
    }

    @Test
    void shouldAllowOneChangeAtATime() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            String first = TestCluster.freeAddress();
            String second = TestCluster.freeAddress();
            cluster.startJoining(4, first);
            cluster.startJoining(5, second);

            // when
            var outcomes = new CopyOnWriteArrayList<String>();
            var both = new ArrayList<CompletableFuture<?>>();
            both.add(outcome(cluster, cluster.follower(), 4, first, outcomes));
            both.add(outcome(cluster, leader, 5, second, outcomes));
            both.forEach(CompletableFuture::join);

            // then: one after the other, or one of them was told to come back
            assertThat(outcomes).contains("DONE");
            if (outcomes.stream().anyMatch(o -> o.contains("one change at a time"))) {
                int missing =
                        cluster.node(leader).membership().current().members().containsKey(4) ? 5 : 4;
                add(cluster, leader, missing, missing == 4 ? first : second);
            }
            await().atMost(TestCluster.SOON).until(() -> voters(cluster, leader).equals(List.of(1, 2, 3, 4, 5)));
        }
    }

    @Test
    void shouldShrinkToOneAndGrowAgainUnderLoad() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int second = cluster.follower();
            int third = 6 - leader - second;
            cluster.proposeMany(leader, "a", 100);

            // when
            remove(cluster, leader, second);
            remove(cluster, leader, third);
            cluster.crash(second);
            cluster.crash(third);
            cluster.proposeMany(leader, "b", 100);
            assertThatThrownBy(() -> remove(cluster, leader, leader)).hasMessageContaining("only member");
            String address = TestCluster.freeAddress();
            cluster.startJoining(4, address);
            add(cluster, leader, 4, address);
            cluster.proposeMany(4, "c", 100);

            // then
            cluster.awaitCount(4, 300);
            assertThat(cluster.state(4).commands())
                    .isEqualTo(cluster.state(leader).commands());
        }
    }

    @Test
    void shouldNameTheNewLeaderAfterATransfer() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int follower = cluster.follower();
            cluster.propose(follower, "a");

            // then
            NodeId successor = cluster.node(leader)
                    .transferLeadership(Optional.of(new NodeId(follower)))
                    .join();
            assertThat(successor.value()).isEqualTo(follower);
            assertThat(cluster.node(leader).status().leader()).contains(successor);
            assertThatThrownBy(() -> joined(cluster.node(leader).transferLeadership(Optional.of(new NodeId(77)))))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("not a voting member");
        }
    }

    @Test
    void shouldEndMembersThatMeetAHigherEpoch() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given: what founding again from node 1 leaves in its directory
            cluster.propose(cluster.awaitLeader(), "a");
            for (int id = 1; id <= 3; id++) {
                cluster.crash(id);
            }
            Identity identity = Objects.requireNonNull(Identity.read(cluster.dataDir(1)));
            identity.memberOf(identity.clusterId(), 2).write(cluster.dataDir(1));
            MembershipRecord record = Objects.requireNonNull(MembershipRecord.read(cluster.dataDir(1)));
            new MembershipRecord(
                            record.position(),
                            record.clusterId(),
                            2,
                            record.featureLevel(),
                            record.change(),
                            record.removed(),
                            record.members())
                    .write(cluster.dataDir(1));

            // when
            for (int id = 1; id <= 3; id++) {
                cluster.start(id);
            }

            // then
            for (int id = 2; id <= 3; id++) {
                TestCluster.Running old = cluster.get(id);
                await().atMost(TestCluster.SOON)
                        .untilAsserted(() -> assertThat(old.halted().get())
                                .contains("was founded again as epoch 2; this directory is of epoch 1"));
            }
            assertThat(cluster.get(1).halted().get()).isNull();
        }
    }

    // ---- discovery ----

    @Test
    void shouldFoundOneClusterFromNamesThatAppearOneAfterTheOther() throws IOException {
        try (var cluster = new TestCluster(directory, 3)) {
            // given: a name's addresses are not those that the nodes call themselves by, and each finds itself there
            List<String> names = cluster.members.stream()
                    .map(member -> member.address().replace("127.0.0.1", "localhost"))
                    .toList();
            var known = new CopyOnWriteArrayList<String>();
            for (int id = 1; id <= 3; id++) {
                cluster.start(cluster.config(
                        id, cluster.members.get(id - 1).address(), new Origin.Discovery(3, () -> List.copyOf(known))));
            }
            known.addAll(names.subList(0, 2));
            await().during(Duration.ofSeconds(2))
                    .atMost(Duration.ofSeconds(10))
                    .until(() -> !cluster.node(1).ready().isDone());

            // when
            known.add(names.get(2));

            // then
            for (int id = 1; id <= 3; id++) {
                cluster.node(id).ready().orTimeout(20, TimeUnit.SECONDS).join();
            }
            cluster.propose(cluster.awaitLeader(), "a");
            cluster.awaitCount(1, 1);
            assertThat(cluster.node(1).status().members()).isEqualTo(cluster.members);
            assertThat(cluster.node(1).metrics().connectionsRefused()).isLessThan(5);
            String clusterId = cluster.node(1).status().clusterId();

            // when: the first node is wiped
            cluster.crash(1);
            delete(cluster.dataDir(1));
            delete(cluster.stateDir(1));
            JRaftNode wiped = cluster.start(cluster.config(
                            1, cluster.members.getFirst().address(), new Origin.Discovery(3, () -> List.copyOf(known))))
                    .node();

            // then: it founds nothing, and says what to do
            assertThatThrownBy(
                            () -> wiped.ready().orTimeout(20, TimeUnit.SECONDS).join())
                    .hasCauseInstanceOf(IdentityException.class)
                    .hasMessageContaining("remove node 1 from the membership and join with a new node id");
            assertThat(cluster.node(2).status().clusterId()).isEqualTo(clusterId);
        }
    }

    // ---- feature level ----

    @Test
    void shouldRaiseTheFeatureLevelOnlyWhenEveryMemberUnderstandsIt() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            assertThat(cluster.node(leader).status().featureLevel()).isEqualTo(1);
            assertThatThrownBy(() -> joined(cluster.node(leader).raiseFeatureLevel(2, PATIENCE)))
                    .isInstanceOf(ConsensusException.Refused.class)
                    .hasMessageContaining("understands only 1");

            // when: a rolling upgrade
            cluster.tuned(config -> config.withFeatureLevel(2));
            for (int id = 1; id <= 3; id++) {
                cluster.stop(id);
                cluster.start(id);
                cluster.node(id).ready().orTimeout(20, TimeUnit.SECONDS).join();
                int asked = id;
                cluster.propose(cluster.awaitLeader(), "upgraded " + id);
                if (id < 3) {
                    assertThatThrownBy(() -> joined(cluster.node(asked).raiseFeatureLevel(2, PATIENCE)))
                            .isInstanceOf(ConsensusException.Refused.class);
                }
            }
            int follower = cluster.follower();
            await().atMost(TestCluster.SOON)
                    .ignoreExceptions()
                    .until(() -> joined(cluster.node(follower).raiseFeatureLevel(2, PATIENCE)) == 2);

            // then
            for (int id = 1; id <= 3; id++) {
                int member = id;
                await().atMost(TestCluster.SOON)
                        .until(() -> cluster.node(member).status().featureLevel() == 2);
            }
            cluster.stop(follower);
            cluster.tuned(config -> config.withFeatureLevel(1));
            assertThatThrownBy(() -> cluster.start(follower)).hasMessageContaining("UPGRADE_REQUIRED");
        }
    }

    // ---- helpers ----

    private static CompletableFuture<?> outcome(
            TestCluster cluster, int asked, int id, String address, List<String> outcomes) {
        return cluster.node(asked)
                .addMember(new NewMember(new NodeId(id), address, ""), PATIENCE)
                .handle((state, problem) ->
                        outcomes.add(problem == null ? state.name() : String.valueOf(problem.getMessage())));
    }

    private static MemberChange.State add(TestCluster cluster, int asked, int id, String address) {
        return joined(
                cluster.node(asked).addMember(new NewMember(new NodeId(id), address, "api-" + id + ":8080"), PATIENCE));
    }

    private static MemberChange.State remove(TestCluster cluster, int asked, int id) {
        return joined(cluster.node(asked).removeMember(new NodeId(id), PATIENCE));
    }

    private static <T> T joined(CompletableFuture<T> future) {
        try {
            return future.orTimeout(60, TimeUnit.SECONDS).join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }

    private static List<Integer> voters(TestCluster cluster, int asked) {
        return cluster.node(asked).status().members().stream()
                .filter(Member::voter)
                .map(member -> member.id().value())
                .toList();
    }

    private static int follower(TestCluster cluster, int except) {
        int leader = cluster.awaitLeader();
        return Stream.of(1, 2, 3)
                .filter(id -> id != leader && id != except)
                .findFirst()
                .orElseThrow();
    }

    private static void delete(Path path) throws IOException {
        try (Stream<Path> all = Files.walk(path)) {
            for (Path file : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
