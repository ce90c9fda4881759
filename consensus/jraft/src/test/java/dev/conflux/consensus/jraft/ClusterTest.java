package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.ReadPoint;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ClusterTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    @TempDir
    Path directory;

    @Test
    void shouldRunAloneAndRestartWithItsState() {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            Committed first = cluster.propose(1, "a");
            assertThat(new String(first.result(), StandardCharsets.UTF_8)).isEqualTo("1");
            cluster.stop(1);

            // when
            cluster.start(1).node().ready().join();
            cluster.awaitLeader();
            Committed second = cluster.propose(1, "b");

            // then
            assertThat(new String(second.result(), StandardCharsets.UTF_8)).isEqualTo("2");
            assertThat(second.position()).isGreaterThan(first.position());
            assertThat(cluster.state(1).commands()).containsExactly("a", "b");
        }
    }

    @Test
    void shouldProposeOnLeaderAndFollowerAndReadEverywhere() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int follower = cluster.follower();

            // when
            cluster.propose(leader, "on leader");
            Committed forwarded = cluster.propose(follower, "on follower");

            // then
            assertThat(cluster.state(follower).has("on follower"))
                    .as("reads its own write")
                    .isTrue();
            for (int id = 1; id <= 3; id++) {
                ReadPoint point = cluster.node(id)
                        .readPoint(ReadLevel.LINEARIZABLE, TIMEOUT)
                        .join();
                assertThat(point.appliedIndex())
                        .isGreaterThanOrEqualTo(forwarded.position().index());
                assertThat(point.stalenessMillis()).isZero();
                assertThat(cluster.node(id)
                                .query(ReadLevel.STRONG, "count".getBytes(StandardCharsets.UTF_8), TIMEOUT)
                                .join())
                        .asString()
                        .isEqualTo("2");
            }
            assertThat(cluster.node(leader)
                            .queryMember(
                                    new dev.conflux.consensus.api.NodeId(follower),
                                    "count".getBytes(StandardCharsets.UTF_8),
                                    TIMEOUT)
                            .join())
                    .asString()
                    .isEqualTo("2");
        }
    }
}
