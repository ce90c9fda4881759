package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Builds that understand one feature level more, and less, in one cluster. There is no older build yet: what both of
 * them write is compared by golden files.
 */
@Timeout(90)
@Execution(ExecutionMode.CONCURRENT)
class RollingUpgradeTest {

    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final int WRITES = 5;

    @TempDir
    Path directory;

    @Test
    void shouldGoUpAndDownUnderWritesUntilTheLevelIsRaisedAndOnlyUpAfterwards() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // when: up, back down, up, one of them by kill -9, the leader last
            int last = cluster.awaitLeader();
            int first = last % 3 + 1;
            int second = first % 3 + 1;
            int written = restart(cluster, first, 2, false, 0);
            written = restart(cluster, second, 2, true, written);
            written = restart(cluster, first, 1, false, written);
            written = restart(cluster, first, 2, false, written);
            written = restart(cluster, last, 2, false, written);

            // then: nothing is lost, and the level is as before
            awaitAll(cluster, written);
            assertThat(cluster.node(first).status().featureLevel()).isEqualTo(1);

            // and when
            await().atMost(TestCluster.SOON)
                    .ignoreExceptions()
                    .until(() -> cluster.node(cluster.awaitLeader())
                                    .raiseFeatureLevel(2, PATIENCE)
                                    .join()
                            == 2);
            int follower = cluster.follower();
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.node(follower).status().featureLevel() == 2);
            cluster.stop(follower);
            written = write(cluster, written);
            cluster.tuned(config -> config.withFeatureLevel(1));

            // then: the older build refuses, and has touched nothing
            assertThatThrownBy(() -> cluster.start(follower)).hasMessageContaining("UPGRADE_REQUIRED");
            cluster.tuned(config -> config.withFeatureLevel(2));
            cluster.start(follower)
                    .node()
                    .ready()
                    .orTimeout(20, TimeUnit.SECONDS)
                    .join();
            awaitAll(cluster, written);
        }
    }

    /** With writes by two members, and by three, of whichever build. */
    private static int restart(TestCluster cluster, int id, int level, boolean hard, int before) {
        if (hard) {
            cluster.crash(id);
        } else {
            cluster.stop(id);
        }
        int written = write(cluster, before);
        cluster.tuned(config -> config.withFeatureLevel(level));
        cluster.start(id).node().ready().orTimeout(20, TimeUnit.SECONDS).join();
        return write(cluster, written);
    }

    private static int write(TestCluster cluster, int written) {
        for (int i = written; i < written + WRITES; i++) {
            String command = "write " + i;
            await().atMost(TestCluster.SOON).ignoreExceptions().until(() -> {
                cluster.propose(cluster.awaitLeader(), command);
                return true;
            });
        }
        return written + WRITES;
    }

    private static void awaitAll(TestCluster cluster, int written) {
        for (int id = 1; id <= 3; id++) {
            int member = id;
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.state(member)
                                    .commands()
                                    .equals(cluster.state(1).commands())
                            && cluster.state(member).has("write " + (written - 1)));
            for (int i = 0; i < written; i++) {
                assertThat(cluster.state(member).has("write " + i))
                        .as("write %d on node %d", i, member)
                        .isTrue();
            }
        }
    }
}
