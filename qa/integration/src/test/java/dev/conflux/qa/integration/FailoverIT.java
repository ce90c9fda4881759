package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import dev.conflux.tool.local.Ops;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Three processes, one database; nodes are killed with SIGKILL while clients write. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.MethodName.class)
class FailoverIT {

    private static final int WRITERS = 4;

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
    void shouldServeAPublishedConfigFromEveryNode() {
        // when
        NodeProcess follower = follower();
        long id = Cluster.create(admin.at(follower), "everywhere.json", "{\"a\":1}");
        long revision = admin.at(follower).get("/api/v1/mgt/configs/" + id).revision();

        // then
        for (NodeProcess node : cluster.nodes()) {
            assertThat(Cluster.fetch(admin.at(node), "everywhere.json", revision))
                    .isEqualTo("{\"a\":1}");
        }
    }

    @Test
    void shouldReadOnesOwnWriteOnTheFollowerThatTookIt() {
        NodeProcess follower = follower();
        for (int i = 0; i < 20; i++) {
            // when
            Cluster.create(admin.at(follower), "own-" + i + ".json", "{}");

            // then
            assertThat(admin.at(follower)
                            .get("/api/v1/fetch/config/acme/shop/prod/own-" + i + ".json")
                            .status())
                    .isEqualTo(200);
        }
    }

    @Test
    void shouldLoseAndDoubleNothingWhenTheLeaderIsKilledUnderLoad() throws Exception {
        // given
        Map<Long, List<String>> acknowledged = new ConcurrentHashMap<>();
        var stop = new AtomicBoolean();
        var written = new AtomicLong();
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            NodeProcess leader = Cluster.awaitLeader(cluster);
            List<NodeProcess> others = new ArrayList<>(cluster.nodes());
            others.remove(leader);
            List<Future<?>> writers = new ArrayList<>();
            for (int w = 0; w < WRITERS; w++) {
                int writer = w;
                long id = Cluster.create(admin, "load-" + w + ".json", "{\"start\":true}");
                acknowledged.put(id, new ArrayList<>());
                writers.add(executor.submit(() -> {
                    for (int i = 0; !stop.get(); i++) {
                        String content = "{\"writer\":" + writer + ",\"i\":" + i + "}";
                        NodeClient.Answer answer = Cluster.persist(
                                admin.at(others.get(i % others.size())),
                                "POST",
                                "/api/v1/mgt/configs/" + id + "/publish",
                                Map.of("content", content),
                                "load-" + writer + "-" + i,
                                Cluster.PATIENCE);
                        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
                        acknowledged.get(id).add(content);
                        written.incrementAndGet();
                    }
                }));
            }
            await().atMost(Cluster.PATIENCE).until(() -> written.get() > 50);

            // when
            leader.kill();
            long atKill = written.get();
            await().atMost(Cluster.PATIENCE).until(() -> written.get() > atKill + 50);
            leader.start();
            leader.awaitReady();
            stop.set(true);
            for (Future<?> writer : writers) {
                writer.get(60, TimeUnit.SECONDS);
            }
        }

