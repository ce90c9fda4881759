package dev.conflux.protocol.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.protocol.http.TestNode.Answer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Deletion that cannot hurt, over a real server and a real state machine. */
class TrashHttpTest {

    private static final String CONFIGS = "/api/v1/mgt/configs/";
    private static final String TRASH = "/api/v1/mgt/trash";

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
    void shouldRefuseToDeleteWhatSomebodyFetchedUnlessForced() throws Exception {
        long id = node.published("trash", "fetched", "v1");
        assertThat(fetch("fetched").status()).isEqualTo(200);

        Answer refused = delete(CONFIGS + id);

        assertThat(refused.status()).isEqualTo(409);
        assertThat(refused.code()).isEqualTo("CONFIG_IN_USE");
        assertThat(refused.json().path("nodes").asInt()).isEqualTo(1);
        assertThat(refused.json().path("watchers").asInt()).isZero();
        assertThat(refused.json().path("last_fetched_at").asString()).startsWith("20");
        assertThat(refused.json().path("detail").asString()).contains("force=true");
        assertThat(fetch("fetched").status()).isEqualTo(200);
        assertThat(delete(CONFIGS + id + "?force=true").status()).isEqualTo(204);
        assertThat(fetch("fetched").code()).isEqualTo("CONFIG_NOT_FOUND");
    }

    @Test
    void shouldCountAFetchOfTheWholeNamespaceAndOneBeforeANewRelease() throws Exception {
        long id = node.published("trashall", "all", "v1");
        node.get("/api/v1/fetch/configs/trashall/app/prod");
        node.json("POST", CONFIGS + id + "/publish", "{\"content\":\"v2\"}");

        assertThat(delete(CONFIGS + id).code()).isEqualTo("CONFIG_IN_USE");
    }

    @Test
    void shouldRefuseToDeleteWhatSomebodyWatches() throws Exception {
        long id = node.published("trash", "watched", "v1");
        var request = HttpRequest.newBuilder(node.uri("/api/v1/watch?key=trash/app/prod/watched"))
                .header("Authorization", "Bearer " + node.admin)
                .header("Accept", "text/event-stream")
                .build();
        var response = node.client().send(request, BodyHandlers.ofInputStream());
        try (var reader = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            assertThat(reader.readLine()).isNotNull();

            await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> {
                Answer refused = delete(CONFIGS + id);
                assertThat(refused.code()).isEqualTo("CONFIG_IN_USE");
                assertThat(refused.json().path("watchers").asInt()).isEqualTo(1);
            });
        }
    }

    @Test
    void shouldRefuseWhenAMemberCannotBeAsked() throws Exception {
        long id = node.published("trash", "silent", "v1");
        node.consensus.silence(new ConsensusException.NoLeader("cut off"));
        try {
            Answer refused = delete(CONFIGS + id);
            assertThat(refused.code()).isEqualTo("CONFIG_IN_USE");
            assertThat(refused.json().at("/silent_nodes/0").asInt()).isEqualTo(1);
        } finally {
            node.consensus.silence(null);
        }
        assertThat(delete(CONFIGS + id).status()).isEqualTo(204);
    }

    @Test
    void shouldListRestoreAndRefuseWhenTheNameIsTaken() throws Exception {
        long id = node.published("bin", "again", "v1");
        assertThat(delete(CONFIGS + id).status()).isEqualTo(204);

        JsonNode listed = node.get(TRASH + "?tenant=bin").json();
        assertThat(listed.at("/items/0/id").asLong()).isEqualTo(id);
        assertThat(listed.at("/items/0/name").asString()).isEqualTo("again");
        assertThat(listed.at("/items/0/deleted_by").asString()).isEqualTo("admin");
        assertThat(node.get(TRASH + "?tenant=nobody").json().path("items")).isEmpty();

        long other = node.published("bin", "again", "w1");
        assertThat(other).isNotEqualTo(id);
        Answer taken = node.send("POST", TRASH + "/" + id + "/restore", new byte[0]);
        assertThat(taken.status()).isEqualTo(409);
        assertThat(taken.code()).isEqualTo("ALREADY_EXISTS");
        assertThat(delete(CONFIGS + other).status()).isEqualTo(204);

        Answer restored = node.send("POST", TRASH + "/" + id + "/restore", new byte[0]);
        assertThat(restored.status()).as(restored.text()).isEqualTo(200);
        assertThat(restored.json().path("id").asLong()).isEqualTo(id);
        assertThat(node.get("/api/v1/fetch/config/bin/app/prod/again").text()).isEqualTo("v1");
        assertThat(node.send("POST", TRASH + "/" + id + "/restore", new byte[0]).code())
                .isEqualTo("CONFIG_NOT_FOUND");
    }

    @Test
    void shouldArchiveAndRemoveWhatIsPurged() throws Exception {
        long id = node.published("purge", "gone", "bytes");
        assertThat(delete(CONFIGS + id).status()).isEqualTo(204);

        assertThat(delete(TRASH + "/" + id).status()).isEqualTo(204);

        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(
                                node.get(TRASH + "?tenant=purge").json().path("items"))
                        .isEmpty());
        assertThat(node.get(CONFIGS + id + "/versions/1").status()).isEqualTo(404);
        assertThat(Files.readString(directory.resolve("archive/purge/app/prod/gone/config-" + id + "/v1.content")))
                .isEqualTo("bytes");
        assertThat(delete(TRASH + "/" + id).code()).isEqualTo("CONFIG_NOT_FOUND");
    }

    @Test
    void shouldPageTheTrash() throws Exception {
        var ids = new ArrayList<Long>();
        for (int i = 0; i < 5; i++) {
            ids.add(node.published("pages", "p" + i, "x"));
            delete(CONFIGS + ids.getLast());
        }
        var seen = new ArrayList<Long>();
        String cursor = "";
        do {
            JsonNode page = node.get(TRASH + "?tenant=pages&limit=2" + cursor).json();
            page.path("items").forEach(item -> seen.add(item.path("id").asLong()));
            cursor = page.has("next_cursor")
                    ? "&cursor=" + page.path("next_cursor").asString()
                    : "";
        } while (!cursor.isEmpty());
        assertThat(seen).isEqualTo(List.copyOf(ids));
    }

    private static Answer fetch(String name) throws Exception {
        return node.get("/api/v1/fetch/config/trash/app/prod/" + name);
    }

    private static Answer delete(String path) throws Exception {
        return node.send("DELETE", path, new byte[0]);
    }
}
