package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/** Real processes on disks that give back other bytes, are full, or stop in the middle of an install. */
@Timeout(240)
class StorageFaultIT {

    private static final int HALTED = 70;

    @TempDir
    Path directory;

    @Test
    void shouldFindAChangedByteInTheStateAndHealTheNode() throws Exception {
        try (var cluster = new LocalCluster(
                        LocalCluster.Options.ofTest(directory, 3).withSettings(Map.of("storage.scrub_interval", "2s")))
                .start()) {
            // given
            Cluster.awaitControlPlane(cluster);
            NodeClient admin = cluster.client(cluster.node(1));
            NodeProcess leader = Cluster.awaitLeader(cluster);
            NodeProcess damaged = cluster.node(leader.id() % 3 + 1);
            for (int i = 0; i < 30; i++) {
                Cluster.create(admin.at(leader), "c" + i + ".json", "{\"value\":\"original " + i + "\"}");
            }
            Cluster.awaitEqualDigests(cluster);
            damaged.stop();
            changeAByte(damaged.dataDirectory().resolve("state"), "original 17");

            // when
            damaged.start();

            // then: it ends itself, and whoever restarts it gets a node with the right bytes
            assertThat(damaged.awaitExit(Duration.ofSeconds(60)))
                    .as(damaged.tail())
                    .isEqualTo(HALTED);
            assertThat(Files.readString(damaged.logFile())).contains("differs from that of a majority");
            assertThat(Files.readString(leader.logFile())).contains("state_diverged node=" + damaged.id());
            damaged.start();
            damaged.awaitReady();
            await().atMost(Cluster.PATIENCE)
                    .ignoreExceptions()
                    .untilAsserted(() -> assertThat(Cluster.fetch(admin.at(damaged), "c17.json", 1))
                            .contains("original 17"));
            await().during(Duration.ofSeconds(6))
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> damaged.alive() && damaged.ready());
        }
    }

    @Test
    void shouldEndInTheNewStateHoweverOftenAnInstallIsKilled() {
        long seed = Long.getLong("conflux.seed", System.nanoTime());
        System.out.println("conflux.seed=" + seed);
        var random = new Random(seed);
        try (var cluster = new LocalCluster(LocalCluster.Options.ofTest(directory, 3)
                        .withSettings(Map.of("storage.snapshot_after_entries", "20")))
                .start()) {
            // given
            Cluster.awaitControlPlane(cluster);
            NodeClient admin = cluster.client(cluster.node(1));
            NodeProcess leader = Cluster.awaitLeader(cluster);
            NodeProcess lagging = cluster.node(leader.id() % 3 + 1);
            lagging.kill();
            for (int i = 0; i < 80; i++) {
                Cluster.create(admin.at(leader), "c" + i + ".json", "{\"value\":\"" + "x".repeat(100_000) + i + "\"}");
            }

            // when
            for (int round = 0; round < 8; round++) {
                lagging.start();
                await().pollInterval(Duration.ofMillis(5))
                        .atMost(Cluster.PATIENCE)
                        .until(() -> Files.readString(lagging.logFile())
                                .substring(lastStart(lagging))
                                .contains("JRaftNode started"));
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(1_000)));
                lagging.kill();
            }
            lagging.start();
            lagging.awaitReady();

            // then
            Cluster.awaitEqualDigests(cluster);
            assertThat(Cluster.fetch(admin.at(lagging), "c79.json", 1)).endsWith("79\"}");
            assertThat(lagging.dataDirectory().resolve("raft/snapshots/temp")).doesNotExist();
        }
    }

    private static int lastStart(NodeProcess node) throws IOException {
        return Math.max(0, Files.readString(node.logFile()).lastIndexOf("configuration profile"));
    }

    @Test
    void shouldAnswer507BelowTheFreeSpaceBoundAndGoOnByItself() throws Exception {
        Path data = Files.createDirectories(directory.resolve("node-1/data"));
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=768m", "tmpfs", data.toString()).start();
        assumeThat(mount.waitFor()).as("mounting a tmpfs takes root").isZero();
        try (var cluster = new LocalCluster(
                LocalCluster.Options.ofTest(directory, 1).withSettings(Map.of("storage.min_free_space", "128MiB")))) {
            assertThat(cluster.node(1).dataDirectory()).isEqualTo(data);
            cluster.start();
            Cluster.awaitControlPlane(cluster);
            NodeProcess node = cluster.node(1);
            NodeClient admin = cluster.client(node);
            Cluster.create(admin, "before.json", "{}");

            // when
            Path ballast = data.resolve("ballast");
            fill(ballast, 64L << 20);

            // then
            await().atMost(Cluster.PATIENCE).untilAsserted(() -> {
                NodeClient.Answer refused =
                        admin.send("POST", "/api/v1/mgt/configs", Cluster.config("refused.json", "{}"));
                assertThat(refused.status()).isEqualTo(507);
                assertThat(refused.json().path("code").asString()).isEqualTo("STORAGE_FULL");
                assertThat(refused.json().path("retryable").asBoolean()).isTrue();
                assertThat(refused.body()).contains("free disk space on node 1");
            });
            assertThat(Cluster.fetch(admin, "before.json", 1)).isEqualTo("{}");
            assertThat(node.ready()).isTrue();

            // when
            Files.delete(ballast);

            // then
            await().atMost(Cluster.PATIENCE)
                    .untilAsserted(() -> assertThat(
                                    admin.send("POST", "/api/v1/mgt/configs", Cluster.config("after.json", "{}"))
                                            .status())
                            .isIn(201, 409));
            assertThat(node.alive()).isTrue();
        } finally {
            assertThat(new ProcessBuilder("umount", "-l", data.toString())
                            .start()
                            .waitFor())
                    .isZero();
        }
    }

    private static void fill(Path ballast, long leave) throws IOException {
        try (OutputStream out = Files.newOutputStream(ballast, StandardOpenOption.CREATE)) {
            while (Files.getFileStore(ballast).getUsableSpace() > leave) {
                out.write(new byte[1 << 20]);
            }
        }
    }

    /** Through the database, so that its own checksums fit. */
    private static void changeAByte(Path state, String content) throws IOException, RocksDBException {
        Path generation =
                state.resolve(Files.readString(state.resolve("CURRENT_STATE")).strip());
        RocksDB.loadLibrary();
        List<ColumnFamilyDescriptor> families = new ArrayList<>();
        for (String name : List.of("default", "contents", "journal")) {
            families.add(new ColumnFamilyDescriptor(name.getBytes(StandardCharsets.US_ASCII)));
        }
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        int changed = 0;
        try (var options = new DBOptions();
                RocksDB db = RocksDB.open(options, generation.toString(), families, handles)) {
            try (RocksIterator iterator = db.newIterator(handles.get(1))) {
                for (iterator.seekToFirst(); iterator.isValid(); iterator.next()) {
                    byte[] value = iterator.value();
                    int place = new String(value, StandardCharsets.ISO_8859_1).indexOf(content);
                    if (place >= 0) {
                        value[place] ^= 1;
                        db.put(handles.get(1), iterator.key(), value);
                        changed++;
                    }
                }
            }
            try (var flush = new FlushOptions().setWaitForFlush(true)) {
                db.flush(flush, handles.get(1));
            }
            handles.forEach(ColumnFamilyHandle::close);
        }
        assertThat(changed).isEqualTo(1);
    }
}
