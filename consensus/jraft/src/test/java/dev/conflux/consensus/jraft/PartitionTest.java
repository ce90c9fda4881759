package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.ReadPoint;
import dev.conflux.consensus.api.Role;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a member answers that has lost the others. */
@Timeout(90)
class PartitionTest {

    private static final Duration READ = Duration.ofMillis(600);
    private static final Duration LONG = Duration.ofSeconds(10);

    /** Timer ticks and a machine that does other things as well. */
    private static final Duration GRACE = Duration.ofSeconds(2);

    private static final List<ReadLevel> CONFIRMED = List.of(ReadLevel.STRONG, ReadLevel.LINEARIZABLE);

    @TempDir
    Path directory;

    @Test
    void shouldServeNoConfirmedReadFromADeposedLeader() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int old = cluster.awaitLeader();
            cluster.propose(old, "before");

            // when
            cluster.isolate(old);

            // then: a linearizable read is refused from the first moment on, not only once it has stepped down.
            assertRefused(cluster, old, ReadLevel.LINEARIZABLE);
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.node(old).status().role() != Role.LEADER);
            int next = awaitOtherLeader(cluster, old);
            Committed during = cluster.propose(next, "during");
            for (ReadLevel level : CONFIRMED) {
                assertRefused(cluster, old, level);
                assertThat(read(cluster, next, level).appliedIndex())
                        .isGreaterThanOrEqualTo(during.position().index());
            }
            ReadPoint stale = read(cluster, old, ReadLevel.STALE);
            assertThat(stale.appliedIndex()).isLessThan(during.position().index());
            assertThat(stale.stalenessMillis()).as("never called fresh").isPositive();
            assertThatThrownBy(() -> cluster.node(old)
                            .propose("lost".getBytes(StandardCharsets.UTF_8), READ)
                            .join())
                    .hasCauseInstanceOf(ConsensusException.class);

            // when
            cluster.heal(old);

            // then
            await().atMost(TestCluster.SOON)
                    .ignoreException(CompletionException.class)
                    .until(() -> {
                        read(cluster, old, ReadLevel.LINEARIZABLE);
                        return cluster.state(old).has("during");
                    });
            for (ReadLevel level : CONFIRMED) {
                assertThat(read(cluster, old, level).appliedIndex())
                        .isGreaterThanOrEqualTo(during.position().index());
            }
            cluster.propose(old, "after");
            assertThat(cluster.state(old).commands()).containsExactlyInAnyOrder("before", "during", "after");
        }
    }

    @Test
    void shouldServeNoConfirmedReadFromALonelyFollowerAndBoundTheOthers() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int lonely = cluster.follower();
            cluster.propose(lonely, "before");
            // A member that was never confirmed may be behind by any time; it asks once a second.
            ReadPoint bounded = await().atMost(TestCluster.SOON)
                    .ignoreException(CompletionException.class)
                    .until(() -> cluster.node(lonely).followerReadPoint(LONG).join(), Objects::nonNull);
            assertThat(bounded.stalenessMillis()).isLessThan(LONG.toMillis());

            // when
            cluster.isolate(lonely);
            cluster.propose(leader, "during");

            // then
            for (ReadLevel level : CONFIRMED) {
                assertRefused(cluster, lonely, level);
            }
            assertThatThrownBy(() -> cluster.node(lonely)
                            .followerReadPoint(Duration.ofMillis(500))
                            .join())
                    .hasCauseInstanceOf(ConsensusException.NotCaughtUp.class);
            assertThat(cluster.node(lonely)
                            .followerReadPoint(Duration.ofMinutes(5))
                            .join())
                    .satisfies(point -> assertThat(point.level()).isEqualTo(ReadLevel.FOLLOWER));
            assertThat(cluster.state(lonely).has("during")).isFalse();
        }
    }

    private static int awaitOtherLeader(TestCluster cluster, int old) {
        await().atMost(TestCluster.SOON).until(() -> {
            Integer leader = cluster.leader();
            return leader != null && leader != old;
        });
        return cluster.awaitLeader();
    }

    private static ReadPoint read(TestCluster cluster, int id, ReadLevel level) {
        return cluster.node(id).readPoint(level, LONG).join();
    }

    private static void assertRefused(TestCluster cluster, int id, ReadLevel level) {
        long begin = System.nanoTime();
        CompletableFuture<ReadPoint> read = cluster.node(id).readPoint(level, READ);
        assertThatThrownBy(read::join)
                .as("%s on node %d", level, id)
                .satisfies(problem -> assertThat(problem.getCause())
                        .isInstanceOfAny(ConsensusException.NoLeader.class, ConsensusException.NoQuorum.class));
        assertThat(Duration.ofNanos(System.nanoTime() - begin))
                .as("%s is refused in time", level)
                .isLessThan(READ.plus(GRACE));
    }
}
