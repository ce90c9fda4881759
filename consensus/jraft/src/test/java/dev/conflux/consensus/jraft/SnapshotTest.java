package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.ReadPoint;
import dev.conflux.consensus.api.Role;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An install that is interrupted anywhere leaves the old or the new state; the log stays bounded. */
@Timeout(120)
@Execution(ExecutionMode.CONCURRENT)
class SnapshotTest {

    @TempDir
    Path directory;

    @Test
    void shouldListEveryFileWithItsChecksum() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.proposeMany(1, "a", 20);
            long index = cluster.node(1).snapshot().join();
            Path snapshot = EngineOptions.snapshots(cluster.dataDir(1)).resolve("snapshot_" + index);

            // when
            SnapshotManifest manifest = SnapshotManifest.read(snapshot);

            // then
            manifest.verify(snapshot);
            assertThat(manifest.position()).isEqualTo(cluster.state(1).applied());
            try (Stream<Path> files = Files.list(snapshot.resolve("state/db"))) {
                List<String> expected = new ArrayList<>(
                        files.map(file -> "state/db/" + file.getFileName()).toList());
                expected.add(MembershipRecord.FILE);
                assertThat(manifest.files().stream().map(SnapshotManifest.Entry::name))
                        .containsExactlyInAnyOrderElementsOf(expected);
            }
        }
    }

    @Test
    void shouldNameADamagedFile() throws IOException {
        // given
        Files.createDirectories(directory.resolve("state"));
        Path file = Files.writeString(directory.resolve("state/a"), "some content");
        var written = new SnapshotManifest(
                new dev.conflux.consensus.api.LogPosition(7, 2), List.of(SnapshotManifest.entry(directory, "state/a")));
        written.write(directory);
        assertThat(SnapshotManifest.read(directory)).isEqualTo(written);

        // when
        Files.writeString(file, "Some content");

        // then
        assertThatThrownBy(() -> SnapshotManifest.read(directory).verify(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(file.toString());
        Path manifest = directory.resolve(SnapshotManifest.FILE);
        Files.writeString(manifest, Files.readString(manifest).replace("position 7", "position 8"));
        assertThatThrownBy(() -> SnapshotManifest.read(directory)).hasMessageContaining("damaged");
    }

    @Test
    void shouldKeepWhatItHasWhenTheLeadersSnapshotIsDamaged() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int lagging = lagBehindASnapshot(cluster);
            int leader = cluster.awaitLeader();
            Path file = someTable(cluster, leader);
            byte[] bytes = Files.readAllBytes(file);
            byte[] damaged = bytes.clone();
            damaged[bytes.length / 2] ^= 1;
            Files.write(file, damaged);

            // when
            JRaftNode node = cluster.start(lagging).node();

            // then
            await().atMost(TestCluster.SOON).until(() -> node.metrics().snapshotsRefused() > 0);
            assertThat(cluster.get(lagging).halted().get()).isNull();
            assertThat(cluster.state(lagging).count()).isEqualTo(10);
            Files.write(file, bytes);
            cluster.awaitCount(lagging, 220);
            assertThat(cluster.state(lagging).commands())
                    .isEqualTo(cluster.state(leader).commands());
        }
    }

    @Test
    void shouldStartOverWhenInterruptedWhileFetching() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int lagging = lagBehindASnapshot(cluster);
            Path temporary = EngineOptions.snapshots(cluster.dataDir(lagging))
                    .resolve("temp")
                    .resolve("state");
            Files.createDirectories(temporary);
            Files.writeString(temporary.resolve("left-over"), "of a process that was killed");

            // when
            cluster.start(lagging);
            await().pollInterval(Duration.ofMillis(1))
                    .atMost(TestCluster.SOON)
                    .until(() -> !Files.exists(temporary.resolve("left-over")));
            cluster.crash(lagging); // while it is fetching, or just before or after
            cluster.start(lagging);

            // then
            cluster.awaitCount(lagging, 220);
            assertThat(EngineOptions.snapshots(cluster.dataDir(lagging)).resolve("temp"))
                    .doesNotExist();
            assertThat(cluster.state(lagging).commands())
                    .isEqualTo(cluster.state(cluster.awaitLeader()).commands());
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ReadLevel.class,
            names = {"STRONG", "LINEARIZABLE"})
    void shouldRefuseReadsAtOnceWhileItReceivesASnapshot(ReadLevel level) throws Exception {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int lagging = lagBehindASnapshot(cluster);
            cluster.blockRestore = new CountDownLatch(1);
            JRaftNode node = cluster.start(lagging).node();
            await().atMost(TestCluster.SOON).until(() -> node.running() != null && node.installing());

            // when
            long begin = System.nanoTime();
            CompletableFuture<ReadPoint> read = node.readPoint(level, Duration.ofMinutes(1));

            // then
            assertThatThrownBy(() -> read.get(1, TimeUnit.MINUTES))
                    .cause()
                    .isInstanceOf(ConsensusException.NotCaughtUp.class)
                    .hasMessageContaining("receiving a snapshot");
            assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(10));

            // and then
            cluster.blockRestore.countDown();
            cluster.awaitCount(lagging, 220);
            await().atMost(TestCluster.SOON).until(() -> !node.installing());
            assertThat(node.readPoint(level, Duration.ofSeconds(30)).join().appliedIndex())
                    .isGreaterThanOrEqualTo(220);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = CountingStateMachine.Break.class,
            names = {"BEFORE", "MIDDLE", "AFTER"})
    void shouldEndInTheNewStateWhenInterruptedWhileRestoring(CountingStateMachine.Break point) {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int lagging = lagBehindASnapshot(cluster);

            // when
            cluster.start(lagging).state().breakRestore = point;
            await().atMost(TestCluster.SOON)
                    .untilAsserted(
                            () -> assertThat(cluster.get(lagging).halted().get())
                                    .contains("broken off " + point)
                                    .contains("raft-inspector verify"));
            cluster.crash(lagging);
            cluster.start(lagging);

            // then
            cluster.awaitCount(lagging, 220);
            assertThat(cluster.state(lagging).commands())
                    .isEqualTo(cluster.state(cluster.awaitLeader()).commands());
            await().atMost(TestCluster.SOON)
                    .until(() -> cluster.node(lagging).status().role() == Role.FOLLOWER);
        }
    }

    /** reliability.md, row 43: one member that is down must not fill the disks of the others. */
    @Test
    void shouldKeepTheLogBoundedWhileAMemberIsDown() throws IOException {
        long interval = 8L << 20;
        int commandBytes = 64 << 10;
        try (var cluster = new TestCluster(directory, 3)
                .tuned(config ->
                        config.withSnapshotAfter(interval, 1_000_000).withElectionTimeout(Duration.ofSeconds(2)))
                .startAll()) {
            // given
            int dead = cluster.follower();
            cluster.propose(dead, "first");
            cluster.awaitCount(dead, 1);
            cluster.crash(dead);
            int leader = cluster.awaitLeader();
            int commands = (int) (40 * interval / commandBytes);

            // when
            long largest = 0;
            String padding = "x".repeat(commandBytes);
            for (int i = 0; i < commands; i += 32) {
                var batch = new ArrayList<CompletableFuture<?>>();
                for (int j = i; j < i + 32; j++) {
                    byte[] command = (j + padding).getBytes(StandardCharsets.UTF_8);
                    batch.add(cluster.node(leader).propose(command, Duration.ofSeconds(20)));
                }
                batch.forEach(CompletableFuture::join);
                largest = Math.max(largest, bytes(cluster.dataDir(leader).resolve("log")));
            }

            // then
            long bound = 2 * interval + Limits.LOG_WAL_BYTES + 4 * Limits.LOG_MEMTABLE_BYTES;
            assertThat(largest).as("bytes of log, of %s written", 40 * interval).isLessThan(bound);
            cluster.start(dead);
            cluster.awaitCount(dead, commands);
            assertThat(cluster.state(dead).restores).isEqualTo(1);
        }
    }

    /** One member has 10 commands, the others 220 and no longer the log in between. */
    private static int lagBehindASnapshot(TestCluster cluster) {
        int leader = cluster.awaitLeader();
        int lagging = cluster.follower();
        cluster.proposeMany(leader, "a", 10);
        cluster.awaitCount(lagging, 10);
        cluster.stop(lagging);
        cluster.proposeMany(leader, "b", 100);
        cluster.node(leader).snapshot().join();
        cluster.proposeMany(leader, "c", 100);
        cluster.node(leader).snapshot().join();
        cluster.proposeMany(leader, "d", 10);
        return lagging;
    }

    private static Path someTable(TestCluster cluster, int id) throws IOException {
        Path snapshots = EngineOptions.snapshots(cluster.dataDir(id));
        try (Stream<Path> files = Files.walk(snapshots)) {
            return files.filter(file -> file.toString().endsWith(".sst"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static long bytes(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            long sum = 0;
            for (Path file : files.toList()) {
                try {
                    sum += Files.size(file);
                } catch (java.nio.file.NoSuchFileException e) {
                    // Compacted away meanwhile.
                }
            }
            return sum;
        }
    }
}
