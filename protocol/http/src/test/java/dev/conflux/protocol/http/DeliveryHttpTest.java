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

    // ---- rollouts

    @Test
    void shouldRollOutStageByStageUntilAPersonApproves() throws Exception {
        // given
        long id = withTwoVersions("rollout");
        Answer started = node.json("POST", config(id) + "/rollouts", """
                {"version_id":2,"cas_releases":1,"comment":"new prices","stages":[
                 {"labels":{"Canary":"true"},"bake_seconds":1,"gates":[{"type":"webhook","url":"http://gates.test/ok"}]},
                 {"percentage":12.5,"gates":[{"type":"manual"},
                  {"type":"prometheus","url":"http://gates.test:9090","query":"up","pass_if":">=","threshold":0.5}]}]}""");
        assertThat(started.status()).as(started.text()).isEqualTo(201);
        long rollout = started.json().path("id").asLong();
        String path = config(id) + "/rollouts/" + rollout;
        assertThat(started.header("Location")).isEqualTo(path);
        assertThat(started.json().path("state").asString()).isEqualTo("running");
        assertThat(started.json().path("stage").asInt()).isEqualTo(1);
        assertThat(started.json().at("/stages/1/percentage").asDouble()).isEqualTo(12.5);
        assertThat(started.json().at("/stages/1/gates/1/pass_if").asString()).isEqualTo(">=");
        assertThat(started.json().at("/releases/0/labels/canary").asString()).isEqualTo("true");
        assertThat(node.get(fetch("rollout"), "X-Client-Label-Canary", "true").text())
                .isEqualTo("two");
        assertThat(node.get(fetch("rollout")).text()).isEqualTo("one");

        // when
        await().atMost(PATIENCE)
                .until(() -> node.get(path).json().path("state").asString().equals("waiting_for_approval"));

        // then
        assertThat(node.get(path).json().path("stage").asInt()).isEqualTo(2);
        Answer elsewhere = node.json("POST", path + "/advance", "{\"stage\":1}");
        assertThat(elsewhere.code()).isEqualTo("ROLLOUT_STATE_CONFLICT");
        Answer publish = node.json("POST", config(id) + "/publish", "{\"content\":\"hotfix\"}");
        assertThat(publish.status()).isEqualTo(409);
        assertThat(publish.code()).isEqualTo("ROLLOUT_IN_PROGRESS");
        assertThat(publish.json().path("detail").asString()).contains("rollout " + rollout);
        Answer advanced = node.json("POST", path + "/advance", "{\"stage\":2,\"comment\":\"looks good\"}");
        assertThat(advanced.status()).as(advanced.text()).isEqualTo(200);
        assertThat(advanced.json().path("state").asString()).isEqualTo("completed");
        assertThat(node.get(fetch("rollout")).text()).isEqualTo("two");
        Answer again = node.send("POST", path + "/rollback", new byte[0]);
        assertThat(again.status()).isEqualTo(409);
        assertThat(node.get(config(id) + "/rollouts").json().path("items")).hasSize(1);
        assertThat(node.get(config(id) + "/rollouts/1").status()).isEqualTo(404);
    }

    @Test
    void shouldPauseResumeCancelAndRollBackARollout() throws Exception {
        long id = withTwoVersions("steered");
        String body = "{\"content\":\"three\",\"stages\":[{\"labels\":{\"canary\":\"true\"},\"bake_seconds\":3600}]}";
        Answer started = node.json("POST", config(id) + "/rollouts", body);
        assertThat(started.status()).as(started.text()).isEqualTo(201);
        assertThat(started.json().path("version_id").asLong()).isEqualTo(3);
        String path = config(id) + "/rollouts/" + started.json().path("id").asLong();
        assertThat(node.send("POST", path + "/pause", new byte[0])
                        .json()
                        .path("state")
                        .asString())
                .isEqualTo("paused");
        assertThat(node.send("POST", path + "/resume", new byte[0])
                        .json()
                        .path("state")
                        .asString())
                .isEqualTo("running");
        assertThat(node.json("POST", path + "/rollback", "{\"comment\":\"no\"}")
                        .json()
                        .at("/history/3/reason")
                        .asString())
                .isEqualTo("no");
        assertThat(node.get(fetch("steered"), "X-Client-Label-Canary", "true").text())
                .isEqualTo("one");

        Answer second =
                node.json("POST", config(id) + "/rollouts", "{\"version_id\":3,\"stages\":[{\"percentage\":50}]}");
        assertThat(second.status()).as(second.text()).isEqualTo(201);
        await().atMost(PATIENCE).until(() -> node.get(fetch("steered")).text().equals("three"));

        Answer third = node.json("POST", config(id) + "/rollouts", body);
        Answer emergency = node.json("POST", config(id) + "/rollback", "{\"version_id\":1}");
        assertThat(emergency.status()).as(emergency.text()).isEqualTo(200);
        assertThat(node.get(config(id) + "/rollouts/" + third.json().path("id").asLong())
                        .json()
                        .path("state")
                        .asString())
                .isEqualTo("cancelled");
        assertThat(node.get(fetch("steered"), "X-Client-Label-Canary", "true").text())
                .isEqualTo("one");
    }

    @Test
    void shouldRefuseARolloutsNonsense() throws Exception {
        long id = withTwoVersions("rollout-nonsense");
        assertThat(field(id, "{\"version_id\":2}")).isEqualTo("stages");
        assertThat(field(id, "{\"version_id\":2,\"stages\":[]}")).isEqualTo("stages");
        assertThat(field(id, "{\"stages\":[{\"percentage\":1}]}")).isEqualTo("version_id");
        assertThat(field(id, "{\"version_id\":2,\"stages\":[{\"percentage\":101}]}"))
                .isEqualTo("stages[0].percentage");
        assertThat(field(id, "{\"version_id\":2,\"stages\":[{\"percentage\":1,\"bake_seconds\":-1}]}"))
                .isEqualTo("stages[0].bake_seconds");
        assertThat(field(id, gate("{\"type\":\"client_acks\",\"max_failed\":1}")))
                .isEqualTo("stages[0].gates[0].type");
        assertThat(field(id, gate("{\"type\":\"luck\"}"))).isEqualTo("stages[0].gates[0].type");
        Answer elsewhere = node.json(
                "POST", config(id) + "/rollouts", gate("{\"type\":\"webhook\",\"url\":\"http://169.254.169.254/\"}"));
        assertThat(elsewhere.status()).isEqualTo(400);
        assertThat(elsewhere.json().path("field").asString()).isEqualTo("stages[0].gates[0].url");
        assertThat(elsewhere.text()).contains("rollouts.gate_hosts");
        assertThat(node.get(config(id) + "/rollouts").json().path("items")).isEmpty();
    }

    private static String gate(String gate) {
        return "{\"version_id\":2,\"stages\":[{\"percentage\":1,\"gates\":[" + gate + "]}]}";
    }

    private static String field(long id, String body) throws Exception {
        Answer answer = node.json("POST", config(id) + "/rollouts", body);
        assertThat(answer.status()).as(answer.text()).isEqualTo(400);
        return answer.json().path("field").asString();
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
