package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Three processes: schedules and rollouts through kill -9 of the leader, and a webhook that says no. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DeliveryIT {

    private static final int SCHEDULES = 8;

    @TempDir
    static Path directory;

    private LocalCluster cluster;
    private NodeClient admin;

    @BeforeAll
    void startCluster() {
        cluster = new LocalCluster(LocalCluster.Options.ofTest(directory, 3)
                        .withSettings(Map.of(
                                "rollouts.gate_hosts", "127.0.0.1",
                                "rollouts.gate_interval", "200ms",
                                "rollouts.gate_timeout", "2s")))
                .start();
        Cluster.awaitControlPlane(cluster);
        admin = cluster.client(cluster.node(1));
    }

    @AfterAll
    void stopCluster() {
        cluster.close();
    }

    @Test
    void shouldDoEachThingOnceThoughTheLeaderIsKilledAmidIt() {
        // given: schedules that come due one after the other, one that is cancelled, and a rollout of three stages
        Instant start = Instant.now().plusSeconds(3);
        List<Long> configs = new ArrayList<>();
        List<Long> schedules = new ArrayList<>();
        for (int i = 0; i < SCHEDULES; i++) {
            long config = withTwoVersions("scheduled-" + i + ".json");
            configs.add(config);
            schedules.add(schedule(config, start.plusMillis(400L * i)));
        }
        long cancelledConfig = withTwoVersions("cancelled.json");
        Instant cancelledDue = start.plusMillis(400L * SCHEDULES);
        long cancelled = schedule(cancelledConfig, cancelledDue);
        long rolledOut = withTwoVersions("rolled-out.json");
        long rollout = post(
                        rolledOut,
                        "/rollouts",
                        Map.of(
                                "version_id",
                                2,
                                "stages",
                                List.of(
                                        Map.of("labels", Map.of("canary", "true"), "bake_seconds", 3),
                                        Map.of("percentage", 30, "bake_seconds", 2),
                                        Map.of("percentage", 60, "bake_seconds", 1))))
                .get("id")
                .asLong();

        // when: the leader dies as soon as the first one is done
        await().atMost(Cluster.PATIENCE)
                .pollInterval(Duration.ofMillis(10))
                .until(() -> history(admin, configs.getFirst()).size() == 2);
        NodeProcess leader = Cluster.awaitLeader(cluster);
        leader.kill();
        NodeClient survivor = admin.at(Cluster.running(cluster).getFirst());
        String path = config(cancelledConfig) + "/schedules/" + cancelled;
        NodeClient.Answer answer = Cluster.persist(survivor, "DELETE", path, Map.of(), "cancel", Cluster.PATIENCE);

        // then
        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        assertThat(answer.json().get("state").asString()).isEqualTo("cancelled");
        for (int i = 0; i < SCHEDULES; i++) {
            long config = configs.get(i);
            awaitState(survivor, config(config) + "/schedules/" + schedules.get(i), "done");
        }
        awaitState(survivor, config(rolledOut) + "/rollouts/" + rollout, "completed");
        await().until(() -> Instant.now().isAfter(cancelledDue.plusSeconds(1)));

        // and when: the old leader comes back, and everybody restarts once more
        leader.start();
        leader.awaitReady();
        Cluster.awaitEqualDigests(cluster);
        cluster.nodes().forEach(NodeProcess::kill);
        cluster.nodes().forEach(NodeProcess::start);
        cluster.awaitReady();
        Cluster.awaitControlPlane(cluster);
        Cluster.awaitEqualDigests(cluster);

        // then: one entry each, on every node
        for (NodeProcess node : cluster.nodes()) {
            NodeClient client = admin.at(node);
            for (int i = 0; i < SCHEDULES; i++) {
                List<JsonNode> history = history(client, configs.get(i));
                assertThat(history).hasSize(2);
                assertThat(history.getFirst().get("changed_by").asString())
                        .isEqualTo("schedule " + schedules.get(i) + " of admin");
                assertThat(client.get("/api/v1/fetch/config/acme/shop/prod/scheduled-" + i + ".json")
                                .expect(200)
                                .body())
                        .isEqualTo("{\"v\":2}");
            }
            assertThat(history(client, cancelledConfig)).hasSize(1);
            assertThat(history(client, rolledOut).reversed())
                    .extracting(entry -> entry.get("comment").asString())
                    .containsExactly(
                            "",
                            "rollout " + rollout + ", stage 1 of 3",
                            "rollout " + rollout + ", stage 2 of 3: bake time is over",
                            "rollout " + rollout + ", stage 3 of 3: bake time is over",
                            "rollout " + rollout + ", completed: bake time is over");
        }
    }

    @Test
    void shouldGoBackByItselfWhenAWebhookSaysNo() throws Exception {
        // given
        List<String> questions = new CopyOnWriteArrayList<>();
        HttpServer hook = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        hook.createContext("/", exchange -> {
            String question = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            questions.add(question);
            boolean first = question.contains("\"stage\":1");
            byte[] verdict = (first ? "{\"verdict\":\"pass\"}" : "{\"verdict\":\"fail\",\"reason\":\"5 % errors\"}")
                    .getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, verdict.length);
            exchange.getResponseBody().write(verdict);
            exchange.close();
        });
        hook.start();
        try {
            long config = withTwoVersions("hooked.json");
            var gates = List.of(Map.of(
                    "type",
                    "webhook",
                    "url",
                    "http://127.0.0.1:" + hook.getAddress().getPort() + "/verdict"));

            // when
            long rollout = post(
                            config,
                            "/rollouts",
                            Map.of(
                                    "version_id",
                                    2,
                                    "stages",
                                    List.of(
                                            Map.of("labels", Map.of("canary", "true"), "gates", gates),
                                            Map.of("percentage", 50, "bake_seconds", 1, "gates", gates))))
                    .get("id")
                    .asLong();

            // then
            JsonNode back = awaitState(admin, config(config) + "/rollouts/" + rollout, "rolled_back");
            assertThat(back.get("history").get(2).get("reason").asString()).isEqualTo("webhook: 5 % errors");
            assertThat(questions).hasSize(2);
            assertThat(questions.getFirst()).contains("\"config\":\"acme/shop/prod/hooked.json\"");
            assertThat(history(admin, config)).hasSize(4);
            assertThat(admin.get("/api/v1/fetch/config/acme/shop/prod/hooked.json", "X-Client-Label-Canary", "true")
                            .expect(200)
                            .body())
                    .isEqualTo("{\"v\":1}");
        } finally {
            hook.stop(0);
        }
    }

    // ---- helpers

    private long withTwoVersions(String name) {
        long id = Cluster.create(admin, name, "{\"v\":1}");
        admin.send("POST", config(id) + "/versions", Map.of("v", 2)).expect(201);
        return id;
    }

    private long schedule(long config, Instant due) {
        return post(config, "/schedules", Map.of("version_id", 2, "due_at", due.toString()))
                .get("id")
                .asLong();
    }

    private JsonNode post(long config, String what, Map<String, Object> body) {
        return admin.send("POST", config(config) + what, body).expect(201).json();
    }

    private static JsonNode awaitState(NodeClient client, String path, String state) {
        return await(path + " " + state)
                .atMost(Cluster.PATIENCE)
                .until(
                        () -> client.get(path).json(),
                        json -> json.path("state").asString("").equals(state));
    }

    private static List<JsonNode> history(NodeClient client, long config) {
        var entries = new ArrayList<JsonNode>();
        client.get(config(config) + "/release-history")
                .expect(200)
                .json()
                .get("items")
                .forEach(entries::add);
        return entries;
    }

    private static String config(long id) {
        return "/api/v1/mgt/configs/" + id;
    }
}
