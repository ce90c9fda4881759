package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import dev.conflux.tool.local.Ops;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Retention and deletion on three real nodes, one of which dies in the middle. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.MethodName.class)
class LifecycleIT {

    private static final int CONFIGS = 4;
    private static final int VERSIONS = 21;

    @TempDir
    static Path directory;

    private LocalCluster cluster;
    private NodeClient admin;

    @BeforeAll
    void startCluster() {
        cluster = new LocalCluster(LocalCluster.Options.ofTest(directory.resolve("cluster"), 3)
                        .withSettings(Map.of(
                                "gc.interval", "0s",
                                "gc.delete_protection", "10m",
                                "gc.versions_per_second", "10",
                                "gc.archive_dir", directory.resolve("archive").toString())))
                .start();
        Cluster.awaitControlPlane(cluster);
        admin = cluster.client(cluster.node(1));
    }

    @AfterAll
    void stopCluster() {
        cluster.close();
    }

    @Test
    void shouldAskEveryMemberBeforeItDeletes() {
        // given: only node 3 has been asked for it
        NodeProcess third = cluster.node(3);
        long id = Cluster.create(admin, "in-use.json", "{}");
        long revision = admin.get("/api/v1/mgt/configs/" + id).revision();
        Cluster.fetch(admin.at(third), "in-use.json", revision);

        // when, then
        NodeClient.Answer refused = admin.delete("/api/v1/mgt/configs/" + id);
        assertThat(refused.status()).isEqualTo(409);
        assertThat(refused.json().path("code").asString()).isEqualTo("CONFIG_IN_USE");
        assertThat(refused.json().path("nodes").asInt()).isEqualTo(1);
        assertThat(refused.json().path("silent_nodes")).isEmpty();

        // given: a member that cannot be asked
        long other = Cluster.create(admin, "not-asked.json", "{}");
        third.kill();
        NodeClient.Answer silent = admin.delete("/api/v1/mgt/configs/" + other);
        assertThat(silent.status()).isEqualTo(409);
        assertThat(silent.json().at("/silent_nodes/0").asInt()).isEqualTo(3);

        // when: forced, then taken back
        assertThat(admin.delete("/api/v1/mgt/configs/" + other + "?force=true").status())
                .isEqualTo(204);
        third.start();
        third.awaitReady();
        await().atMost(Cluster.PATIENCE)
                .until(() -> admin.send("POST", "/api/v1/mgt/trash/" + other + "/restore", Map.of())
                                .status()
                        == 200);
        assertThat(Cluster.fetch(
                        admin.at(third),
                        "not-asked.json",
                        admin.get("/api/v1/mgt/configs/" + other).revision()))
                .isEqualTo("{}");
        Cluster.awaitEqualDigests(cluster);
    }

    @Test
    void shouldGoOnWithTheCollectionWhenTheLeaderDies() throws Exception {
        // given
        var ids = new long[CONFIGS];
        for (int i = 0; i < CONFIGS; i++) {
            ids[i] = Cluster.create(admin, "collected-" + i + ".json", "{\"v\":1}");
            for (int v = 2; v <= VERSIONS; v++) {
                admin.sendRaw(
                                "POST",
                                "/api/v1/mgt/configs/" + ids[i] + "/versions",
                                "application/json",
                                ("{\"v\":" + v + "}").getBytes(StandardCharsets.UTF_8))
                        .expect(201);
            }
        }
        NodeProcess leader = Cluster.awaitLeader(cluster);
        NodeProcess follower = cluster.node(leader.id() % 3 + 1);
        NodeClient atFollower = admin.at(follower);
        Ops.put(follower, atFollower, "/_cluster/gc/policy", "{\"retention_policy\":{\"count\":1}}");
        JsonNode preview = Ops.get(follower, "/_cluster/gc/configs/" + ids[0]);
        assertThat(preview.path("versions_to_be_deleted").size()).isEqualTo(VERSIONS - 2);

        // when: asked of a follower, and the leader dies while it is at it
        var asking = Thread.startVirtualThread(() -> Ops.post(follower, atFollower, "/_cluster/gc", "{}"));
        await().atMost(Cluster.PATIENCE)
                .until(() -> Ops.get(follower, "/_cluster/gc/status")
                                .at("/running/versions_deleted")
                                .asLong(0)
                        > 0);
        String began = Ops.get(follower, "/_cluster/gc/status")
                .at("/running/timestamp")
                .asString();
        leader.kill();

        // then: another one ends the same cycle
        JsonNode last = await().atMost(Cluster.PATIENCE)
                .until(() -> Ops.get(follower, "/_cluster/gc/status").path("last_run"), run -> run.has("result"));
        assertThat(last.path("result").asString()).isEqualTo("COMPLETE");
        assertThat(last.path("timestamp").asString()).isEqualTo(began);
        assertThat(last.path("versions_deleted").asLong()).isEqualTo(CONFIGS * (VERSIONS - 2L));
        asking.join();
        leader.start();
        leader.awaitReady();
        Cluster.awaitEqualDigests(cluster);
        for (NodeProcess node : cluster.nodes()) {
            for (long id : ids) {
                JsonNode versions = admin.at(node)
                        .get("/api/v1/mgt/configs/" + id + "/versions")
                        .expect(200)
                        .json()
                        .path("items");
                assertThat(versions.size()).isEqualTo(2);
                assertThat(versions.at("/0/version_id").asInt()).isEqualTo(VERSIONS);
                assertThat(versions.at("/1/version_id").asInt())
                        .as("it is served")
                        .isEqualTo(1);
            }
        }
        try (Stream<Path> archived = Files.walk(directory.resolve("archive"))) {
            assertThat(archived.filter(file -> file.toString().endsWith(".content")))
                    .as("the same directory for all")
                    .hasSize(CONFIGS * (VERSIONS - 2));
        }
    }
}
