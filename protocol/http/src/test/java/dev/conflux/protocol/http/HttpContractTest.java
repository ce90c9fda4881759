package dev.conflux.protocol.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.protocol.http.TestNode.Answer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The wire contract, over a real server and a real state machine. */
class HttpContractTest {

    private static final String CONFIGS = "/api/v1/mgt/configs";

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

    @AfterEach
    void heal() {
        node.consensus.fail(null);
    }

    private static String fetchPath(String tenant, String name) {
        return "/api/v1/fetch/config/" + tenant + "/app/prod/" + name;
    }

    // ---- data plane

    @Test
    void shouldServeRawBytesWithTheHeadersOfTheContract() throws Exception {
        // given
        node.published("fetch", "raw", "hello");

        // when
        Answer answer = node.get(fetchPath("fetch", "raw"));

        // then
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.text()).isEqualTo("hello");
        assertThat(answer.header("Content-Type")).isEqualTo("text/plain");
        assertThat(answer.header("X-Config-Version")).isEqualTo("1");
        assertThat(answer.header("X-Config-Format")).isEqualTo("text");
        assertThat(answer.header("X-Config-Hash"))
                .isEqualTo("sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assertThat(answer.header("ETag")).matches("\"[^\"]+\"");
        assertThat(answer.header("X-Trace-Id")).matches("[0-9a-f]{32}");
        assertThat(answer.revision()).isPositive();
        assertThat(answer.header("X-Conflux-Staleness-Ms")).isEqualTo("0");
    }

    @Test
    void shouldAnswerNotModifiedWhenTheClientHasIt() throws Exception {
        node.published("fetch", "conditional", "hello");
        String etag = node.get(fetchPath("fetch", "conditional")).header("ETag");

        for (String header : List.of(etag, "W/" + etag, "\"other\", " + etag, "*")) {
            Answer answer = node.get(fetchPath("fetch", "conditional"), "If-None-Match", header);
            assertThat(answer.status()).as(header).isEqualTo(304);
            assertThat(answer.text()).isEmpty();
            assertThat(answer.header("ETag")).isEqualTo(etag);
            assertThat(answer.header("X-Conflux-Revision")).isNotEmpty();
        }
        assertThat(node.get(fetchPath("fetch", "conditional"), "If-None-Match", "\"other\"")
                        .status())
                .isEqualTo(200);
    }

    @Test
    void shouldChooseByLabelsCaseInsensitivelyInTheKey() throws Exception {
        long id = node.published("fetch", "labels", "stable");
        node.json("POST", CONFIGS + "/" + id + "/publish", """
                {"content":"canary","strategy":{"type":"canary","labels":{"Region":"EU"}}}""");

        assertThat(node.get(fetchPath("fetch", "labels")).text()).isEqualTo("stable");
        assertThat(node.get(fetchPath("fetch", "labels"), "X-Client-Label-REGION", "EU")
                        .text())
                .isEqualTo("canary");
        assertThat(node.get(fetchPath("fetch", "labels"), "x-client-label-region", "eu")
                        .text())
                .isEqualTo("stable");
    }

    @Test
    void shouldTellMissingConfigsFromMissingRules() throws Exception {
        node.json("POST", CONFIGS, create("fetch", "unreleased", ""));

        assertThat(node.get(fetchPath("fetch", "absent")).code()).isEqualTo("CONFIG_NOT_FOUND");
        Answer unreleased = node.get(fetchPath("fetch", "unreleased"));
        assertThat(unreleased.status()).isEqualTo(404);
        assertThat(unreleased.code()).isEqualTo("NO_MATCHING_RELEASE");
        assertThat(unreleased.header("Content-Type")).isEqualTo("application/problem+json");
        assertThat(unreleased.json().path("trace_id").asString()).isEqualTo(unreleased.header("X-Trace-Id"));
        assertThat(unreleased.json().path("retryable").asBoolean()).isFalse();
    }

    @Test
    void shouldServeEncryptedContentAsItCameWithWhatDecryptsIt() throws Exception {
        byte[] cipher = {0, (byte) 0xff, 3, 0};
        Answer created =
                node.json("POST", CONFIGS, """
                {"tenant":"fetch","app":"app","env":"prod","name":"secret","format":"json","content_base64":"%s",
                 "publish_initial":true,"encryption":{"algorithm":"AES-256-GCM","wrapped_dek":"AQID","kek_id":"k1",
                 "nonce":"BAUG"}}""".formatted(Base64.getEncoder().encodeToString(cipher)));
        assertThat(created.status()).as(created.text()).isEqualTo(201);

        Answer answer = node.get(fetchPath("fetch", "secret"));

        assertThat(answer.response().body()).isEqualTo(cipher);
        assertThat(answer.header("X-Config-Encrypted")).isEqualTo("AES-256-GCM");
        assertThat(answer.header("X-Config-Wrapped-Dek")).isEqualTo("AQID");
        assertThat(answer.header("X-Config-Kek-Id")).isEqualTo("k1");
        assertThat(answer.header("X-Config-Nonce")).isEqualTo("BAUG");
        JsonNode bulk = node.get("/api/v1/fetch/configs/fetch/app/prod").json();
        assertThat(bulk.path("configs").toString()).contains("\"content_base64\":\"AP8DAA==\"", "\"kek_id\":\"k1\"");
    }

    @Test
    void shouldFetchANamespaceAtOneRevision() throws Exception {
        node.published("bulk", "b", "two");
        node.published("bulk", "a", "one");

        Answer all = node.get("/api/v1/fetch/configs/bulk/app/prod");

        assertThat(all.status()).isEqualTo(200);
        assertThat(all.json().path("revision").asLong()).isEqualTo(all.revision());
        assertThat(all.json().at("/configs/0/name").asString()).isEqualTo("a");
        assertThat(all.json().at("/configs/0/content").asString()).isEqualTo("one");
        assertThat(all.json().at("/configs/1/version").asInt()).isEqualTo(1);
        assertThat(node.get("/api/v1/fetch/configs/bulk/app/prod", "If-None-Match", all.header("ETag"))
                        .status())
                .isEqualTo(304);
        node.published("bulk", "c", "three");
        assertThat(node.get("/api/v1/fetch/configs/bulk/app/prod", "If-None-Match", all.header("ETag"))
                        .status())
                .isEqualTo(200);
        assertThat(node.get("/api/v1/fetch/configs/empty/app/prod")
                        .json()
                        .path("configs")
                        .size())
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api/v1/fetch/config/t/app/prod/..%2f",
                "/api/v1/fetch/config/t/app/prod/..%252f..%252f",
                "/api/v1/fetch/config/t/app/prod/%2e%2e/",
                "/api/v1/fetch/config/t/app/prod/a%00b",
                "/api/v1/fetch/config/t/app/prod/a%2Fb",
                "/api/v1/fetch/config/t/app/prod/%EF%BC%8Ee",
                "/api/v1/fetch/config/t/app/prod/%C3%A9",
                "/api/v1/fetch/config/t/app/prod/a;b",
                "/api/v1/fetch/config/t/app/prod/*",
                "/api/v1/fetch/config/t/app/prod/_a",
                "/api/v1/fetch/config/t/app/prod/",
                "/api/v1/fetch/config/t//prod/a",
                "/api/v1/fetch/config/t/./prod/a",
                "/api/v1/fetch/config/t/app/prod/a/b",
                "/api/v1/fetch/config/t/app/prod/a?x=1",
                "/api/v1/fetch/configs/t/app/a%2Fb",
                "/api/v1/fetch/configs/t/app/..",
                "/api/v1/mgt/configs/%2561",
                "/api/v1/mgt/configs/%00",
                "/api/v1/mgt/configs/%3",
                "/api/v1/fetch/config/t/app/prod/%252e",
                "/api/v1/mgt/configs/1%2F2",
                "/api/v1/mgt/configs/-1",
                "/api/v1/mgt/configs/0",
                "/api/v1/mgt/configs/99999999999999999999",
                "/api/v1/mgt/configs/abc",
                "/api/v1/mgt/configs?tenant=a%2Fb",
                "/api/v1/mgt/configs?tenant=a%00",
                "/api/v1/mgt/configs?tennant=a",
                "/api/v1/mgt/configs?limit=0",
                "/api/v1/mgt/configs?limit=1001",
                "/api/v1/mgt/configs?cursor=nonsense",
                "/api/v1/mgt/configs?cursor=bjox",
                "/api/v1/mgt/configs?tenant=%zz",
            })
    void shouldRefuseOddPathsAndQueries(String path) throws Exception {
        String answer = raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "
                + node.admin + "\r\n\r\n");

        assertThat(answer).startsWith("HTTP/1.1 400").contains("\"code\":\"INVALID_ARGUMENT\"", "X-Trace-Id");
    }

    @Test
    void shouldTakeNeedlesslyEncodedNames() throws Exception {
        long id = node.published("encoded", "a.json", "hello");

        for (String path : List.of(
                "/api/v1/fetch/config/encoded/app/prod/a%2Ejson",
                "/api/v1/fetch/config/%65ncoded/app/prod/a%2ejson",
                "/api/v1/fetch/%63onfigs/encoded/ap%70/prod",
                "/api/v1/mgt/configs/" + id + "/versions/%31")) {
            assertThat(node.get(path).status()).as(path).isEqualTo(200);
        }
        assertThat(raw("GET http://any.host" + fetchPath("encoded", "a.json")
                        + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + node.admin
                        + "\r\n\r\n"))
                .startsWith("HTTP/1.1 200")
                .endsWith("hello");
    }

    @Test
    void shouldAnswerHeadLikeGetWithoutTheBody() throws Exception {
        node.published("head", "a", "hello");

        for (String path : List.of(fetchPath("head", "a"), "/health", CONFIGS, fetchPath("head", "absent"))) {
            Answer get = node.get(path);
            Answer head = node.send("HEAD", path, new byte[0]);
            assertThat(head.status()).as(path).isEqualTo(get.status());
            assertThat(head.header("Content-Length")).as(path).isEqualTo(get.header("Content-Length"));
            assertThat(head.header("ETag")).as(path).isEqualTo(get.header("ETag"));
            assertThat(head.text()).as(path).isEmpty();
        }
        assertThat(node.send("HEAD", "/api/v1/watch?key=a/b/c/d", new byte[0]).status())
                .isEqualTo(405);
        Answer options = node.send("OPTIONS", CONFIGS, new byte[0]);
        assertThat(options.status()).isEqualTo(204);
        assertThat(options.header("Allow")).isEqualTo("GET, HEAD, OPTIONS, POST");
    }

    @Test
    void shouldTellTheStalenessWithRefusalsOfReads() throws Exception {
        long id = node.published("stale", "a", "x");

        for (String path : List.of(
                CONFIGS + "/999999",
                CONFIGS + "/" + id + "/versions/9",
                CONFIGS + "/" + id + "/versions/9/content",
                CONFIGS + "?limit=0",
                fetchPath("stale", "absent"))) {
            assertThat(node.get(path).header("X-Conflux-Staleness-Ms")).as(path).matches("\\d+");
        }
    }

    @Test
    void shouldCloseAfterRefusingAnEndlessBody() throws Exception {
        String nowhere = "POST /nothing HTTP/1.1\r\nHost: x\r\n";
        String large = "Content-Length: 99999999\r\n\r\nhello";

        assertThat(untilClosed(nowhere + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
                .startsWith("HTTP/1.1 404")
                .containsIgnoringCase("connection: close");
        assertThat(untilClosed(nowhere + large)).startsWith("HTTP/1.1 404");
        assertThat(untilClosed("POST " + CONFIGS + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + node.admin
                        + "\r\n" + large))
                .startsWith("HTTP/1.1 413")
                .containsIgnoringCase("connection: close");
    }

    @Test
    void shouldRefuseAnOverlongName() throws Exception {
        Answer answer = node.get(fetchPath("t", "a".repeat(4096)));

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.text()).hasSizeLessThan(600);
    }

    @Test
    void shouldAnswerAnOverlongLineWithAProblem() throws Exception {
        assertThat(raw("GET /" + "a".repeat(HttpLimits.MAX_LINE_BYTES) + " HTTP/1.1\r\nHost: x\r\n\r\n"))
                .contains(" 400 Bad Request")
                .contains("application/problem+json");
    }

    // ---- tokens and rights

    @Test
    void shouldRefuseMissingAndForgedTokens() throws Exception {
        node.published("auth", "a", "x");
        for (String token : List.of("", "nonsense", "a.b.c", node.admin + "x", node.admin.substring(10))) {
            for (String path : List.of(fetchPath("auth", "a"), CONFIGS, "/api/v1/auth/me")) {
                Answer answer = node.send(token, "GET", path, new byte[0]);
                assertThat(answer.status()).as(path).isEqualTo(401);
                assertThat(answer.code()).isEqualTo("UNAUTHENTICATED");
                assertThat(answer.header("WWW-Authenticate")).startsWith("Bearer");
            }
        }
    }

    @Test
    void shouldAnswerTheSameForWhatIsForbiddenAndWhatDoesNotExist() throws Exception {
        long id = node.published("auth", "forbidden", "x");

        Answer existing = node.send(node.nobody, "GET", fetchPath("auth", "forbidden"), new byte[0]);
        Answer absent = node.send(node.nobody, "GET", fetchPath("auth", "forbiddeN"), new byte[0]);
        assertThat(existing.status()).isEqualTo(403);
        assertThat(existing.json().path("detail").asString())
                .isEqualToIgnoringCase(absent.json().path("detail").asString());

        Answer byId = node.send(node.nobody, "GET", CONFIGS + "/" + id, new byte[0]);
        Answer byAbsentId = node.send(node.nobody, "GET", CONFIGS + "/999999", new byte[0]);
        assertThat(byId.status()).isEqualTo(403);
        assertThat(byAbsentId.status()).isEqualTo(403);
    }

    @Test
    void shouldLogInRefreshAndLogOut() throws Exception {
        Answer login = node.send(
                "",
                "POST",
                "/api/v1/auth/login",
                ("{\"username\":\"admin\",\"password\":\"" + TestNode.PASSWORD + "\"}")
                        .getBytes(StandardCharsets.UTF_8),
                "Content-Type",
                "application/json");
        assertThat(login.status()).as(login.text()).isEqualTo(200);
        assertThat(login.json().path("token_type").asString()).isEqualTo("Bearer");
        assertThat(login.json().path("expires_in").asLong()).isPositive();
        String token = login.json().path("access_token").asString();
        assertThat(node.send(token, "GET", "/api/v1/auth/me", new byte[0])
                        .json()
                        .path("username")
                        .asString())
                .isEqualTo("admin");

        Answer refreshed = node.json(
                "POST",
                "/api/v1/auth/refresh",
                "{\"refresh_token\":\"" + login.json().path("refresh_token").asString() + "\"}");
        assertThat(refreshed.status()).isEqualTo(200);

        assertThat(node.send(token, "POST", "/api/v1/auth/logout", new byte[0]).status())
                .isEqualTo(204);
        assertThat(node.send(token, "GET", "/api/v1/auth/me", new byte[0]).status())
                .isEqualTo(401);
        assertThat(node.json("POST", "/api/v1/auth/login", "{\"username\":\"admin\",\"password\":\"wrong\"}")
                        .status())
                .isEqualTo(401);
    }

    @Test
    void shouldTellWhatTheCallerMayDo() throws Exception {
        String body = "{\"action\":\"publish\",\"resource\":\"t/app/prod/x\"}";
        assertThat(node.json("POST", "/api/v1/auth/check", body)
                        .json()
                        .path("allowed")
                        .asBoolean())
                .isTrue();
        assertThat(node.send(
                                node.nobody,
                                "POST",
                                "/api/v1/auth/check",
                                body.getBytes(StandardCharsets.UTF_8),
                                "Content-Type",
                                "application/json")
                        .json()
                        .path("allowed")
                        .asBoolean())
                .isFalse();
    }

    // ---- configs and versions

    private static String create(String tenant, String name, String more) {
        return """
                {"tenant":"%s","app":"app","env":"prod","name":"%s","format":"json","content":"{\\"a\\":1}"%s}""".formatted(tenant, name, more);
    }

    @Test
    void shouldCreateReadChangeAndDeleteAConfig() throws Exception {
        Answer created = node.json(
                "POST",
                CONFIGS,
                create(
                        "crud",
                        "one",
                        ",\"description\":\"first\",\"custom_attrs\":{\"owner\":\"a\",\"old\":\"x\"},"
                                + "\"retention_policy\":{\"count\":5},\"schema\":{\"type\":\"object\"}"));
        assertThat(created.status()).as(created.text()).isEqualTo(201);
        long id = created.json().at("/config/id").asLong();
        assertThat(created.header("Location")).isEqualTo(CONFIGS + "/" + id);
        assertThat(created.json().at("/version/version_id").asInt()).isEqualTo(1);
        assertThat(created.json().at("/config/metadata_version").asInt()).isEqualTo(1);
        assertThat(created.json().at("/config/releases_revision").asInt()).isZero();

        Answer read = node.get(CONFIGS + "/" + id);
        assertThat(read.json()).isEqualTo(created.json().path("config"));
        assertThat(read.json().path("created_at").asString()).matches("\\d{4}-\\d\\d-\\d\\dT.*Z");
        assertThat(read.header("X-Conflux-Staleness-Ms")).isEqualTo("0");

        Answer patched = node.json(
                "PATCH",
                CONFIGS + "/" + id,
                "{\"custom_attrs\":{\"owner\":\"b\",\"old\":null},\"schema\":null,\"cas_metadata\":1}");
        assertThat(patched.status()).as(patched.text()).isEqualTo(200);
        assertThat(patched.json().path("metadata_version").asInt()).isEqualTo(2);
        assertThat(patched.json().path("custom_attrs").toString()).isEqualTo("{\"owner\":\"b\"}");
        assertThat(patched.json().path("schema").isNull()).isTrue();
        assertThat(patched.json().path("latest_version_id").asInt()).isEqualTo(1);

        Answer conflict = node.json("PATCH", CONFIGS + "/" + id, "{\"description\":\"x\",\"cas_metadata\":1}");
        assertThat(conflict.status()).isEqualTo(409);
        assertThat(conflict.code()).isEqualTo("CAS_MISMATCH");
        assertThat(conflict.json().path("counter").asString()).isEqualTo("metadata");
        assertThat(conflict.json().path("expected").asInt()).isEqualTo(1);
        assertThat(conflict.json().path("actual").asInt()).isEqualTo(2);

        JsonNode history = node.get(CONFIGS + "/" + id + "/metadata-history").json();
        assertThat(history.at("/items/0/metadata_version").asInt()).isEqualTo(2);
        assertThat(history.at("/items/0/changed_by").asString()).isEqualTo("admin");

        assertThat(node.send("DELETE", CONFIGS + "/" + id, new byte[0]).status())
                .isEqualTo(204);
        assertThat(node.get(CONFIGS + "/" + id).code()).isEqualTo("CONFIG_NOT_FOUND");
        assertThat(node.send("DELETE", CONFIGS + "/" + id, new byte[0]).status())
                .isEqualTo(404);
    }

    @Test
    void shouldRefuseTheSameNameTwice() throws Exception {
        node.json("POST", CONFIGS, create("crud", "twice", ""));
        Answer again = node.json("POST", CONFIGS, create("crud", "twice", ""));
        assertThat(again.status()).isEqualTo(409);
        assertThat(again.code()).isEqualTo("ALREADY_EXISTS");
    }

    @Test
    void shouldCreateVersionsFromRawBodiesAndEnvelopes() throws Exception {
        long id = node.published("versions", "raw", "x");

        Answer toml = node.send(
                "POST",
                CONFIGS + "/" + id + "/versions?description=from%20file&cas=1",
                "a = 1\n".getBytes(StandardCharsets.UTF_8),
                "Content-Type",
                "application/toml");
        assertThat(toml.status()).as(toml.text()).isEqualTo(201);
        assertThat(toml.json().path("version_id").asInt()).isEqualTo(2);
        assertThat(toml.json().path("format").asString()).isEqualTo("toml");
        assertThat(toml.json().path("description").asString()).isEqualTo("from file");

        Answer envelope = node.send(
                "POST",
                CONFIGS + "/" + id + "/versions",
                "{\"content_base64\":\"AAEC\",\"format\":\"binary\",\"cas\":2}".getBytes(StandardCharsets.UTF_8),
                "Content-Type",
                "application/vnd.conflux.v1+json");
        assertThat(envelope.status()).as(envelope.text()).isEqualTo(201);
        assertThat(node.get(CONFIGS + "/" + id + "/versions/3/content")
                        .response()
                        .body())
                .containsExactly(0, 1, 2);

        Answer mismatch = node.send(
                "POST", CONFIGS + "/" + id + "/versions?cas=1", new byte[] {65}, "Content-Type", "text/plain");
        assertThat(mismatch.code()).isEqualTo("CAS_MISMATCH");
        assertThat(mismatch.json().path("counter").asString()).isEqualTo("content");

        Answer form = node.send(
                "POST",
                CONFIGS + "/" + id + "/versions",
                new byte[] {65},
                "Content-Type",
                "application/x-www-form-urlencoded");
        assertThat(form.status()).isEqualTo(400);
        assertThat(form.json().path("field").asString()).isEqualTo("Content-Type");

        Answer dry = node.send(
                "POST",
                CONFIGS + "/" + id + "/versions?validate_only=true",
                new byte[] {65},
                "Content-Type",
                "text/plain");
        assertThat(dry.status()).isEqualTo(200);
        assertThat(node.get(CONFIGS + "/" + id + "/versions/4").code()).isEqualTo("VERSION_NOT_FOUND");
        // Nobody gets what has not been released.
        assertThat(node.get(fetchPath("versions", "raw")).header("X-Config-Version"))
                .isEqualTo("1");
    }

    @Test
    void shouldSayWhereJsonContentIsBroken() throws Exception {
        long id = node.published("versions", "broken", "x");

        Answer answer = node.send(
                "POST",
                CONFIGS + "/" + id + "/versions",
                "{\n  \"a\": 1,\n  oops\n}".getBytes(StandardCharsets.UTF_8),
                "Content-Type",
                "application/json");

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.code()).isEqualTo("MALFORMED_CONTENT");
        assertThat(answer.json().at("/violations/0/line").asInt()).isEqualTo(3);
        assertThat(answer.json().at("/violations/0/column").asInt()).isPositive();
    }

    @Test
    void shouldPageThroughVersionsAndConfigs() throws Exception {
        long id = node.published("paging", "c0", "x");
        for (int i = 1; i < 5; i++) {
            node.published("paging", "c" + i, "x");
            node.send("POST", CONFIGS + "/" + id + "/versions", new byte[] {65}, "Content-Type", "text/plain");
        }

        assertThat(pages(CONFIGS + "?tenant=paging&limit=2", "name")).containsExactly("c0", "c1", "c2", "c3", "c4");
        assertThat(pages(CONFIGS + "/" + id + "/versions?limit=2", "version_id"))
                .containsExactly("5", "4", "3", "2", "1");
        assertThat(node.get(CONFIGS + "?tenant=paging&limit=5").json().has("next_cursor"))
                .isFalse();
        assertThat(pages(CONFIGS + "?tenant=paging&app=app&env=prod&name=c3&limit=1", "name"))
                .containsExactly("c3");
    }

    private static List<String> pages(String path, String field) throws Exception {
        var found = new ArrayList<String>();
        String cursor = "";
        for (int i = 0; i < 10; i++) {
            JsonNode page = node.get(path + cursor).json();
            page.path("items").forEach(item -> found.add(item.path(field).asString()));
            if (!page.has("next_cursor")) {
                return found;
            }
            cursor = "&cursor=" + page.path("next_cursor").asString();
        }
        throw new AssertionError("no end: " + found);
    }

    @Test
    void shouldShowWhatChangedBetweenVersions() throws Exception {
        Answer created = node.json("POST", CONFIGS, create("diff", "d", ""));
        long id = created.json().at("/config/id").asLong();
        node.send(
                "POST",
                CONFIGS + "/" + id + "/versions",
                "{\"a\":2,\"b\":[1]}".getBytes(StandardCharsets.UTF_8),
                "Content-Type",
                "application/json");

        JsonNode diff = node.get(CONFIGS + "/" + id + "/diff?from=1&to=2").json();

        assertThat(diff.path("unified").asString()).contains("@@ -1,1 +1,1 @@", "-{\"a\":1}", "+{\"a\":2,\"b\":[1]}");
        assertThat(diff.path("changes").toString())
                .isEqualTo("[{\"path\":\"/a\",\"op\":\"replace\",\"old\":1,\"new\":2},"
                        + "{\"path\":\"/b\",\"op\":\"add\",\"new\":[1]}]");
        assertThat(node.get(CONFIGS + "/" + id + "/diff?from=1").status()).isEqualTo(400);
        assertThat(node.get(CONFIGS + "/" + id + "/diff?from=1&to=9").code()).isEqualTo("VERSION_NOT_FOUND");
    }

    @Test
    void shouldRefuseContentThatIsTooLarge() throws Exception {
        long id = node.published("versions", "large", "x");
        var exact = new byte[1024 * 1024];

        assertThat(node.send("POST", CONFIGS + "/" + id + "/versions", exact, "Content-Type", "text/plain")
                        .status())
                .isEqualTo(201);
        Answer over = node.send(
                "POST", CONFIGS + "/" + id + "/versions", new byte[1024 * 1024 + 1], "Content-Type", "text/plain");
        assertThat(over.status()).isEqualTo(413);
        assertThat(over.code()).isEqualTo("CONFIG_TOO_LARGE");
        assertThat(over.json().path("limit").asInt()).isEqualTo(1024 * 1024);
        String huge =
                raw("POST " + CONFIGS + " HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\nAuthorization: Bearer "
                        + node.admin + "\r\n\r\n");
        assertThat(huge).startsWith("HTTP/1.1 413");
        String chunked =
                raw("POST " + CONFIGS + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer "
                        + node.admin + "\r\n\r\n" + ("10000\r\n" + "a".repeat(0x10000) + "\r\n").repeat(90));
        assertThat(chunked).startsWith("HTTP/1.1 413");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"nam\":\"x\"}                                     | tenant",
                "{\"tenant\":1}                                       | tenant",
                "[]                                                   | body",
                "{                                                    | body",
                "{}{}                                                 | body",
                "{\"tenant\":\"a\",\"tenant\":\"b\"}                  | body",
                "'{\"tenant\":\"a/b\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\"}' | tenant",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"ｎ\",\"content\":\"\"}' | name",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\",\"x\":1}' | x",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\"}' | content",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\\ud800\"}' | content",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content_base64\":\"*\"}' | content_base64",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\",\"format\":\"exe\"}' | format",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\",\"cas_required\":\"yes\"}' | cas_required",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\",\"custom_attrs\":{\"a\":1}}' | custom_attrs.a",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\",\"retention_policy\":{\"days\":1.5}}' | retention_policy.days",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\",\"releases\":[{\"labels\":{},\"prio\":1}]}' | releases[0].prio",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\",\"encryption\":{\"algorithm\":\"A\"}}' | encryption.wrapped_dek",
                "'{\"tenant\":\"t\",\"app\":\"a\",\"env\":\"e\",\"name\":\"n\",\"content\":\"\",\"encryption\":{\"enabled\":true}}' | encryption.enabled",
            })
    void shouldNameTheFieldThatIsWrong(String body, String field) throws Exception {
        Answer answer = node.json("POST", CONFIGS, body);

        assertThat(answer.status()).as(answer.text()).isEqualTo(400);
        assertThat(answer.code()).isEqualTo("INVALID_ARGUMENT");
        assertThat(answer.json().path("field").asString()).isEqualTo(field);
    }

    @Test
    void shouldRefuseDeepAndOtherwiseHostileJson() throws Exception {
        for (String body : List.of(
                "[".repeat(100_000),
                "{\"a\":".repeat(1000) + "1" + "}".repeat(1000),
                "{\"tenant\":" + "9".repeat(100_000) + "}",
                "{\"tenant\":NaN}",
                "\u0000")) {
            assertThat(node.json("POST", CONFIGS, body).status()).isEqualTo(400);
        }
        Answer utf16 = node.send(
                "POST",
                CONFIGS,
                create("json", "utf16", "").getBytes(StandardCharsets.UTF_16),
                "Content-Type",
                "application/json");
        assertThat(utf16.status()).isEqualTo(400);
        assertThat(utf16.json().path("field").asString()).isEqualTo("body");
        assertThat(node.json("POST", CONFIGS, "{\"" + "k".repeat(5000) + "\":1}")
                        .text())
                .hasSizeLessThan(1000);
    }

    // ---- releases

    @Test
    void shouldReplaceRulesShowHistoryAndExplain() throws Exception {
        long id = node.published("releases", "r", "one");
        node.send(
                "POST",
                CONFIGS + "/" + id + "/versions",
                "two".getBytes(StandardCharsets.UTF_8),
                "Content-Type",
                "text/plain");

        Answer put = node.json("PUT", CONFIGS + "/" + id + "/releases", """
                {"releases":[{"labels":{"canary":"true"},"version_id":2,"priority":100},
                 {"labels":{},"version_id":1,"priority":1}],"comment":"try","cas_releases":1}""");
        assertThat(put.status()).as(put.text()).isEqualTo(200);
        assertThat(put.json().path("releases_revision").asInt()).isEqualTo(2);
        assertThat(put.json().path("warnings").size()).isZero();
        assertThat(put.json().path("revision").asLong()).isEqualTo(put.revision());

        assertThat(node.json(
                                "PUT",
                                CONFIGS + "/" + id + "/releases",
                                "{\"rules\":[{\"labels\":{},\"version_id\":1}],\"cas_releases\":1}")
                        .json()
                        .path("counter")
                        .asString())
                .isEqualTo("releases");
        Answer missing =
                node.json("PUT", CONFIGS + "/" + id + "/releases", "{\"rules\":[{\"labels\":{},\"version_id\":99}]}");
        assertThat(missing.status()).isEqualTo(404);
        assertThat(missing.code()).isEqualTo("VERSION_NOT_FOUND");
        assertThat(node.json("PUT", CONFIGS + "/" + id + "/releases", "{\"rules\":[{\"labels\":{}}]}")
                        .json()
                        .path("field")
                        .asString())
                .isEqualTo("releases[0].version_id");

        JsonNode resolved =
                node.get(CONFIGS + "/" + id + "/resolve?label.Canary=true").json();
        assertThat(resolved.path("version_id").asInt()).isEqualTo(2);
        assertThat(resolved.at("/matched_rule/priority").asInt()).isEqualTo(100);
        assertThat(resolved.at("/rules/0/matched").asBoolean()).isTrue();
        assertThat(resolved.at("/rules/1/reason").asString()).contains("comes first");
        assertThat(node.get(CONFIGS + "/" + id + "/resolve")
                        .json()
                        .at("/rules/0/reason")
                        .asString())
                .contains("canary is missing");

        JsonNode history = node.get(CONFIGS + "/" + id + "/release-history").json();
        assertThat(history.at("/items/0/comment").asString()).isEqualTo("try");
        assertThat(history.at("/items/0/changed_by").asString()).isEqualTo("admin");
        assertThat(history.at("/items/0/before").size()).isEqualTo(1);
        // Any entry can be put back as it is.
        Answer restored = node.json(
                "PUT", CONFIGS + "/" + id + "/releases", "{\"releases\":" + history.at("/items/0/before") + "}");
        assertThat(restored.status()).as(restored.text()).isEqualTo(200);
        assertThat(node.get(CONFIGS + "/" + id + "/releases").json().path("releases"))
                .isEqualTo(history.at("/items/0/before"));
    }

    @ParameterizedTest
    @CsvSource({
        "10.01,200",
        "0,200",
        "100,200",
        "1e1,200",
        "10.001,400",
        "-1,400",
        "100.5,400",
        "1e999999999,400",
        "1e-999999999,400",
        "\"10\",400"
    })
    void shouldTakePercentagesWithTwoDecimals(String percentage, int status) throws Exception {
        long id = node.published("percent", "p" + Integer.toHexString(percentage.hashCode()), "x");

        Answer answer = node.json(
                "PUT",
                CONFIGS + "/" + id + "/releases",
                "{\"releases\":[{\"labels\":{},\"version_id\":1,\"percentage\":" + percentage + "}]}");

        assertThat(answer.status()).as(answer.text()).isEqualTo(status);
        if (status == 200) {
            assertThat(answer.json().at("/releases/0/percentage").decimalValue())
                    .isEqualByComparingTo(percentage);
        }
    }

    // ---- publish and rollback

    @Test
    void shouldPublishAndRollBackInOneRevision() throws Exception {
        long id = node.published("publish", "p", "one");
        long before = node.get("/health").revision();

        Answer published = node.json(
                "POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"two\",\"cas\":1,\"cas_releases\":1}");
        assertThat(published.status()).as(published.text()).isEqualTo(200);
        assertThat(published.json().path("version_id").asInt()).isEqualTo(2);
        assertThat(published.json().path("revision").asLong()).isEqualTo(before + 1);
        assertThat(node.get(fetchPath("publish", "p")).text()).isEqualTo("two");

        node.json(
                "POST",
                CONFIGS + "/" + id + "/publish",
                "{\"content\":\"three\",\"strategy\":{\"type\":\"canary\",\"labels\":{\"c\":\"1\"}}}");
        Answer stable = node.json(
                "POST",
                CONFIGS + "/" + id + "/rollback",
                "{\"version_id\":1,\"mode\":\"stable_only\",\"comment\":\"bad\"}");
        assertThat(stable.status()).as(stable.text()).isEqualTo(200);
        assertThat(node.get(fetchPath("publish", "p")).text()).isEqualTo("one");
        assertThat(node.get(fetchPath("publish", "p"), "X-Client-Label-C", "1").text())
                .isEqualTo("three");
        Answer emergency = node.json("POST", CONFIGS + "/" + id + "/rollback", "{\"target_version_id\":2}");
        assertThat(emergency.json().path("version_id").asInt()).isEqualTo(2);
        assertThat(node.get(fetchPath("publish", "p"), "X-Client-Label-C", "1").text())
                .isEqualTo("two");
        assertThat(node.json("POST", CONFIGS + "/" + id + "/rollback", "{\"target_version_id\":77}")
                        .status())
                .isIn(400, 404);
        assertThat(node.json("POST", CONFIGS + "/" + id + "/rollback", "{}").status())
                .isEqualTo(400);
    }

    @Test
    void shouldPublishABatchAllOrNothing() throws Exception {
        long one = node.published("batch", "one", "x");
        node.published("batch", "two", "x");

        Answer batch = node.json("POST", "/api/v1/mgt/publish-batch", """
                {"items":[{"config_id":%d,"content":"1"},
                 {"tenant":"batch","app":"app","env":"prod","name":"two","content":"2"}],"comment":"both"}""".formatted(one));
        assertThat(batch.status()).as(batch.text()).isEqualTo(200);
        assertThat(batch.json().path("items").size()).isEqualTo(2);
        assertThat(node.get(fetchPath("batch", "one")).revision())
                .isEqualTo(batch.json().path("revision").asLong());

        Answer refused = node.json("POST", "/api/v1/mgt/publish-batch", """
                {"items":[{"config_id":%d,"content":"3"},
                 {"tenant":"batch","app":"app","env":"prod","name":"two","content":"4","cas":1}]}""".formatted(one));
        assertThat(refused.code()).isEqualTo("CAS_MISMATCH");
        assertThat(node.get(fetchPath("batch", "one")).text()).isEqualTo("1");
    }

    @Test
    void shouldRefuseWhatItCannotDoYet() throws Exception {
        long id = node.published("publish", "later", "x");

        assertThat(node.json("POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"y\"}", "X-Encrypt", "true")
                        .status())
                .isEqualTo(400);
    }

    // ---- idempotency

    @Test
    void shouldReplayTheFirstAnswerForARepeatedKey() throws Exception {
        long id = node.published("idem", "i", "x");
        String body = "{\"content\":\"y\",\"cas\":1}";

        Answer first = node.json("POST", CONFIGS + "/" + id + "/publish", body, "X-Idempotency-Key", "key-1");
        Answer again = node.json("POST", CONFIGS + "/" + id + "/publish", body, "X-Idempotency-Key", "key-1");

        assertThat(first.status()).as(first.text()).isEqualTo(200);
        assertThat(first.header("X-Idempotent-Replay")).isEmpty();
        assertThat(again.status()).isEqualTo(200);
        assertThat(again.header("X-Idempotent-Replay")).isEqualTo("true");
        assertThat(again.json()).isEqualTo(first.json());
        assertThat(again.revision()).isEqualTo(first.revision());

        Answer reused =
                node.json("POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"z\"}", "X-Idempotency-Key", "key-1");
        assertThat(reused.status()).isEqualTo(422);
        assertThat(reused.code()).isEqualTo("IDEMPOTENCY_KEY_REUSED");
        assertThat(node.json("POST", CONFIGS + "/" + id + "/publish", body, "X-Idempotency-Key", "k".repeat(129))
                        .status())
                .isEqualTo(400);
    }

    @Test
    void shouldReplayADeletionAlsoWhenTheConfigIsGone() throws Exception {
        long id = node.published("idem", "gone", "x");

        assertThat(node.send("DELETE", CONFIGS + "/" + id, new byte[0], "X-Idempotency-Key", "del")
                        .status())
                .isEqualTo(204);
        Answer again = node.send("DELETE", CONFIGS + "/" + id, new byte[0], "X-Idempotency-Key", "del");
        assertThat(again.status()).isEqualTo(204);
        assertThat(again.header("X-Idempotent-Replay")).isEqualTo("true");
    }

    @Test
    void shouldExecuteConcurrentDuplicatesOnce() throws Exception {
        long id = node.published("idem", "concurrent", "x");
        var blocked = new CountDownLatch(1);
        CompletableFuture<Void> block = node.consensus.onApplyThread(() -> awaitLatch(blocked));
        var answers = new ArrayList<CompletableFuture<Answer>>();
        for (int i = 0; i < 8; i++) {
            answers.add(CompletableFuture.supplyAsync(() -> {
                try {
                    return node.json(
                            "POST",
                            CONFIGS + "/" + id + "/publish",
                            "{\"content\":\"y\"}",
                            "X-Idempotency-Key",
                            "many");
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            }));
        }
        blocked.countDown();
        block.get(5, TimeUnit.SECONDS);

        var versions = new HashSet<Integer>();
        int replays = 0;
        for (CompletableFuture<Answer> answer : answers) {
            versions.add(
                    answer.get(10, TimeUnit.SECONDS).json().path("version_id").asInt());
            replays += answer.get().header("X-Idempotent-Replay").isEmpty() ? 0 : 1;
        }
        assertThat(versions).containsExactly(2);
        assertThat(replays).isEqualTo(7);
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void shouldSayIndeterminateAndAcceptTheRepetition() throws Exception {
        long id = node.published("idem", "lost", "x");
        node.consensus.loseAnswers();
        Answer lost =
                node.json("POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"y\"}", "X-Idempotency-Key", "lost");
        assertThat(lost.status()).isEqualTo(504);
        assertThat(lost.code()).isEqualTo("INDETERMINATE");
        assertThat(lost.json().path("retryable").asBoolean()).isTrue();

        node.consensus.fail(null);
        Answer again =
                node.json("POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"y\"}", "X-Idempotency-Key", "lost");
        assertThat(again.status()).isEqualTo(200);
        assertThat(again.json().path("version_id").asInt()).isEqualTo(2);
        assertThat(again.header("X-Idempotent-Replay")).isEqualTo("true");
    }

    @Test
    void shouldReplayARefusalAndRefuseAnExpiredKey() throws Exception {
        long id = node.published("idem", "refused", "x");
        String stale = "{\"content\":\"y\",\"cas\":7}";
        Answer first = node.json("POST", CONFIGS + "/" + id + "/publish", stale, "X-Idempotency-Key", "refused");
        Answer again = node.json("POST", CONFIGS + "/" + id + "/publish", stale, "X-Idempotency-Key", "refused");
        assertThat(first.status()).isEqualTo(409);
        assertThat(first.header("X-Idempotent-Replay")).isEmpty();
        assertThat(again.status()).isEqualTo(409);
        assertThat(again.code()).isEqualTo("CAS_MISMATCH");
        assertThat(again.header("X-Idempotent-Replay")).isEqualTo("true");

        Answer future = node.json(
                "POST",
                CONFIGS + "/" + id + "/publish",
                "{\"content\":\"y\"}",
                "X-Idempotency-Key",
                "ffffffff-ffff-7000-8000-000000000001");
        assertThat(future.status()).isEqualTo(400);
        assertThat(future.json().path("field").asString()).isEqualTo("X-Idempotency-Key");
    }

    // ---- consistency

    @Test
    void shouldSayAtWhichLevelItRead() throws Exception {
        long id = node.published("consensus", "level", "x");
        for (String path : List.of(
                fetchPath("consensus", "level"), "/api/v1/fetch/configs/consensus/app/prod", CONFIGS + "/" + id)) {
            assertThat(node.get(path).header("X-Conflux-Consistency")).as(path).isEqualTo("stale");
            for (String level : List.of("stale", "follower", "strong", "linearizable")) {
                Answer read = node.get(path, "X-Conflux-Consistency", level);
                assertThat(read.header("X-Conflux-Consistency")).as(path).isEqualTo(level);
                assertThat(read.header("X-Conflux-Staleness-Ms")).as(path).isEqualTo("0");
                assertThat(read.revision()).as(path).isPositive();
            }
        }
        Answer missing = node.get(CONFIGS + "/987654", "X-Conflux-Consistency", "strong");
        assertThat(missing.status()).isEqualTo(404);
        assertThat(missing.header("X-Conflux-Consistency")).isEqualTo("strong");
    }

    @Test
    void shouldTakeTheCallersBoundForAFollowerRead() throws Exception {
        long id = node.published("consensus", "lag", "x");
        node.consensus.staleness(250);
        try {
            for (String path : List.of(fetchPath("consensus", "lag"), CONFIGS + "/" + id)) {
                Answer refused =
                        node.get(path, "X-Conflux-Consistency", "follower", "X-Conflux-Max-Staleness-Ms", "249");
                assertThat(refused.status()).as(path).isEqualTo(503);
                assertThat(refused.code()).isEqualTo("NOT_CAUGHT_UP");
                assertThat(refused.header("X-Conflux-Consistency"))
                        .as("not met")
                        .isEmpty();
                Answer served =
                        node.get(path, "X-Conflux-Consistency", "follower", "X-Conflux-Max-Staleness-Ms", "250");
                assertThat(served.status()).isEqualTo(200);
                assertThat(served.header("X-Conflux-Consistency")).isEqualTo("follower");
            }
            assertThat(node.get(fetchPath("consensus", "lag"), "X-Conflux-Max-Staleness-Ms", "250")
                            .status())
                    .as("without the level that it belongs to")
                    .isEqualTo(400);
        } finally {
            node.consensus.staleness(0);
        }
    }

    @Test
    void shouldMapConsensusFailures() throws Exception {
        long id = node.published("consensus", "c", "x");
        node.consensus.fail(new ConsensusException.NoLeader("election"));

        Answer write = node.json("POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"y\"}");
        assertThat(write.status()).isEqualTo(503);
        assertThat(write.code()).isEqualTo("NO_LEADER");
        assertThat(write.header("Retry-After")).isEqualTo("1");
        assertThat(node.get(fetchPath("consensus", "c")).status()).isEqualTo(200);
        for (String level : List.of("follower", "strong", "linearizable")) {
            Answer read = node.get(fetchPath("consensus", "c"), "X-Conflux-Consistency", level);
            assertThat(read.status()).as(level).isEqualTo(503);
            assertThat(node.get(CONFIGS + "/" + id, "X-Conflux-Consistency", level)
                            .status())
                    .isEqualTo(503);
        }
        node.consensus.fail(null);
        assertThat(node.get(fetchPath("consensus", "c"), "X-Conflux-Consistency", "linearizable")
                        .status())
                .isEqualTo(200);
        assertThat(node.get(fetchPath("consensus", "c"), "X-Conflux-Consistency", "eventual")
                        .status())
                .isEqualTo(400);
    }

    @Test
    void shouldWaitForTheRevisionAsked() throws Exception {
        node.published("consensus", "min", "x");
        long revision = node.get("/health").revision();

        assertThat(node.get(fetchPath("consensus", "min"), "X-Conflux-Min-Revision", Long.toString(revision))
                        .status())
                .isEqualTo(200);
        CompletableFuture<Answer> waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return node.get(fetchPath("consensus", "min"), "X-Conflux-Min-Revision", Long.toString(revision + 1));
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
        node.published("consensus", "min2", "x");
        assertThat(waiting.get(5, TimeUnit.SECONDS).status()).isEqualTo(200);

        Answer never = node.get(fetchPath("consensus", "min"), "X-Conflux-Min-Revision", "999999999");
        assertThat(never.status()).isEqualTo(503);
        assertThat(never.code()).isEqualTo("NOT_CAUGHT_UP");
    }

    // ---- transport

    @Test
    void shouldAnswerUnknownPathsAndMethodsWithProblems() throws Exception {
        for (String path : List.of("/nothing", "/api/v1/mgt/config", "/api/v1/mgt/configs/1/nothing", "/health/")) {
            Answer answer = node.get(path);
            assertThat(answer.status()).as(path).isEqualTo(404);
            assertThat(answer.code()).isEqualTo("NOT_FOUND");
            assertThat(answer.header("X-Conflux-Revision")).isNotEmpty();
            assertThat(answer.header("X-Trace-Id")).isNotEmpty();
        }
        Answer put = node.send("PUT", CONFIGS, new byte[0]);
        assertThat(put.status()).isEqualTo(405);
        assertThat(put.header("Allow")).isEqualTo("GET, HEAD, OPTIONS, POST");
        assertThat(node.send("POST", fetchPath("a", "b"), new byte[0]).header("Allow"))
                .isEqualTo("GET, HEAD, OPTIONS");
    }

    @Test
    void shouldContinueTheCallersTrace() throws Exception {
        String trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assertThat(node.get("/health", "traceparent", "00-" + trace + "-00f067aa0ba902b7-01")
                        .header("X-Trace-Id"))
                .isEqualTo(trace);
        assertThat(node.get(fetchPath("a", "b"), "traceparent", "00-" + trace + "-00f067aa0ba902b7-01")
                        .header("X-Trace-Id"))
                .isEqualTo(trace);
        assertThat(node.get("/health", "traceparent", "00-zz-00f067aa0ba902b7-01")
                        .header("X-Trace-Id"))
                .matches("[0-9a-f]{32}");
    }

    @Test
    void shouldTellItsHealth() throws Exception {
        assertThat(node.send("", "GET", "/health", new byte[0])
                        .json()
                        .path("status")
                        .asString())
                .isEqualTo("UP");
        assertThat(node.send("", "GET", "/ready", new byte[0]).status()).isEqualTo(200);
        assertThat(node.send("", "GET", "/ready?plane=control", new byte[0]).status())
                .isEqualTo(200);
        node.metadata.available(false);
        try {
            assertThat(node.get("/ready?plane=control").status()).isEqualTo(503);
            assertThat(node.get("/ready").status()).isEqualTo(200);
        } finally {
            node.metadata.available(true);
        }
        assertThat(node.send("", "GET", "/", new byte[0]).header("Content-Type"))
                .startsWith("text/html");
        node.get(fetchPath("a", "b"));
        assertThat(node.send("", "GET", "/metrics", new byte[0]).text())
                .contains("conflux_fetch_seconds_count", "conflux_http_requests_seconds_bucket", "conflux_revision");
    }

    @Test
    void shouldShowTheClusterToSuperAdminsOnly() throws Exception {
        Answer status = node.get("/_cluster/status");
        assertThat(status.status()).as(status.text()).isEqualTo(200);
        assertThat(status.json().path("leader_id").asInt()).isEqualTo(1);
        assertThat(status.json().at("/nodes/1/role").asString()).isEqualTo("leader");
        assertThat(status.json().at("/nodes/1/reachable").asBoolean()).isTrue();
        assertThat(status.json().at("/nodes/1/state_digest").asString()).isNotEmpty();
        assertThat(status.json().at("/nodes/1/version").asString()).isEqualTo("test");
        assertThat(node.send(node.nobody, "GET", "/_cluster/status", new byte[0])
                        .status())
                .isEqualTo(403);
        assertThat(node.get("/_cluster/leader").json().path("leader_id").asInt())
                .isEqualTo(1);
        assertThat(node.send("POST", "/_cluster/snapshot", new byte[0])
                        .json()
                        .path("snapshot_index")
                        .asLong())
                .isPositive();
        Answer transfer = node.send("POST", "/_cluster/leader/transfer", new byte[0]);
        assertThat(transfer.status()).isEqualTo(409);
        assertThat(transfer.json().path("code").asString()).isEqualTo("OPERATION_REFUSED");
        assertThat(status.json().path("cluster_epoch").asLong()).isEqualTo(1);
        assertThat(status.json().path("feature_level").asInt()).isEqualTo(2);
        assertThat(status.json().path("change").asString()).isEqualTo("none");
        assertThat(status.json().at("/nodes/1/matched_index").asLong()).isPositive();
        assertThat(status.json().at("/nodes/1/lag").asLong()).isZero();
        assertThat(status.json().at("/nodes/1/feature_level").asInt()).isEqualTo(1);
    }

    @Test
    void shouldRefuseMembershipChangesThatMakeNoSense() throws Exception {
        assertThat(node.json("POST", "/_cluster/nodes", "{\"raft_address\":\"n4:9090\"}")
                        .status())
                .isEqualTo(400);
        assertThat(node.json("POST", "/_cluster/nodes", "{\"node_id\":4}").status())
                .isEqualTo(400);
        assertThat(node.json("POST", "/_cluster/nodes", "{\"node_id\":4,\"raft_address\":\"no space\"}")
                        .status())
                .isEqualTo(400);
        Answer alone = node.json(
                "POST", "/_cluster/nodes", "{\"node_id\":4,\"raft_address\":\"n4:9090\",\"api_address\":\"n4:8080\"}");
        assertThat(alone.status()).isEqualTo(409);
        assertThat(alone.json().path("detail").asString()).isEqualTo("there is one member only");
        assertThat(node.send("DELETE", "/_cluster/nodes/x", new byte[0]).status())
                .isEqualTo(400);
        assertThat(node.send("DELETE", "/_cluster/nodes/99999999999", new byte[0])
                        .status())
                .isEqualTo(400);
        assertThat(node.send("DELETE", "/_cluster/nodes/1", new byte[0]).status())
                .isEqualTo(409);
        assertThat(node.json("POST", "/_cluster/feature-level", "{\"feature_level\":0}")
                        .status())
                .isEqualTo(400);
        assertThat(node.json("POST", "/_cluster/feature-level", "{\"feature_level\":3}")
                        .status())
                .isEqualTo(409);
    }

    @Test
    void shouldRefuseBeforeTheLogWhatTheClusterIsNotReadyFor() throws Exception {
        long before = node.consensus.status().lastLogIndex();
        node.consensus.featureLevel(0);
        try {
            Answer refused = node.json(
                    "POST",
                    CONFIGS,
                    "{\"tenant\":\"f\",\"app\":\"app\",\"env\":\"prod\",\"name\":\"level\",\"content\":\"x\"}");
            assertThat(refused.status()).as(refused.text()).isEqualTo(409);
            assertThat(refused.json().path("code").asString()).isEqualTo("FEATURE_NOT_ENABLED");
            assertThat(node.consensus.status().lastLogIndex()).isEqualTo(before);
        } finally {
            node.consensus.featureLevel(2);
        }
    }

    @Test
    void shouldDenyEveryRouteByDefault() throws Exception {
        for (Route route : TestRoutes.all(node.services)) {
            String path = route.template()
                            .replaceAll("\\{(id|version|schedule|rollout)}", "1")
                            .replaceAll("\\{[a-z]+}", "x")
                    + (route.template().endsWith("/watch")
                            ? "?key=a/b/c/d"
                            : route.template().endsWith("/diff") ? "?from=1&to=2" : "");
            Answer anonymous = node.send("", route.method().name(), path, new byte[0]);
            if (route.access() instanceof Access.Public) {
                assertThat(anonymous.status()).as(route.toString()).isNotIn(401, 403);
                continue;
            }
            assertThat(anonymous.status()).as(route.toString()).isEqualTo(401);
            if (route.access() instanceof Access.Requires) {
                Answer nobody = node.send(
                        node.nobody,
                        route.method().name(),
                        path,
                        TestRoutes.body(route),
                        "Content-Type",
                        "application/json",
                        "Accept",
                        "*/*");
                assertThat(nobody.status()).as(route + " " + nobody.text()).isEqualTo(403);
            }
        }
    }

    // ---- watch

    @Test
    void shouldPushChangesInOrderAndResumeWithoutGapOrRepetition() throws Exception {
        long id = node.published("watch", "w", "v1");
        try (var stream = new Sse("key=watch/app/prod/w", "")) {
            JsonNode subscribed = stream.next();
            assertThat(subscribed.path("type").asString()).isEqualTo("subscribed");

            Answer second =
                    node.json("POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"v2\",\"description\":\"d2\"}");
            JsonNode change = stream.nextOf("change");
            assertThat(change.path("revision").asLong()).isEqualTo(second.revision());
            assertThat(change.at("/changes/0/event_type").asString()).isEqualTo("UPSERT");
            assertThat(change.at("/changes/0/config_name").asString()).isEqualTo("w");
            assertThat(change.at("/changes/0/new_version").asInt()).isEqualTo(2);
            assertThat(change.at("/changes/0/description").asString()).isEqualTo("d2");
            assertThat(change.at("/changes/0/hash").asString()).startsWith("sha256:");
            assertThat(stream.nextOf("progress").path("revision").asLong()).isGreaterThanOrEqualTo(second.revision());
        }
        long seen = node.get("/health").revision();
        Answer third = node.json("POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"v3\"}");
        Answer fourth = node.json("POST", CONFIGS + "/" + id + "/publish", "{\"content\":\"v4\"}");

        for (boolean header : List.of(true, false)) {
            try (var stream = header
                    ? new Sse("key=watch/app/prod/*", Long.toString(seen))
                    : new Sse("key=watch/app/prod/*&from_revision=" + seen, "")) {
                assertThat(stream.next().path("revision").asLong()).isEqualTo(seen);
                assertThat(stream.nextOf("change").path("revision").asLong()).isEqualTo(third.revision());
                assertThat(stream.nextOf("change").path("revision").asLong()).isEqualTo(fourth.revision());
            }
        }
        await().atMost(Duration.ofSeconds(5)).until(() -> node.services.watch().watches() == 0);
    }

    @Test
    void shouldTellOnlyThoseWhoseAnswerChanges() throws Exception {
        long id = node.published("watch", "labels", "v1");
        try (var eu = new Sse("key=watch/app/prod/labels&label.region=eu", "");
                var us = new Sse("key=watch/app/prod/labels&label.region=us", "")) {
            eu.next();
            us.next();
            node.json(
                    "POST",
                    CONFIGS + "/" + id + "/publish",
                    "{\"content\":\"v2\",\"strategy\":{\"type\":\"canary\",\"labels\":{\"region\":\"eu\"}}}");
            assertThat(eu.nextOf("change").at("/changes/0/new_version").asInt()).isEqualTo(2);
            node.send("DELETE", CONFIGS + "/" + id + "?force=true", new byte[0]);
            JsonNode gone = us.nextOf("change");
            assertThat(gone.at("/changes/0/event_type").asString()).isEqualTo("DELETE");
            assertThat(gone.at("/changes/0/new_version").asInt()).isZero();
        }
    }

    @Test
    void shouldRefuseARevisionThatTheClusterHasNotReached() throws Exception {
        long future = node.get("/health").revision() + 1_000;
        Answer refused =
                node.get("/api/v1/watch?key=watch/app/prod/*&from_revision=" + future, "Accept", "text/event-stream");
        assertThat(refused.status()).isEqualTo(400);
        assertThat(refused.json().path("field").asString()).isEqualTo("from_revision");

        node.consensus.fail(new ConsensusException.NoQuorum("cut off"));
        try {
            Answer unknown = node.get(
                    "/api/v1/watch?key=watch/app/prod/*&from_revision=" + future, "Accept", "text/event-stream");
            assertThat(unknown.status()).isEqualTo(503);
            assertThat(unknown.code()).isEqualTo("NO_QUORUM");
        } finally {
            node.consensus.fail(null);
        }
        assertThat(node.services.watch().watches()).isZero();
    }

    @Test
    void shouldRefuseBadWatches() throws Exception {
        for (String query : List.of(
                "", "?key=a", "?key=a/b/c/d/e", "?key=a/b/*/d", "?key=a/b/c/d&from_revision=x", "?key=a/b/c/d&foo=1")) {
            assertThat(node.get("/api/v1/watch" + query, "Accept", "text/event-stream")
                            .status())
                    .as(query)
                    .isEqualTo(400);
        }
        assertThat(node.send(
                                node.nobody,
                                "GET",
                                "/api/v1/watch?key=a/b/c/d",
                                new byte[0],
                                "Accept",
                                "text/event-stream")
                        .status())
                .isEqualTo(403);
    }

    /** A watching client. */
    private static final class Sse implements AutoCloseable {
        private final InputStream body;
        private final BufferedReader lines;

        Sse(String query, String lastEventId) throws Exception {
            HttpRequest.Builder request = HttpRequest.newBuilder(node.uri("/api/v1/watch?" + query))
                    .header("Accept", "text/event-stream")
                    .header("Authorization", "Bearer " + node.admin);
            if (!lastEventId.isEmpty()) {
                request.header("Last-Event-ID", lastEventId);
            }
            body = node.client()
                    .send(request.build(), BodyHandlers.ofInputStream())
                    .body();
            lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
        }

        JsonNode next() throws Exception {
            return CompletableFuture.supplyAsync(this::read).get(10, TimeUnit.SECONDS);
        }

        /** Skips bookmarks when waiting for something else. */
        JsonNode nextOf(String type) throws Exception {
            while (true) {
                JsonNode frame = next();
                if (frame.path("type").asString().equals(type)) {
                    return frame;
                }
                assertThat(frame.path("type").asString()).isEqualTo("progress");
            }
        }

        private JsonNode read() {
            try {
                String id = "";
                while (true) {
                    String line = lines.readLine();
                    if (line == null) {
                        throw new AssertionError("the stream ended");
                    }
                    if (line.startsWith("id: ")) {
                        id = line.substring(4);
                    }
                    if (line.startsWith("data: ")) {
                        JsonNode frame = new JsonMapper().readTree(line.substring(6));
                        assertThat(id).isEqualTo(frame.path("revision").asString());
                        return frame;
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() throws IOException {
            body.close();
        }
    }

    @Test
    void shouldAskForTheBodyOnlyOfWhoeverMaySendOne() throws Exception {
        String head = "POST " + CONFIGS + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: 2\r\nExpect: 100-continue\r\n";
        assertThat(untilClosed(head + "Authorization: Bearer no-token\r\n\r\n")).startsWith("HTTP/1.1 401 ");
        assertThat(untilClosed(head + "\r\n")).startsWith("HTTP/1.1 401 ");

        try (var socket = new Socket(InetAddress.getLoopbackAddress(), node.http.port())) {
            socket.setSoTimeout(10_000);
            var reader = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            socket.getOutputStream()
                    .write((head + "Authorization: Bearer " + node.admin + "\r\n\r\n")
                            .getBytes(StandardCharsets.UTF_8));
            assertThat(reader.readLine()).isEqualTo("HTTP/1.1 100 Continue");
            assertThat(reader.readLine()).isEmpty();
            socket.getOutputStream().write("{}".getBytes(StandardCharsets.UTF_8));
            assertThat(reader.readLine()).startsWith("HTTP/1.1 400 ");
        }
    }

    /** Fails when the server does not close. */
    private static String untilClosed(String request) throws Exception {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), node.http.port())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Sends bytes as they are; whatever comes back. */
    private static String raw(String request) throws Exception {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), node.http.port())) {
            socket.setSoTimeout(10_000);
            Thread.startVirtualThread(() -> {
                try {
                    socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
                    socket.getOutputStream().flush();
                } catch (IOException e) {
                    // The server may refuse before it has read everything.
                }
            });
            var answer = new StringBuilder();
            var buffer = new byte[8192];
            try {
                int n;
                while ((n = socket.getInputStream().read(buffer)) > 0) {
                    answer.append(new String(buffer, 0, n, StandardCharsets.UTF_8));
                    if (answer.indexOf("\"retryable\"") > 0) {
                        break;
                    }
                }
            } catch (SocketException e) {
                // Closed with unread input: what came before counts.
            }
            return answer.toString();
        }
    }
}
