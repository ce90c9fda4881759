package dev.conflux.protocol.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.protocol.http.TestNode.Answer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code /_cluster/gc} and {@code retention_policy}, over a real server and a real state machine. */
class GcHttpTest {

    private static final String CONFIGS = "/api/v1/mgt/configs/";

    @TempDir
    static Path directory;

    private static TestNode node;

    @BeforeAll
    static void start() throws Exception {
        node = new TestNode(directory);
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    @Test
    void shouldDeleteExactlyWhatThePreviewSaid() throws Exception {
        // given: 1 is served, 2 … 5 never were, 5 is the latest
        long id = config("exact", 5);
        policy(id, "{\"count\":2}");

        // when
        JsonNode preview = node.get("/_cluster/gc/configs/" + id).json();
        JsonNode dryRun = run("{\"dry_run\":true}").json();
        Answer ran = run("");

        // then
        assertThat(ids(preview.path("versions_to_be_deleted"))).containsExactly(2L, 3L);
        assertThat(ids(preview.path("versions_to_be_kept"))).containsExactly(1L, 4L, 5L);
        assertThat(preview.at("/versions_to_be_kept/0/reason").asString()).isEqualTo("release_rule");
        assertThat(preview.at("/versions_to_be_kept/1/reason").asString()).isEqualTo("count");
        assertThat(preview.at("/versions_to_be_kept/2/reason").asString()).isEqualTo("latest");
        assertThat(preview.path("policy_source").asString()).isEqualTo("config");
        assertThat(dryRun.path("versions").asLong()).isEqualTo(2);
        assertThat(dryRun.path("bytes").asLong()).isEqualTo(4);
        assertThat(dryRun.at("/items/0/config").asString()).isEqualTo("gc/app/prod/exact");
        assertThat(ran.status()).as(ran.text()).isEqualTo(200);
        assertThat(ran.json().at("/last_run/versions_deleted").asLong()).isEqualTo(2);
        assertThat(ran.json().at("/last_run/bytes_reclaimed").asLong()).isEqualTo(4);
        assertThat(ran.json().at("/last_run/result").asString()).isEqualTo("COMPLETE");
        assertThat(ids(node.get(CONFIGS + id + "/versions").json().path("items")))
                .containsExactly(5L, 4L, 1L);
        assertThat(node.get(CONFIGS + id + "/versions/2/content").code()).isEqualTo("VERSION_NOT_FOUND");
        assertThat(node.get("/api/v1/fetch/config/gc/app/prod/exact").text()).isEqualTo("v1");
        Path archived = directory.resolve("archive/gc/app/prod/exact/config-" + id + "/v3.content");
        assertThat(Files.readString(archived)).isEqualTo("v3");

        JsonNode status = node.get("/_cluster/gc/status").json();
        assertThat(status.path("service_status").asString()).isEqualTo("IDLE");
        assertThat(status.at("/last_run/versions_deleted").asLong()).isEqualTo(2);
        assertThat(status.path("next_run_scheduled_at").asString()).isNotEmpty();
        assertThat(run("{\"dry_run\":true}").json().path("versions").asLong()).isZero();
    }

    @Test
    void shouldTakeAPolicyInEachOfItsForms() throws Exception {
        long id = config("forms", 1);

        assertThat(policy(id, "{\"days\":30,\"count\":5}").json().path("retention_policy"))
                .hasToString(
                        "{\"days\":30,\"count\":5,\"strategy\":\"OR\",\"rules\":[{\"type\":\"count\",\"keep\":5},{\"type\":\"days\",\"keep\":30}],\"keep_all\":false}");
        JsonNode and = policy(
                        id,
                        "{\"strategy\":\"AND\",\"rules\":[{\"type\":\"count\",\"keep\":7},{\"type\":\"days\",\"keep\":3}]}")
                .json()
                .path("retention_policy");
        assertThat(and.path("strategy").asString()).isEqualTo("AND");
        assertThat(policy(id, and.toString()).json().path("retention_policy")).isEqualTo(and);
        assertThat(policy(id, "{\"keep_all\":true}")
                        .json()
                        .at("/retention_policy/keep_all")
                        .asBoolean())
                .isTrue();
        assertThat(policy(id, "{}").json().at("/retention_policy/keep_all").asBoolean())
                .isFalse();

        refused(policy(id, "{\"count\":0}"), "retention_policy.count");
        refused(policy(id, "{\"days\":36501}"), "retention_policy.days");
        refused(policy(id, "{\"strategy\":\"XOR\"}"), "retention_policy.strategy");
        refused(policy(id, "{\"rules\":[{\"type\":\"size\",\"keep\":1}]}"), "retention_policy.rules[0].type");
        refused(
                policy(id, "{\"rules\":[{\"type\":\"count\",\"keep\":1},{\"type\":\"count\",\"keep\":2}]}"),
                "retention_policy.rules");
        refused(policy(id, "{\"keep_all\":true,\"count\":3}"), "retention_policy.keep_all");
    }

    @Test
    void shouldKeepTheClustersDefaultUntilToldOtherwise() throws Exception {
        JsonNode before = node.get("/_cluster/gc/policy").json();
        assertThat(before.at("/retention_policy/keep_all").asBoolean()).isTrue();
        assertThat(before.path("release_history").asInt()).isEqualTo(1000);

        Answer put = node.json(
                "PUT",
                "/_cluster/gc/policy",
                "{\"retention_policy\":{\"count\":9000},\"release_history\":500,\"metadata_history\":50}");

        assertThat(put.status()).as(put.text()).isEqualTo(200);
        JsonNode after = node.get("/_cluster/gc/policy").json();
        assertThat(after.at("/retention_policy/count").asInt()).isEqualTo(9000);
        assertThat(after.path("release_history").asInt()).isEqualTo(500);
        assertThat(after.path("metadata_history").asInt()).isEqualTo(50);
        refused(
                node.json("PUT", "/_cluster/gc/policy", "{\"retention_policy\":{},\"release_history\":9}"),
                "release_history");
        assertThat(node.json("PUT", "/_cluster/gc/policy", "{\"retention_policy\":{\"keep_all\":true}}")
                        .status())
                .isEqualTo(200);
    }

    @Test
    void shouldPageAPreviewAndRefuseWhatIsNotThere() throws Exception {
        long id = config("paged", 7);
        policy(id, "{\"count\":1}");

        var seen = new ArrayList<Long>();
        String path = "/_cluster/gc/configs/" + id + "?limit=3";
        String cursor = "";
        do {
            JsonNode page = node.get(path + cursor).json();
            seen.addAll(ids(page.path("versions_to_be_deleted")));
            seen.addAll(ids(page.path("versions_to_be_kept")));
            cursor = page.has("next_cursor")
                    ? "&cursor=" + page.path("next_cursor").asString()
                    : "";
        } while (!cursor.isEmpty());

        assertThat(seen).containsExactlyInAnyOrder(1L, 2L, 3L, 4L, 5L, 6L, 7L);
        policy(id, "{\"keep_all\":true}");
        assertThat(node.get("/_cluster/gc/configs/424242").code()).isEqualTo("CONFIG_NOT_FOUND");
        assertThat(node.get("/_cluster/gc/configs/x").code()).isEqualTo("INVALID_ARGUMENT");
        refused(run("{\"dryrun\":true}"), "dryrun");
    }

    private static long config(String name, int versions) throws Exception {
        long id = node.published("gc", name, "v1");
        for (int v = 2; v <= versions; v++) {
            Answer answer = node.send(
                    "POST",
                    CONFIGS + id + "/versions",
                    ("v" + v).getBytes(StandardCharsets.UTF_8),
                    "Content-Type",
                    "text/plain");
            assertThat(answer.status()).as(answer.text()).isEqualTo(201);
        }
        return id;
    }

    private static Answer policy(long id, String policy) throws Exception {
        return node.json("PATCH", CONFIGS + id, "{\"retention_policy\":" + policy + "}");
    }

    private static Answer run(String body) throws Exception {
        return body.isEmpty()
                ? node.send("POST", "/_cluster/gc", new byte[0])
                : node.json("POST", "/_cluster/gc", body);
    }

    private static void refused(Answer answer, String field) {
        assertThat(answer.status()).as(answer.text()).isEqualTo(400);
        assertThat(answer.json().path("field").asString()).isEqualTo(field);
    }

    private static List<Long> ids(JsonNode versions) {
        var ids = new ArrayList<Long>();
        versions.forEach(version -> ids.add(version.path("version_id").asLong()));
        return ids;
    }
}
