package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.LocalException;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import dev.conflux.tool.local.Ops;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Nodes come and go while somebody writes; processes of the distribution, over the operators' API. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MembershipIT {

    /** What a node that is no member any more ends with. */
    private static final int EXIT_IDENTITY = 65;

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
    void shouldGrowLoseItsLeaderAndReplaceAWipedNodeWithoutLosingAWrite() throws Exception {
        var acknowledged = new CopyOnWriteArrayList<String>();
        var stop = new AtomicBoolean();
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> writer = executor.submit(() -> write(acknowledged, stop));
            try {
                comeAndGo();
                int before = acknowledged.size();
                await().atMost(Cluster.PATIENCE).until(() -> acknowledged.size() > before + 10);
            } finally {
                stop.set(true); // The executor waits for the writer.
            }
            writer.get(60, TimeUnit.SECONDS);
        }

        // then: nothing acknowledged is lost
        Cluster.awaitEqualDigests(cluster);
        assertThat(Cluster.running(cluster)).hasSize(2);
        for (NodeProcess node : Cluster.running(cluster)) {
            for (String name : acknowledged) {
                assertThat(admin.at(node)
                                .get("/api/v1/fetch/config/acme/shop/prod/" + name)
                                .status())
                        .as(name + " on node " + node.id())
                        .isEqualTo(200);
            }
        }
    }

    private void comeAndGo() throws IOException {
        // when: it grows from three to four
        NodeProcess fourth = cluster.joining();
        fourth.start();
        add(running(fourth), fourth);

        // then
        fourth.awaitReady();
        awaitMembers(fourth, List.of("1", "2", "3", "4"));
        JsonNode status = Ops.get(fourth, "/_cluster/status");
        assertThat(status.at("/nodes/4/api_address").asString()).isEqualTo("127.0.0.1:" + fourth.httpPort());
        assertThat(status.at("/nodes/4/matched_index").asLong()).isPositive();

        // when: the leader is removed
        NodeProcess leader = Cluster.awaitLeader(cluster);
        NodeProcess asked = running(leader);
        JsonNode removed = Ops.delete(asked, admin.at(asked), "/_cluster/nodes/" + leader.id());

        // then: it has handed over, it is gone, and it says why
        assertThat(removed.path("state").asString()).as(removed.toString()).isEqualTo("done");
        assertThat(leader.awaitExit(Duration.ofSeconds(30))).as(leader.tail()).isEqualTo(EXIT_IDENTITY);
        assertThat(Files.readString(leader.logFile())).contains("node " + leader.id() + " was removed from cluster");

        // when: it comes back with its old data
        long term = Ops.get(asked, "/_cluster/status").path("current_term").asLong();
        leader.start();

        // then: it learns that it was removed, and disturbs nobody
        assertThat(leader.awaitExit(Duration.ofSeconds(60))).as(leader.tail()).isEqualTo(EXIT_IDENTITY);
        assertThat(Ops.get(asked, "/_cluster/status").path("current_term").asLong())
                .as("a node that disturbs raises it several times a second")
                .isLessThanOrEqualTo(term + 1);

        // when: a node is wiped
        NodeProcess wiped = running(Cluster.awaitLeader(cluster));
        wiped.kill();
        wipe(wiped.dataDirectory());
        wiped.start();

        // then: it refuses under its old id, and is replaced under a new one
        assertThat(wiped.awaitExit(Duration.ofSeconds(60))).as(wiped.tail()).isEqualTo(EXIT_IDENTITY);
        assertThat(Files.readString(wiped.logFile())).contains("join with a new node id");
        NodeProcess alive = running(wiped);
        JsonNode replaced = Ops.delete(alive, admin.at(alive), "/_cluster/nodes/" + wiped.id());
        assertThat(replaced.path("state").asString()).as(replaced.toString()).isEqualTo("done");
        NodeProcess fifth = cluster.joining();
        fifth.start();
        add(alive, fifth);
        fifth.awaitReady();

        // when: the leader is killed, and removed at once
        NodeProcess dead = Cluster.awaitLeader(cluster);
        NodeProcess survivor = running(dead);
        dead.kill();
        JsonNode gone = Ops.delete(survivor, admin.at(survivor), "/_cluster/nodes/" + dead.id());
        assertThat(gone.path("state").asString()).as(gone.toString()).isIn("done", "in_progress");
        await().atMost(Cluster.PATIENCE).until(() -> !members(survivor).contains(Integer.toString(dead.id())));
    }

    /** Until it is done: as long as the process starts, it is refused, and repeating is harmless. */
    private void add(NodeProcess asked, NodeProcess joining) {
        String body = """
                {"node_id": %d, "api_address": "127.0.0.1:%d", "raft_address": "127.0.0.1:%d"}
                """.formatted(joining.id(), joining.httpPort(), joining.peerPort());
        await().atMost(Cluster.PATIENCE).untilAsserted(() -> {
            JsonNode added = Ops.post(asked, admin.at(asked), "/_cluster/nodes", body);
            assertThat(added.path("state").asString()).as(added.toString()).isEqualTo("done");
        });
    }

    private void write(List<String> acknowledged, AtomicBoolean stop) {
        for (int i = 0; !stop.get(); i++) {
            String name = "member-" + i + ".json";
            for (int attempt = i; !stop.get(); attempt++) {
                List<NodeProcess> running = Cluster.running(cluster);
                if (created(admin.at(running.get(attempt % running.size())), name)) {
                    acknowledged.add(name);
                    break;
                }
            }
        }
    }

    private static boolean created(NodeClient client, String name) {
        try {
            return client.send("POST", "/api/v1/mgt/configs", Cluster.config(name, "{}"), "X-Idempotency-Key", name)
                            .status()
                    == 201;
        } catch (LocalException e) {
            return false; // The node has just ended: the same request goes to another one.
        }
    }

    /** A running member other than this. */
    private NodeProcess running(NodeProcess but) {
        return await().atMost(Cluster.PATIENCE)
                .until(
                        () -> Cluster.running(cluster).stream()
                                .filter(node -> node.id() != but.id() && node.ready())
                                .findFirst(),
                        Optional::isPresent)
                .orElseThrow();
    }

    private static List<String> members(NodeProcess asked) {
        return Ops.get(asked, "/_cluster/status").path("nodes").propertyNames().stream()
                .sorted()
                .toList();
    }

    private static void awaitMembers(NodeProcess asked, List<String> ids) {
        await().atMost(Cluster.PATIENCE).untilAsserted(() -> {
            JsonNode status = Ops.get(asked, "/_cluster/status");
            assertThat(members(asked)).isEqualTo(ids);
            for (JsonNode node : status.path("nodes")) {
                assertThat(node.path("role").asString()).as(status.toString()).isIn("leader", "follower");
                assertThat(node.path("reachable").asBoolean())
                        .as(status.toString())
                        .isTrue();
            }
        });
    }

    private static void wipe(Path data) throws IOException {
        try (Stream<Path> files = Files.walk(data)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
