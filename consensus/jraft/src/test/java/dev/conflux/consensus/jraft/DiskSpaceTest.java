package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.Role;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Full disks, on real file systems of some megabytes. */
@Timeout(90)
@Execution(ExecutionMode.CONCURRENT)
class DiskSpaceTest {

    private static final int DISK_MEBIBYTES = 256;
    private static final long MIN_FREE = 64L << 20;

    /** As the limits say: one look, and room for a slow machine. */
    private static final Duration NOTICED = Duration.ofSeconds(3);

    @TempDir
    Path directory;

    private TestCluster cluster(int size, long minFree) {
        return new TestCluster(directory, size)
                .tuned(config -> config.withUpkeep(Upkeep.DEFAULT.withMinFreeBytes(minFree)));
    }

    @Test
    void shouldRefuseWritesEarlyAndGoOnByItselfWhenThereIsSpace() throws IOException {
        try (var disk = Tmpfs.mount(directory.resolve("node-1"), DISK_MEBIBYTES);
                var cluster = cluster(1, MIN_FREE)) {
            // given
            cluster.startAll().propose(1, "before");

            // when
            disk.leave(MIN_FREE / 2);

            // then
            await().atMost(NOTICED)
                    .untilAsserted(() -> assertThatThrownBy(() -> cluster.propose(1, "refused"))
                            .isInstanceOf(ConsensusException.NoSpace.class)
                            .hasMessageContaining("free disk space on node 1")
                            .hasMessageContaining("expected: >= " + MIN_FREE));
            assertThat(text(cluster.node(1)
                            .query(ReadLevel.LINEARIZABLE, bytes("before"), Duration.ofSeconds(5))
                            .join()))
                    .isEqualTo("1");
            assertThat(cluster.node(1).status().role()).isEqualTo(Role.LEADER);
            assertThat(cluster.node(1).metrics().refusedForSpace()).isPositive();

            // when
            disk.giveBack();

            // then
            await().atMost(NOTICED).ignoreExceptions().until(() -> {
                cluster.propose(1, "after");
                return true;
            });
            assertThat(cluster.get(1).halted().get()).isNull();
        }
    }

    @Test
    void shouldHandLeadershipToAMemberWithSpace() throws IOException {
        try (var disk = Tmpfs.mount(directory.resolve("node-1"), DISK_MEBIBYTES);
                var cluster = cluster(3, MIN_FREE).startAll()) {
            // given
            lead(cluster, 1);

            // when
            disk.leave(MIN_FREE / 2);

            // then
            await().atMost(TestCluster.SOON).until(() -> {
                Integer leader = cluster.leader();
                return leader != null && leader != 1;
            });
            cluster.propose(1, "forwarded to one with space");
            cluster.awaitCount(1, 1);
        }
    }

    @Test
    void shouldRefuseWritesWhenAMajorityHasNoSpace() throws IOException {
        try (var one = Tmpfs.mount(directory.resolve("node-1"), DISK_MEBIBYTES);
                var two = Tmpfs.mount(directory.resolve("node-2"), DISK_MEBIBYTES);
                var cluster = cluster(3, MIN_FREE).startAll()) {
            // given
            lead(cluster, 3);
            one.leave(MIN_FREE / 2);
            cluster.propose(3, "one is not many");

            // when
            two.leave(MIN_FREE / 2);

            // then
            await().atMost(NOTICED)
                    .untilAsserted(() -> assertThatThrownBy(() -> cluster.propose(2, "refused"))
                            .isInstanceOf(ConsensusException.NoSpace.class)
                            .hasMessageContaining("low on nodes [1, 2]"));
            one.giveBack();
            await().atMost(TestCluster.SOON).ignoreExceptions().until(() -> {
                cluster.propose(2, "after");
                return true;
            });
        }
    }

    @Test
    void shouldTakeNoEntriesOnAFollowerWhoseDiskIsAlmostFull() throws IOException {
        try (var disk = Tmpfs.mount(directory.resolve("node-1"), DISK_MEBIBYTES);
                var cluster = cluster(3, MIN_FREE).startAll()) {
            // given
            lead(cluster, 3);
            disk.leave(MIN_FREE / 8);
            await().atMost(NOTICED).until(() -> cluster.node(1).space().critical());

            // when
            cluster.proposeMany(3, "a", 200);

            // then
            assertThat(cluster.state(1).count()).isLessThan(200);
            assertThat(cluster.get(1).halted().get()).isNull();
            disk.giveBack();
            cluster.awaitCount(1, 200);
        }
    }

    /** Case d: without the bound, because something else fills the disk faster than we look. */
    @Test
    void shouldLoseNothingWhenTheLeadersDiskIsFull() throws IOException {
        try (var disk = Tmpfs.mount(directory.resolve("node-1"), DISK_MEBIBYTES);
                var cluster = cluster(3, 0).startAll()) {
            // given
            lead(cluster, 1);
            List<String> acknowledged = new ArrayList<>();

            // when
            String padding = "x".repeat(32 << 10);
            for (int i = 0; cluster.get(1).halted().get() == null && i < 100_000; i++) {
                if (i == 20) {
                    disk.leave(0);
                }
                String command = i + padding;
                try {
                    cluster.node(1)
                            .propose(bytes(command), Duration.ofSeconds(5))
                            .join();
                    acknowledged.add(command);
                } catch (CompletionException e) {
                    assertThat(e.getCause()).isInstanceOf(ConsensusException.class);
                }
            }

            // then
            assertThat(cluster.get(1).halted().get()).contains("engine failed");
            assertThat(acknowledged).hasSizeGreaterThan(10);
            assertThat(cluster.node(1).status().role()).isEqualTo(Role.DOWN);
            cluster.crash(1); // as the halt has done to the process
            int next = cluster.awaitLeader();
            cluster.propose(next, "after");

            // when
            var full = cluster.start(1).node();
            await().atMost(TestCluster.SOON)
                    .until(() -> full.ready().isDone() || full.status().serving());
            cluster.crash(1);
            disk.giveBack();
            cluster.start(1);

            // then
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.node(1).status().role() == Role.FOLLOWER);
            await().atMost(TestCluster.SOON).until(() -> cluster.state(1).has("after"));
            for (int id = 1; id <= 3; id++) {
                assertThat(cluster.state(id).commands()).containsAll(acknowledged);
            }
        }
    }

    /** A leader that has just been elected refuses to hand over until its first entry is committed. */
    private static void lead(TestCluster cluster, int id) {
        await().atMost(TestCluster.SOON)
                .ignoreException(CompletionException.class)
                .until(() -> {
                    int leader = cluster.awaitLeader();
                    if (leader != id) {
                        cluster.node(leader)
                                .transferLeadership(java.util.Optional.of(new dev.conflux.consensus.api.NodeId(id)))
                                .join();
                    }
                    return Integer.valueOf(id).equals(cluster.leader());
                });
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
