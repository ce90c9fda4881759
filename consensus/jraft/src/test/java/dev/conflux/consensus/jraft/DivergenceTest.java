package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.Role;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Members whose states differ find out, and the one that is wrong builds its state anew. */
@Timeout(90)
class DivergenceTest {

    @TempDir
    Path directory;

    /** No comparison but those that a test asks for. */
    private TestCluster cluster(Duration digests) {
        return new TestCluster(directory, 3)
                .tuned(config -> config.withUpkeep(Upkeep.DEFAULT.withDigests(digests, Duration.ZERO)))
                .startAll();
    }

    @Test
    void shouldFindAMemberThatAppliesDifferentlyByItselfAndRebuildIt() {
        try (var cluster = cluster(Duration.ofMillis(300))) {
            // given
            int leader = cluster.awaitLeader();
            int follower = cluster.follower();
            cluster.proposeMany(leader, "a", 50);
            cluster.awaitCount(follower, 50);
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.node(leader).metrics().digestsCompared() > 0);
            assertThat(cluster.node(leader).metrics().divergencesFound()).isZero();

            // when
            cluster.state(follower).twist = "!";
            cluster.propose(leader, "differently applied");

            // then
            awaitHalted(cluster, follower);
            assertThat(cluster.node(leader).metrics().divergencesFound()).isPositive();
            cluster.propose(leader, "the others go on");
            rebuilt(cluster, follower);
        }
    }

    @Test
    void shouldRebuildAMemberWhoseDiskGivesBackOtherBytes() {
        try (var cluster = cluster(Duration.ZERO)) {
            // given
            int leader = cluster.awaitLeader();
            int follower = cluster.follower();
            cluster.proposeMany(leader, "a", 50);
            cluster.node(leader).snapshot().join();
            cluster.awaitCount(follower, 50);
            cluster.node(follower).snapshot().join(); // its own snapshots are no more to be trusted than its state
            cluster.state(follower).damage("a17");
            cluster.node(follower).snapshot().join();
            cluster.proposeMany(leader, "b", 50);
            cluster.awaitCount(follower, 100);

            // when
            cluster.node(leader).divergence().mark(true);

            // then
            awaitHalted(cluster, follower);
            rebuilt(cluster, follower);
        }
    }

    @Test
    void shouldRebuildALeaderThatDiffersFromBothFollowers() {
        try (var cluster = cluster(Duration.ZERO)) {
            // given
            int leader = cluster.awaitLeader();
            cluster.proposeMany(leader, "a", 20);
            cluster.awaitCount(cluster.follower(), 20);
            cluster.state(leader).damage("a3");

            // when
            cluster.node(leader).divergence().mark(true);

            // then
            awaitHalted(cluster, leader);
            rebuilt(cluster, leader);
        }
    }

    @Test
    void shouldSoundTheAlarmAndGoOnWhenNoMajorityAgrees() {
        try (var cluster = cluster(Duration.ZERO)) {
            // given
            int leader = cluster.awaitLeader();
            cluster.proposeMany(leader, "a", 20);
            for (int id = 1; id <= 3; id++) {
                cluster.awaitCount(id, 20);
                cluster.state(id).damage("a" + id);
            }

            // when
            cluster.node(leader).divergence().mark(true);

            // then
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.node(leader).metrics().divergencesUndecided() > 0);
            for (int id = 1; id <= 3; id++) {
                assertThat(cluster.get(id).halted().get()).isNull();
                cluster.propose(id, "still served by " + id);
            }
        }
    }

    private static void awaitHalted(TestCluster cluster, int id) {
        await().atMost(TestCluster.SOON)
                .untilAsserted(
                        () -> assertThat(cluster.get(id).halted().get()).contains("differs from that of a majority"));
        assertThat(cluster.node(id).status().role()).isEqualTo(Role.DOWN);
    }

    /** What a supervisor does with a process that has ended, and what comes of it. */
    private static void rebuilt(TestCluster cluster, int id) {
        cluster.crash(id);
        assertThat(cluster.dataDir(id).resolve(Rebuild.FILE)).exists();
        int leader = cluster.awaitLeader();
        JRaftNode node = cluster.start(id).node();
        await().atMost(TestCluster.SOON).until(() -> node.status().role() == Role.FOLLOWER);
        assertThat(Files.exists(cluster.dataDir(id).resolve(Rebuild.FILE))).isFalse();
        cluster.awaitCount(id, cluster.state(leader).count());
        long compared = cluster.node(leader).metrics().digestsCompared();
        long found = cluster.node(leader).metrics().divergencesFound();
        cluster.node(leader).divergence().mark(true);
        await().atMost(TestCluster.SOON)
                .until(() -> cluster.node(leader).metrics().digestsCompared() > compared);
        assertThat(cluster.node(leader).metrics().divergencesFound()).isEqualTo(found);
        assertThat(cluster.state(id).commands()).isEqualTo(cluster.state(leader).commands());
    }
}
