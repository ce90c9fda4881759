package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import dev.conflux.tool.local.Ops;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Disks that lie: a wiped directory, a flipped bit, a second process. The storage cases c3 and e, with real processes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.MethodName.class) // the last one leaves a node behind that never starts again
class DamagedNodeIT {

    private static final Duration NO_LEADER_FOR = Duration.ofSeconds(6);

    @TempDir
    static Path directory;

    private LocalCluster cluster;
    private NodeClient admin;

    @BeforeAll
    void startCluster() {
        cluster = new LocalCluster(LocalCluster.Options.ofTest(directory, 3)).start();
        Cluster.awaitControlPlane(cluster);
        admin = cluster.client(cluster.node(1));
    }

    @AfterAll
    void stopCluster() {
        cluster.close();
    }

    @Test
    void shouldRefuseToStartWithAWipedDirectoryAndLoseNothing() throws IOException {
        // given: a lagging node, a wiped one and an intact one, which is down (case e)
        NodeProcess leader = Cluster.awaitLeader(cluster);
        List<NodeProcess> others = new ArrayList<>(cluster.nodes());
        others.remove(leader);
        NodeProcess lagging = others.get(0);
        NodeProcess wiped = others.get(1);
        lagging.kill();
        List<String> names = write(leader, "wiped", 40);
        wiped.kill();
        leader.kill();
        wipe(wiped.dataDirectory());

        // when
        long starts = starts(lagging);
        lagging.start();
        wiped.start();

        // then: the wiped one never becomes a voter, and no leader can arise
        await().atMost(Cluster.PATIENCE).until(() -> starts(lagging) > starts);
        await().during(NO_LEADER_FOR)
                .atMost(NO_LEADER_FOR.plusSeconds(10))
                .until(() -> Cluster.leader(cluster).isEmpty());

        // and when: the intact node returns
        leader.start();
        leader.awaitReady();

        // then: nothing acknowledged is lost, and the wiped node has refused with a message
        Integer exit = wiped.awaitExit(Duration.ofSeconds(30));
        assertThat(exit).as(wiped.tail()).isNotNull().isNotZero();
        assertThat(wiped.tail()).contains("storage");
        awaitAll(leader, names);
        lagging.awaitReady();
        awaitAll(lagging, names);
    }

    @Test
    void shouldQuarantineANodeWhoseLogIsShorterThanWhatItAcknowledged() throws IOException {
        // given: one bit flipped in a follower's log, another follower lagging, the intact leader down (case c3)
        NodeProcess leader = Cluster.awaitLeader(cluster);
        List<NodeProcess> others = new ArrayList<>(cluster.nodes());
        others.remove(leader);
        NodeProcess lagging = others.get(0);
        NodeProcess damaged = others.get(1);
        lagging.kill();
        List<String> names = write(leader, "flip", 120);
        damaged.kill();
        leader.kill();
        flipABit(damaged.dataDirectory());

        // when
        lagging.start();
        damaged.start();

        // then: it knows, and the two of them never agree on a leader
        await().atMost(Cluster.PATIENCE)
                .untilAsserted(
                        () -> assertThat(Files.readString(damaged.logFile())).containsIgnoringCase("quarantine"));
        await().during(NO_LEADER_FOR)
                .atMost(NO_LEADER_FOR.plusSeconds(10))
                .until(() -> Cluster.leader(cluster).isEmpty());

        // and when
        leader.start();
        cluster.awaitReady();

        // then: nothing is lost anywhere, and the damaged node is healed
        for (NodeProcess node : cluster.nodes()) {
            awaitAll(node, names);
        }
        Cluster.awaitEqualDigests(cluster);
        await().atMost(Cluster.PATIENCE)
                .untilAsserted(() -> assertThat(Ops.get(damaged, "/_cluster/status")
                                .path("nodes")
                                .path(Integer.toString(damaged.id()))
                                .path("role")
                                .asString())
                        .isNotEqualToIgnoringCase("quarantined"));
    }

    @Test
    void shouldRefuseASecondProcessOnTheSameDirectory() throws Exception {
        // given
        NodeProcess node = cluster.node(1);
        Path log = directory.resolve("second.log");

        // when
        Process second = new ProcessBuilder(
                        LocalCluster.distribution()
                                .resolve("bin/conflux-server")
                                .toString(),
                        "--config",
                        node.configFile().toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            boolean ended = second.waitFor(30, java.util.concurrent.TimeUnit.SECONDS);

            // then
            assertThat(ended).isTrue();
            assertThat(second.exitValue()).isNotZero();
            assertThat(Files.readString(log)).contains(node.dataDirectory().toString());
            assertThat(node.ready()).isTrue();
        } finally {
            second.destroyForcibly();
        }
    }

    /** Names of configs that the cluster acknowledged. */
    private List<String> write(NodeProcess node, String prefix, int count) {
        var names = new ArrayList<String>();
        for (int i = 0; i < count; i++) {
            String name = prefix + "-" + i + ".json";
            NodeClient.Answer answer = Cluster.persist(
                    admin.at(node),
                    "POST",
                    "/api/v1/mgt/configs",
                    Cluster.config(name, "{\"padding\":\"" + "x".repeat(500) + "\"}"),
                    name,
                    Cluster.PATIENCE);
            assertThat(answer.status()).as(answer.body()).isEqualTo(201);
            names.add(name);
        }
        return names;
    }

    private void awaitAll(NodeProcess node, List<String> names) {
        await().atMost(Cluster.PATIENCE).untilAsserted(() -> {
            for (String name : names) {
                assertThat(admin.at(node)
                                .get("/api/v1/fetch/config/acme/shop/prod/" + name)
                                .status())
                        .as(name + " on node " + node.id())
                        .isEqualTo(200);
            }
        });
    }

    private static long starts(NodeProcess node) throws IOException {
        return Files.readString(node.logFile())
                .lines()
                .filter(line -> line.contains("JRaftNode started"))
                .count();
    }

    private static void wipe(Path data) throws IOException {
        try (Stream<Path> files = Files.walk(data)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** Flips one bit in the middle of the newest write-ahead file of the replicated log. */
    private static void flipABit(Path data) throws IOException {
        Path newest;
        try (Stream<Path> files = Files.walk(data.resolve("log"))) {
            newest = files.filter(file -> file.toString().endsWith(".log"))
                    .filter(file -> file.toFile().length() > 0)
                    .max(Comparator.comparingLong(file -> file.toFile().lastModified()))
                    .orElseThrow();
        }
        try (var file = new RandomAccessFile(newest.toFile(), "rw")) {
            long place = file.length() / 3;
            file.seek(place);
            int old = file.read();
            file.seek(place);
            file.write(old ^ 0x10);
        }
    }
}