        // then
        Cluster.awaitEqualDigests(cluster);
        for (NodeProcess node : cluster.nodes()) {
            for (Map.Entry<Long, List<String>> entry : acknowledged.entrySet()) {
                assertThat(contents(admin.at(node), entry.getKey()))
                        .containsExactlyElementsOf(prepend(entry.getValue()));
            }
        }
    }

    @Test
    void shouldHaveOneEffectWhenAWriteIsRepeatedAfterFailoverAndAfterSnapshotAndRestart() {
        // given
        long id = Cluster.create(admin, "once.json", "{\"n\":0}");
        Map<String, Object> body = Map.of("content", "{\"n\":1}", "comment", "exactly once");
        String path = "/api/v1/mgt/configs/" + id + "/publish";
        NodeClient.Answer first =
                admin.send("POST", path, body, "X-Idempotency-Key", "once").expect(200);

        // when: the leader dies and another node gets the repetition
        NodeProcess leader = Cluster.awaitLeader(cluster);
        leader.kill();
        NodeProcess survivor = Cluster.running(cluster).getFirst();
        NodeClient.Answer second = Cluster.persist(admin.at(survivor), "POST", path, body, "once", Cluster.PATIENCE);

        // then
        assertThat(second.status()).isEqualTo(200);
        assertThat(second.body()).isEqualTo(first.body());
        assertThat(second.header("X-Idempotent-Replay")).isEqualTo("true");

        // when: every node takes a snapshot, all are killed, and they start from it
        leader.start();
        leader.awaitReady();
        for (NodeProcess node : cluster.nodes()) {
            Ops.post(node, admin, "/_cluster/snapshot", "{}");
        }
        cluster.nodes().forEach(NodeProcess::kill);
        cluster.nodes().forEach(NodeProcess::start);
        cluster.awaitReady();
        Cluster.awaitControlPlane(cluster);
        NodeClient.Answer third =
                Cluster.persist(admin.at(cluster.node(2)), "POST", path, body, "once", Cluster.PATIENCE);

        // then
        assertThat(third.body()).isEqualTo(first.body());
        assertThat(third.header("X-Idempotent-Replay")).isEqualTo("true");
        assertThat(contents(admin, id)).containsExactly("{\"n\":0}", "{\"n\":1}");
        NodeClient.Answer other = Cluster.persist(
                admin.at(cluster.node(3)), "POST", path, Map.of("content", "{\"n\":2}"), "once", Cluster.PATIENCE);
        assertThat(other.status()).isEqualTo(422);
        assertThat(other.json().get("code").asString()).isEqualTo("IDEMPOTENCY_KEY_REUSED");
    }

    @Test
    void shouldKeepEveryAcknowledgedWriteWhenAllNodesAreKilled() {
        // given
        Set<String> acknowledged = new HashSet<>();
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 20; i++) {
                String name = "all-" + round + "-" + i + ".json";
                NodeClient.Answer answer = Cluster.persist(
                        admin.at(cluster.node(1 + i % 3)),
                        "POST",
                        "/api/v1/mgt/configs",
                        Cluster.config(name, "{\"i\":" + i + "}"),
                        name,
                        Cluster.PATIENCE);
                assertThat(answer.status()).as(answer.body()).isEqualTo(201);
                acknowledged.add(name);
            }

            // when
            cluster.nodes().forEach(NodeProcess::kill);
            cluster.nodes().forEach(NodeProcess::start);
            cluster.awaitReady();
        }

        // then
        Cluster.awaitControlPlane(cluster);
        Cluster.awaitEqualDigests(cluster);
        for (NodeProcess node : cluster.nodes()) {
            for (String name : acknowledged) {
                assertThat(admin.at(node)
                                .get("/api/v1/fetch/config/acme/shop/prod/" + name)
                                .status())
                        .as(name + " on node " + node.id())
                        .isEqualTo(200);
            }
        }
    }

    @Test
    void shouldRefuseLinearizableReadsAndWritesWithoutAMajority() {
        // given
        Cluster.create(admin, "minority.json", "{}");
        Cluster.awaitEqualDigests(cluster);
        NodeProcess alone = cluster.node(1);
        cluster.node(2).kill();
        cluster.node(3).kill();

        // when
        NodeClient client = admin.at(alone);
        NodeClient.Answer stale = client.get("/api/v1/fetch/config/acme/shop/prod/minority.json");
        NodeClient.Answer linearizable = client.get(
                "/api/v1/fetch/config/acme/shop/prod/minority.json", "X-Conflux-Consistency", "linearizable");
        NodeClient.Answer write = client.send("POST", "/api/v1/mgt/configs", Cluster.config("lost.json", "{}"));

        // then
        assertThat(stale.status()).isEqualTo(200);
        assertThat(stale.header("X-Conflux-Staleness-Ms")).isNotEmpty();
        assertThat(linearizable.status()).as(linearizable.body()).isEqualTo(503);
        assertThat(linearizable.json().get("code").asString()).isIn("NO_QUORUM", "NO_LEADER");
        assertThat(write.status()).as(write.body()).isIn(503, 504);

        // and when
        cluster.node(2).start();
        cluster.node(3).start();
        cluster.awaitReady();

        // then
        Cluster.awaitControlPlane(cluster);
        Cluster.awaitEqualDigests(cluster);
    }

    @Test
    void shouldShowTheWholeClusterInTheStatus() {
        // when
        JsonNode status = Ops.get(cluster.node(2), "/_cluster/status");

        // then
        assertThat(status.get("cluster_id").asString()).isNotEmpty();
        assertThat(status.get("nodes").propertyNames()).containsExactlyInAnyOrder("1", "2", "3");
        for (JsonNode node : status.get("nodes")) {
            assertThat(node.get("reachable").asBoolean()).as(status.toString()).isTrue();
        }
    }

    private NodeProcess follower() {
        NodeProcess leader = Cluster.awaitLeader(cluster);
        return cluster.nodes().stream()
                .filter(node -> node.id() != leader.id())
                .findFirst()
                .orElseThrow();
    }

    /** All versions' contents, oldest first. */
    private static List<String> contents(NodeClient client, long id) {
        var contents = new ArrayList<String>();
        String cursor = "";
        do {
            JsonNode page = client.get("/api/v1/mgt/configs/" + id + "/versions?limit=1000" + cursor)
                    .expect(200)
                    .json();
            for (JsonNode version : page.get("items")) {
                contents.addFirst(client.get("/api/v1/mgt/configs/" + id + "/versions/"
                                + version.get("version_id").asLong() + "/content")
                        .expect(200)
                        .body());
            }
            cursor = page.hasNonNull("next_cursor")
                    ? "&cursor=" + page.get("next_cursor").asString()
                    : "";
        } while (!cursor.isEmpty());
        return contents;
    }

    private static List<String> prepend(List<String> acknowledged) {
        var all = new ArrayList<String>();
        all.add("{\"start\":true}");
        all.addAll(acknowledged);
        return all;
    }
}
