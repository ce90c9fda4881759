package dev.conflux.protocol.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.protocol.http.TestNode.Answer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Schedules and rollouts over HTTP. */
class DeliveryHttpTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

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

    // ---- schedules

    @Test
    void shouldPublishAReviewedVersionAtItsTime() throws Exception {
        // given
        long id = withTwoVersions("on-time");
        String hash = node.get(config(id) + "/versions/2").json().path("hash").asString();
        Instant due = Instant.now().plusMillis(700);

        // when
        Answer created = node.json("POST", config(id) + "/schedules", """
                {"version_id":2,"version_hash":"%s","due_at":"%s","cas_releases":1,"comment":"night shift"}""".formatted(hash, due));

        // then
        assertThat(created.status()).as(created.text()).isEqualTo(201);
        long schedule = created.json().path("id").asLong();
        assertThat(created.header("Location")).isEqualTo(config(id) + "/schedules/" + schedule);
        assertThat(created.json().path("state").asString()).isEqualTo("pending");
        assertThat(created.json().path("kind").asString()).isEqualTo("promote");
        assertThat(created.json().path("pin").asString()).isEqualTo("releases");
        assertThat(created.json().path("pinned_releases_revision").asLong()).isEqualTo(1);
        assertThat(node.get(fetch("on-time")).text()).isEqualTo("one");
        await().atMost(PATIENCE).until(() -> node.get(fetch("on-time")).text().equals("two"));
        assertThat(Instant.now()).isAfterOrEqualTo(due.minusMillis(1));
        Answer done = node.get(config(id) + "/schedules/" + schedule);
        assertThat(done.json().path("state").asString()).isEqualTo("done");
        assertThat(done.json().path("ended_by").asString()).isEqualTo("schedule " + schedule + " of admin");
        Answer history = node.get(config(id) + "/release-history");
        assertThat(history.json().path("items")).hasSize(2);
        assertThat(history.json().at("/items/0/changed_by").asString()).isEqualTo("schedule " + schedule + " of admin");
        assertThat(history.json().at("/items/0/comment").asString()).isEqualTo("night shift");
    }

    @Test
    void shouldScheduleAPlanAndCancelIt() throws Exception {
        long id = withTwoVersions("cancelled");
        Answer created = node.json("POST", config(id) + "/schedules", """
                {"version_id":2,"due_at":"%s","pin":"version","strategy":{"type":"canary","labels":{"canary":"true"}}}""".formatted(inAnHour()));
        assertThat(created.status()).as(created.text()).isEqualTo(201);
        assertThat(created.json().path("kind").asString()).isEqualTo("publish");
        assertThat(created.json().at("/rule/version_id").asLong()).isEqualTo(2);
        assertThat(created.json().path("pinned_releases_revision").isNull()).isTrue();
        String path = config(id) + "/schedules/" + created.json().path("id").asLong();

        Answer cancelled = node.send("DELETE", path + "?comment=no", new byte[0], "X-Idempotency-Key", "cancel-1");

        assertThat(cancelled.status()).as(cancelled.text()).isEqualTo(200);
        assertThat(cancelled.json().path("state").asString()).isEqualTo("cancelled");
        assertThat(cancelled.json().path("reason").asString()).isEqualTo("no");
        assertThat(node.send("DELETE", path + "?comment=no", new byte[0], "X-Idempotency-Key", "cancel-1")
                        .header("X-Idempotent-Replay"))
                .isEqualTo("true");
        Answer again = node.send("DELETE", path, new byte[0]);
        assertThat(again.status()).isEqualTo(409);
        assertThat(again.code()).isEqualTo("SCHEDULE_NOT_PENDING");
        assertThat(node.get(config(id) + "/schedules?limit=1").json().path("items"))
                .hasSize(1);
        assertThat(node.get(config(id) + "/schedules/999").status()).isEqualTo(404);
    }

    @Test
    void shouldMakeAPublishedCanaryTheDefaultLater() throws Exception {
        long id = withTwoVersions("timed");
        Answer published = node.json("POST", config(id) + "/publish", """
                {"content":"three","strategy":{"type":"canary","labels":{"canary":"true"}},"make_default_after_minutes":60}""");
        assertThat(published.status()).as(published.text()).isEqualTo(200);
        long schedule = published.json().at("/promotion/id").asLong();
        assertThat(schedule).isEqualTo(published.revision());
        Instant due = Instant.parse(published.json().at("/promotion/due_at").asString());
        assertThat(due).isBetween(Instant.now().plusSeconds(3500), Instant.now().plusSeconds(3601));
        assertThat(node.get(config(id) + "/schedules/" + schedule)
                        .json()
                        .path("version_id")
                        .asLong())
                .isEqualTo(3);

        Answer batch = node.json("POST", "/api/v1/mgt/publish-batch", """
                {"items":[{"config_id":%d,"content":"4","strategy":{"type":"percentage","percentage":5},"make_default_after_minutes":1}]}""".formatted(id));
        assertThat(batch.status()).as(batch.text()).isEqualTo(200);
        assertThat(batch.json().at("/items/0/promotion/state").asString()).isEqualTo("pending");

        Answer pointless =
                node.json("POST", config(id) + "/publish", "{\"content\":\"y\",\"make_default_after_minutes\":60}");
        assertThat(pointless.status()).isEqualTo(400);
        assertThat(pointless.json().path("field").asString()).isEqualTo("make_default_after_minutes");
    }

    @Test
    void shouldRefuseASchedulesNonsense() throws Exception {
        long id = withTwoVersions("nonsense");
        assertThat(schedule(id, "{\"version_id\":2}").json().path("field").asString())
                .isEqualTo("due_at");
        assertThat(schedule(id, "{\"version_id\":2,\"due_at\":\"tomorrow\"}").status())
                .isEqualTo(400);
        assertThat(schedule(id, "{\"version_id\":2,\"due_at\":\"2001-01-01T00:00:00Z\"}")
                        .text())
                .contains("later than now");
        assertThat(schedule(id, "{\"due_at\":\"" + inAnHour() + "\"}")
                        .json()
                        .path("field")
                        .asString())
                .isEqualTo("version_id");
        assertThat(schedule(id, "{\"version_id\":7,\"due_at\":\"" + inAnHour() + "\"}")
                        .code())
                .isEqualTo("VERSION_NOT_FOUND");
        assertThat(schedule(id, "{\"version_id\":2,\"pin\":\"x\",\"due_at\":\"" + inAnHour() + "\"}")
                        .json()
                        .path("field")
                        .asString())
                .isEqualTo("pin");
        assertThat(schedule(id, "{\"version_id\":2,\"cas_releases\":9,\"due_at\":\"" + inAnHour() + "\"}")
                        .code())
                .isEqualTo("CAS_MISMATCH");
        assertThat(schedule(999_999, "{\"version_id\":2,\"due_at\":\"" + inAnHour() + "\"}")
                        .code())
                .isEqualTo("CONFIG_NOT_FOUND");
    }

    private static Answer schedule(long id, String body) throws Exception {
        return node.json("POST", config(id) + "/schedules", body);
    }

    private static Instant inAnHour() {
        return Instant.now().plusSeconds(3600);
    }

    private static long withTwoVersions(String name) throws Exception {
        long id = node.published("delivery", name, "one");
        assertThat(node.send("POST", config(id) + "/versions", "two".getBytes(java.nio.charset.StandardCharsets.UTF_8))
                        .status())
                .isEqualTo(201);
        return id;
    }

    private static String config(long id) {
        return "/api/v1/mgt/configs/" + id;
    }

    private static String fetch(String name) {
        return "/api/v1/fetch/config/delivery/app/prod/" + name;
    }
}
