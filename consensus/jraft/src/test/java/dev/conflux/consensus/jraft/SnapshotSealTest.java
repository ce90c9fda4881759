package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The engine's own file in a snapshot has no checksum. */
@Timeout(120)
@Execution(ExecutionMode.CONCURRENT)
class SnapshotSealTest {

    @TempDir
    Path directory;

    @Test
    void shouldNoticeEveryBitThatChangesWhatASnapshotSeemsToInclude() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.proposeMany(1, "a", 20);
            Path snapshots = EngineOptions.snapshots(cluster.dataDir(1));
            Path file = meta(snapshots, cluster.node(1).snapshot().join());
            cluster.stop(1);
            byte[] whole = Files.readAllBytes(file);
            LogPosition right = EngineStorage.newestSnapshot(snapshots);
            int refused = 0;

            for (int bit = 0; bit < whole.length * 8; bit++) {
                // when
                byte[] damaged = whole.clone();
                damaged[bit / 8] ^= (byte) (1 << (bit % 8));
                Files.write(file, damaged);

                // then
                try {
                    assertThat(EngineStorage.newestSnapshot(snapshots))
                            .as("bit %d", bit)
                            .isEqualTo(right);
                } catch (IOException e) {
                    refused++;
                    assertThat(e).hasMessageContaining(file.toString());
                }
            }
            assertThat(refused).isGreaterThan(whole.length);
        }
    }

    @Test
    void shouldRefuseASnapshotWithoutItsSeal() throws IOException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.proposeMany(1, "a", 20);
            Path snapshots = EngineOptions.snapshots(cluster.dataDir(1));
            Path file = meta(snapshots, cluster.node(1).snapshot().join());
            cluster.stop(1);

            // when
            Files.delete(file.resolveSibling(SnapshotSeal.FILE));

            // then
            assertThatThrownBy(() -> EngineStorage.newestSnapshot(snapshots))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("missing");
        }
    }

    /** 61 becomes 125: such a member would be elected and give a state without the last 50 commands to the other. */
    @Test
    void shouldNotLoseAcknowledgedWritesToABitAndALaggingMember() throws IOException {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            int lagging = cluster.follower();
            int other = 6 - leader - lagging;
            cluster.proposeMany(leader, "early", 50);
            cluster.awaitCount(lagging, 50);
            cluster.crash(lagging);
            cluster.proposeMany(leader, "middle", 10);
            cluster.awaitCount(other, 60);
            long index = cluster.node(other).snapshot().join();
            cluster.proposeMany(leader, "late", 50);
            cluster.awaitCount(other, 110);
            cluster.crash(leader);
            cluster.crash(other);
            Path file = meta(EngineOptions.snapshots(cluster.dataDir(other)), index);
            byte[] damaged = Files.readAllBytes(file);
            damaged[36] ^= 0x40;
            Files.write(file, damaged);

            // when
            JRaftNode node = cluster.start(other).node();

            // then
            assertThatThrownBy(() -> node.ready().get(1, TimeUnit.MINUTES))
                    .hasStackTraceContaining(file + " is damaged")
                    .hasStackTraceContaining("the engine's file says that the snapshot ends with 125@1");

            // and then: without it the others have everything
            cluster.start(leader);
            cluster.start(lagging);
            cluster.awaitCount(lagging, 110);
        }
    }

    private static Path meta(Path snapshots, long index) {
        return snapshots.resolve(Snapshot.JRAFT_SNAPSHOT_PREFIX + index).resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE);
    }
}
