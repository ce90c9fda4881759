package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.Role;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The cases in which the bare engine loses acknowledged writes, or runs on as a zombie. */
@Timeout(60)
@Execution(ExecutionMode.CONCURRENT)
class GuardTest {

    /** Long enough for several elections, had one been possible. */
    private static final Duration SEVERAL_ELECTIONS = Duration.ofMillis(2_500);

    @TempDir
    Path directory;

    @Test
    void shouldRefuseASecondNodeOnTheSameDirectory() {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            assertThatThrownBy(() -> DirectoryLock.acquire(cluster.dataDir(1)))
                    .isInstanceOf(IdentityException.class)
                    .hasMessageContaining(cluster.dataDir(1).toString())
                    .hasMessageContaining("process " + ProcessHandle.current().pid());
        }
    }

    @Test
    void shouldNotFormAClusterWithoutEveryMember() {
        try (var cluster = new TestCluster(directory, 3)) {
            // given
            cluster.start(1);
            cluster.start(2);

            // then
            await().during(Duration.ofSeconds(1))
                    .atMost(Duration.ofSeconds(5))
                    .until(() -> cluster.node(1).status().role() == Role.DOWN
                            && !cluster.node(1).ready().isDone()
                            && !cluster.node(2).ready().isDone());
            cluster.start(3);
            cluster.node(1).ready().orTimeout(20, TimeUnit.SECONDS).join();
            cluster.awaitLeader();
        }
    }

    @Test
    void shouldNotLoseAnythingToAWipedMemberAndALaggingOne() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            Cast cast = lagOne(cluster);
            cluster.crash(cast.leader());
            cluster.crash(cast.other());
            delete(cluster.dataDir(cast.other()));
            delete(cluster.stateDir(cast.other()));

            // when
            cluster.start(cast.lagging());
            JRaftNode wiped = cluster.start(cast.other()).node();

            // then
            assertThatThrownBy(
                            () -> wiped.ready().orTimeout(20, TimeUnit.SECONDS).join())
                    .hasCauseInstanceOf(IdentityException.class)
                    .hasMessageContaining("knows node " + cast.other() + " with storage id")
                    .hasMessageContaining("join with a new node id");
            await().during(SEVERAL_ELECTIONS).atMost(Duration.ofSeconds(10)).until(() -> cluster.leader() == null);
            cluster.start(cast.leader());
            cluster.awaitLeader();
            cluster.awaitCount(cast.leader(), 250);
            cluster.awaitCount(cast.lagging(), 250);
            assertThat(cluster.state(cast.lagging()).commands())
                    .isEqualTo(cluster.state(cast.leader()).commands());
        }
    }

    @Test
    void shouldNotLoseAnythingToADamagedMemberAndALaggingOne() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            Cast cast = lagOne(cluster);
            cluster.crash(cast.leader());
            cluster.crash(cast.other());
            flipOneBit(newestWal(cluster.dataDir(cast.other()).resolve("log")), 0.3);
            delete(cluster.stateDir(cast.other())); // so that only the high-water mark can know

            // when
            cluster.start(cast.lagging());
            JRaftNode damaged = cluster.start(cast.other()).node();

            // then
            damaged.ready().orTimeout(20, TimeUnit.SECONDS).join();
            assertThat(damaged.status().role()).isEqualTo(Role.QUARANTINED);
            assertThat(damaged.quarantineReason())
                    .hasValueSatisfying(why -> assertThat(why).contains("this node once reached"));
            assertThatThrownBy(() -> damaged.readPoint(ReadLevel.LINEARIZABLE, Duration.ofSeconds(1))
                            .join())
                    .hasCauseInstanceOf(ConsensusException.Unavailable.class);
            await().during(SEVERAL_ELECTIONS).atMost(Duration.ofSeconds(10)).until(() -> cluster.leader() == null);

            // when
            cluster.start(cast.leader());

            // then
            cluster.awaitLeader();
            await().atMost(TestCluster.SOON).until(() -> damaged.status().role() == Role.FOLLOWER);
            for (int id = 1; id <= 3; id++) {
                cluster.awaitCount(id, 250);
                assertThat(cluster.state(id).count()).isEqualTo(250);
            }
            assertThat(cluster.state(cast.other()).commands())
                    .isEqualTo(cluster.state(cast.leader()).commands());
            cluster.propose(cast.other(), "after healing");
        }
    }

    /** Case c1: what was cut off had been acknowledged, and the mark knows. */
    @ParameterizedTest
    @ValueSource(ints = {7, 3_000})
    void shouldQuarantineAndHealWhenTheEndOfTheLogIsCutOff(int bytes) throws IOException {
        damagedFollower(wal -> {
            byte[] all = Files.readAllBytes(wal);
            Files.write(wal, Arrays.copyOf(all, all.length - bytes));
        });
    }

    /** Case c2: everything behind a flipped bit is gone, without an error of the log database. */
    @Test
    void shouldQuarantineAndHealWhenABitInTheLogIsFlipped() throws IOException {
        damagedFollower(wal -> flipOneBit(wal, 0.5));
    }

    private interface Damage {
        void to(Path wal) throws IOException;
    }

    private void damagedFollower(Damage damage) throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int follower = cluster.follower();
            int leader = cluster.awaitLeader();
            cluster.proposeMany(leader, "a", 200);
            cluster.awaitCount(follower, 200);
            cluster.crash(follower);
            damage.to(newestWal(cluster.dataDir(follower).resolve("log")));
            delete(cluster.stateDir(follower)); // so that only the high-water mark can know
            cluster.proposeMany(leader, "b", 50);

            // when
            cluster.crash(leader); // nobody heals it yet
            JRaftNode node = cluster.start(follower).node();
            node.ready().orTimeout(20, TimeUnit.SECONDS).join();

            // then
            assertThat(node.status().role()).isEqualTo(Role.QUARANTINED);
            assertThat(node.quarantineReason())
                    .hasValueSatisfying(why -> assertThat(why)
                            .contains("this node once reached")
                            .contains("raft-inspector verify " + cluster.dataDir(follower)));
            cluster.start(leader);
            await().atMost(TestCluster.SOON).until(() -> node.status().role() == Role.FOLLOWER);
            for (int id = 1; id <= 3; id++) {
                cluster.awaitCount(id, 250);
                assertThat(cluster.state(id).count()).isEqualTo(250);
            }
        }
    }

    /** A write that had begun when the process ended: nobody had been told of it, so its rest is cut off in silence. */
    @Test
    void shouldStartAsEverWhenOnlyAnUnfinishedWriteIsTorn() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.proposeMany(1, "a", 50);
            cluster.crash(1);
            Path log = cluster.dataDir(1).resolve("log");
            byte[] unfinished = Arrays.copyOf(Files.readAllBytes(newestWal(log)), 100);
            Files.write(newestWal(log), Arrays.copyOf(unfinished, 60), StandardOpenOption.APPEND);

            // when
            JRaftNode node = cluster.start(1).node();

            // then
            node.ready().orTimeout(20, TimeUnit.SECONDS).join();
            cluster.awaitLeader();
            cluster.propose(1, "after");
            assertThat(cluster.state(1).count()).isEqualTo(51);
        }
    }

    @Test
    void shouldQuarantineUntilCaughtUpWhenTheMarkIsGone() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int follower = cluster.follower();
            cluster.proposeMany(cluster.awaitLeader(), "a", 20);
            cluster.stop(follower);
            Files.delete(cluster.dataDir(follower).resolve(HighWaterMark.FILE));

            // when
            JRaftNode node = cluster.start(follower).node();

            // then
            node.ready().orTimeout(20, TimeUnit.SECONDS).join();
            await().atMost(TestCluster.SOON).until(() -> node.status().role() == Role.FOLLOWER);
            assertThat(node.quarantineReason()).isEmpty();
        }
    }

    /** Filling the log again lowers the mark: on its own it would say after a restart that nothing is missing. */
    @Test
    void shouldNotLoseAnythingToAMemberThatEndsWhileItIsBeingFilledAgain() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            Cast cast = lagOne(cluster);
            Path data = cluster.dataDir(cast.other());
            cluster.crash(cast.leader());
            cluster.crash(cast.other());
            delete(data.resolve("log"));
            delete(cluster.stateDir(cast.other()));
            JRaftNode empty = cluster.start(cast.other()).node();
            empty.ready().orTimeout(20, TimeUnit.SECONDS).join();
            assertThat(empty.status().role()).isEqualTo(Role.QUARANTINED);
            cluster.crash(cast.other());

            // when: it has got as much as the lagging one has, and ends
            delete(data.resolve("log"));
            copy(cluster.dataDir(cast.lagging()).resolve("log"), data.resolve("log"));
            Files.copy(
                    cluster.dataDir(cast.lagging()).resolve(HighWaterMark.FILE),
                    data.resolve(HighWaterMark.FILE),
                    StandardCopyOption.REPLACE_EXISTING);
            cluster.start(cast.lagging());
            JRaftNode filling = cluster.start(cast.other()).node();

            // then
            filling.ready().orTimeout(20, TimeUnit.SECONDS).join();
            await().during(SEVERAL_ELECTIONS).atMost(Duration.ofSeconds(10)).until(() -> cluster.leader() == null);
            assertThat(filling.status().role()).isEqualTo(Role.QUARANTINED);
            cluster.start(cast.leader());
            cluster.awaitLeader();
            await().atMost(TestCluster.SOON).until(() -> filling.status().role() == Role.FOLLOWER);
            for (int id = 1; id <= 3; id++) {
                cluster.awaitCount(id, 250);
            }
            assertThat(data.resolve("quarantine")).doesNotExist();
        }
    }

    @Test
    void shouldStayInQuarantineOverARestartWhenTheMarkIsGone() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int follower = cluster.follower();
            int leader = cluster.awaitLeader();
            cluster.proposeMany(leader, "a", 20);
            cluster.stop(follower);
            cluster.crash(leader); // stopped in order it would hand over, and the third could lift the quarantine
            Files.delete(cluster.dataDir(follower).resolve(HighWaterMark.FILE));
            cluster.start(follower)
                    .node()
                    .ready()
                    .orTimeout(20, TimeUnit.SECONDS)
                    .join();
            cluster.crash(follower);

            // when
            JRaftNode node = cluster.start(follower).node();

            // then
            node.ready().orTimeout(20, TimeUnit.SECONDS).join();
            await().during(SEVERAL_ELECTIONS).atMost(Duration.ofSeconds(10)).until(() -> cluster.leader() == null);
            assertThat(node.status().role()).isEqualTo(Role.QUARANTINED);
            cluster.start(leader);
            await().atMost(TestCluster.SOON).until(() -> node.status().role() == Role.FOLLOWER);
        }
    }

    /** Both others come back from old copies, as from snapshots of their machines: no guard of theirs can know. */
    @Test
    void shouldEndRatherThanEraseWhatItHasAppliedWhenAMajorityHasForgottenIt() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int keeper = cluster.awaitLeader();
            List<Integer> others = Stream.of(1, 2, 3).filter(id -> id != keeper).toList();
            cluster.proposeMany(keeper, "early", 50);
            others.forEach(id -> cluster.awaitCount(id, 50));
            for (int id : others) {
                cluster.crash(id);
                copyTree(cluster.dataDir(id), directory.resolve("old-data-" + id));
                copyTree(cluster.stateDir(id), directory.resolve("old-state-" + id));
                cluster.start(id).node().ready().orTimeout(20, TimeUnit.SECONDS).join();
            }
            cluster.proposeMany(cluster.awaitLeader(), "late", 200);
            cluster.awaitCount(keeper, 250);
            for (int id = 1; id <= 3; id++) {
                cluster.crash(id);
            }

            // when
            for (int id : others) {
                delete(cluster.dataDir(id));
                delete(cluster.stateDir(id));
                copyTree(directory.resolve("old-data-" + id), cluster.dataDir(id));
                copyTree(directory.resolve("old-state-" + id), cluster.stateDir(id));
                cluster.start(id);
            }
            for (int election = 0; election < 4; election++) { // until their terms are newer than any of the keeper's
                int leader = cluster.awaitLeader();
                cluster.crash(leader);
                cluster.start(leader)
                        .node()
                        .ready()
                        .orTimeout(20, TimeUnit.SECONDS)
                        .join();
            }
            cluster.proposeMany(cluster.awaitLeader(), "other", 10);
            cluster.start(keeper);

            // then
            await().atMost(TestCluster.SOON)
                    .untilAsserted(
                            () -> assertThat(cluster.get(keeper).halted().get()).isNotNull());
            assertThat(cluster.state(keeper).count()).isEqualTo(250);
            assertThat(cluster.state(keeper).has("late199")).isTrue();
        }
    }

    @Test
    void shouldRefuseToStartWithoutItsVote() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.propose(1, "a");
            cluster.stop(1);
            delete(EngineOptions.raftMeta(cluster.dataDir(1)));

            // when
            JRaftNode node = cluster.start(1).node();

            // then
            assertThatThrownBy(
                            () -> node.ready().orTimeout(20, TimeUnit.SECONDS).join())
                    .hasCauseInstanceOf(IdentityException.class)
                    .hasMessageContaining("it could vote twice");
        }
    }

    @Test
    void shouldRefuseToStartWithADamagedVote() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.propose(1, "a");
            cluster.stop(1);
            Path vote = EngineOptions.raftMetaFile(cluster.dataDir(1));
            flipOneBit(vote, 0.5);

            // when
            JRaftNode node = cluster.start(1).node();

            // then
            assertThatThrownBy(
                            () -> node.ready().orTimeout(20, TimeUnit.SECONDS).join())
                    .hasCauseInstanceOf(IdentityException.class)
                    .hasMessageContaining("could vote twice");
        }
    }

    @Test
    void shouldSayWhatToDoAboutADamagedSnapshot() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.propose(1, "a");
            long index = cluster.node(1).snapshot().join();
            cluster.stop(1);
            Path meta = EngineOptions.snapshots(cluster.dataDir(1))
                    .resolve("snapshot_" + index)
                    .resolve("__raft_snapshot_meta");
            byte[] bytes = Files.readAllBytes(meta);
            Files.write(meta, java.util.Arrays.copyOf(bytes, bytes.length / 2));

            // when
            JRaftNode node = cluster.start(1).node();

            // then
            assertThatThrownBy(
                            () -> node.ready().orTimeout(20, TimeUnit.SECONDS).join())
                    .hasMessageContaining(meta.toString())
                    .hasMessageContaining("identity, vote and high-water stay");
        }
    }

    @Test
    void shouldRefuseToStartWithAnOldVote() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.propose(1, "a");
            cluster.stop(1);
            Path vote = EngineOptions.raftMetaFile(cluster.dataDir(1));
            byte[] old = Files.readAllBytes(vote);
            cluster.start(1);
            cluster.awaitLeader();
            cluster.propose(1, "b");
            cluster.stop(1);
            Files.write(vote, old);

            // when
            JRaftNode node = cluster.start(1).node();

            // then
            assertThatThrownBy(
                            () -> node.ready().orTimeout(20, TimeUnit.SECONDS).join())
                    .hasCauseInstanceOf(IdentityException.class)
                    .hasMessageContaining("could vote twice");
        }
    }

    @Test
    void shouldHealAMemberWhoseDamagedLogSnapshotsAndStateWereDeleted() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int follower = cluster.follower();
            int leader = cluster.awaitLeader();
            cluster.proposeMany(leader, "a", 100);
            cluster.node(leader).snapshot().join();
            cluster.proposeMany(leader, "b", 50);
            cluster.node(leader).snapshot().join();
            cluster.awaitCount(follower, 150);
            cluster.stop(follower);
            delete(cluster.dataDir(follower).resolve("log"));
            if (Files.exists(EngineOptions.snapshots(cluster.dataDir(follower)))) {
                delete(EngineOptions.snapshots(cluster.dataDir(follower)));
            }
            delete(cluster.stateDir(follower));

            // when
            JRaftNode node = cluster.start(follower).node();

            // then
            node.ready().orTimeout(20, TimeUnit.SECONDS).join();
            await().atMost(TestCluster.SOON).until(() -> node.status().role() == Role.FOLLOWER);
            cluster.awaitCount(follower, 150);
            assertThat(cluster.state(follower).commands())
                    .isEqualTo(cluster.state(leader).commands());
            cluster.propose(follower, "after healing");
            assertThat(cluster.state(follower).has("after healing")).isTrue();
        }
    }

    @Test
    void shouldShowAForwardedWriteOnTheFollowerThatAnsweredHoweverFarItIsBehind() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int follower = cluster.follower();
            cluster.state(follower).delayMillis = 2_500;

            // when
            cluster.propose(follower, "mine");

            // then
            assertThat(cluster.state(follower).has("mine")).isTrue();
            cluster.state(follower).delayMillis = 0;
        }
    }

    @Test
    void shouldHaltWhenASnapshotFailsWithAnError() {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.propose(1, "before");
            cluster.state(1).failSnapshots = true;

            // when
            var ignored = cluster.node(1).snapshot();

            // then
            await().atMost(TestCluster.SOON)
                    .untilAsserted(
                            () -> assertThat(cluster.get(1).halted().get()).contains("snapshot failed"));
            assertThat(ignored.isDone()).isFalse();
        }
    }

    @Test
    void shouldCountEntriesBeforeARestartForTheNextSnapshot() {
        try (var cluster = new TestCluster(directory, 1)
                .tuned(config -> config.withSnapshotAfter(1L << 30, 100))
                .startAll()) {
            // given
            cluster.proposeMany(1, "a", 60);
            cluster.stop(1);
            cluster.start(1);
            cluster.awaitLeader();
            assertThat(cluster.node(1).status().snapshotIndex()).isZero();

            // when
            cluster.proposeMany(1, "b", 60);

            // then
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.node(1).status().snapshotIndex() > 100);
        }
    }

    @Test
    void shouldRefuseToStartWhenTheOnlyMemberIsDamaged() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.proposeMany(1, "a", 50);
            cluster.stop(1);
            flipOneBit(newestWal(cluster.dataDir(1).resolve("log")), 0.5);

            // when
            JRaftNode node = cluster.start(1).node();

            // then
            assertThatThrownBy(
                            () -> node.ready().orTimeout(20, TimeUnit.SECONDS).join())
                    .hasCauseInstanceOf(IdentityException.class)
                    .hasMessageContaining("restore");
        }
    }

    @Test
    void shouldRefuseALogWithoutAnIdentity() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.stop(1);
            Files.delete(cluster.dataDir(1).resolve(Identity.FILE));

            // then
            assertThatThrownBy(() -> cluster.start(1))
                    .hasCauseInstanceOf(IdentityException.class)
                    .hasMessageContaining("identity is missing");
        }
    }

    @Test
    void shouldHaltBeforeAnythingAfterAFailedApply() {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.propose(1, "before");

            // when
            var poison = cluster.node(1).propose(bytes("poison"), Duration.ofSeconds(3));
            var after = cluster.node(1).propose(bytes("after"), Duration.ofSeconds(3));

            // then
            assertThatThrownBy(poison::join)
                    .isInstanceOf(CompletionException.class)
                    .hasCauseInstanceOf(ConsensusException.Indeterminate.class);
            assertThatThrownBy(after::join).hasCauseInstanceOf(ConsensusException.class);
            assertThat(cluster.get(1).halted().get()).contains("apply failed");
            assertThat(cluster.state(1).commands()).containsExactly("before");
            assertThat(cluster.node(1).status().role()).isEqualTo(Role.DOWN);
            assertThatThrownBy(() -> cluster.propose(1, "later")).isInstanceOf(ConsensusException.Unavailable.class);
        }
    }

    /** Who plays what. */
    private record Cast(int leader, int other, int lagging) {}

    /** 50 writes on all three, then one goes down, then 200 more on the other two. */
    private static Cast lagOne(TestCluster cluster) {
        int leader = cluster.awaitLeader();
        int lagging = cluster.follower();
        int other = 6 - leader - lagging;
        cluster.proposeMany(leader, "early", 50);
        cluster.awaitCount(lagging, 50);
        cluster.crash(lagging);
        cluster.proposeMany(leader, "late", 200);
        cluster.awaitCount(other, 250);
        return new Cast(leader, other, lagging);
    }

    private static Path newestWal(Path log) throws IOException {
        try (Stream<Path> files = Files.list(log)) {
            return files.filter(file -> file.toString().endsWith(".log"))
                    .max(Comparator.naturalOrder())
                    .orElseThrow();
        }
    }

    private static void flipOneBit(Path file, double where) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[(int) (bytes.length * where)] ^= 0x10;
        Files.write(file, bytes);
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private static void copyTree(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path copy = to.resolve(from.relativize(file));
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(file, copy);
                }
            }
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
