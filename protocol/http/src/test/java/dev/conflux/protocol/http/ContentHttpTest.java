package dev.conflux.protocol.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.protocol.http.TestNode.Answer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Formats, schemas and compatibility, over a real server and a real state machine. */
class ContentHttpTest {

    private static final String CONFIGS = "/api/v1/mgt/configs";
    private static final String PORT_SCHEMA =
            "{\"type\":\"object\",\"properties\":{\"port\":{\"type\":\"integer\",\"maximum\":65535}}}";

    @TempDir
    static Path directory;

    private static TestNode node;
    private static int names;

    @BeforeAll
    static void start() throws Exception {
        node = new TestNode(directory);
        node.consensus.featureLevel(2);
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    private static ObjectNode body(String format, String content) {
        return JsonNodeFactory.instance.objectNode().put("format", format).put("content", content);
    }

    private static ObjectNode config(String format, String content) {
        return body(format, content)
                .put("tenant", "formats")
                .put("app", "app")
                .put("env", "prod")
                .put("name", "c" + names++);
    }

    private static long create(ObjectNode config) throws Exception {
        Answer created = node.json("POST", CONFIGS, config.toString());
        assertThat(created.status()).as(created.text()).isEqualTo(201);
        return created.json().at("/config/id").asLong();
    }

    private static Answer version(long id, ObjectNode envelope) throws Exception {
        return node.send(
                "POST",
                CONFIGS + "/" + id + "/versions",
                envelope.toString().getBytes(StandardCharsets.UTF_8),
                "Content-Type",
                "application/vnd.conflux.v1+json");
    }

    private static Answer publish(long id, ObjectNode body) throws Exception {
        return node.json("POST", CONFIGS + "/" + id + "/publish", body.toString());
    }

    private static List<String> violations(Answer answer) {
        var found = new ArrayList<String>();
        for (JsonNode violation : answer.json().path("violations")) {
            found.add(violation.path("line").asInt() + ":"
                    + violation.path("column").asInt() + " "
                    + violation.path("path").asString() + " "
                    + violation.path("rule").asString());
        }
        return found;
    }

    private static List<String> warnings(Answer answer) {
        var found = new ArrayList<String>();
        answer.json().path("warnings").forEach(warning -> found.add(warning.asString()));
        return found;
    }

    @Test
    void shouldTellAllViolationsWithTheirPlacesOnEveryWrite() throws Exception {
        long id = create(config("yaml", "port: 1\n").put("schema", PORT_SCHEMA).put("publish_initial", true));
        String wrong = "a: 1\nport:   nine\n";
        ObjectNode batch = JsonNodeFactory.instance.objectNode();
        batch.putArray("items").add(body("yaml", wrong).put("config_id", id));
        ObjectNode canary = body("yaml", wrong);
        canary.putObject("strategy").put("type", "canary").putObject("labels").put("region", "eu");

        ObjectNode rollout = body("yaml", wrong);
        rollout.putArray("stages").addObject().put("percentage", 10);

        for (Answer answer : List.of(
                node.json(
                        "POST",
                        CONFIGS,
                        config("yaml", wrong).put("schema", PORT_SCHEMA).toString()),
                version(id, body("yaml", wrong)),
                version(id, body("yaml", wrong).put("validate_only", true)),
                publish(id, body("yaml", wrong)),
                publish(id, canary),
                node.json("POST", CONFIGS + "/" + id + "/rollouts", rollout.toString()),
                node.json("POST", "/api/v1/mgt/publish-batch", batch.toString()))) {
            assertThat(answer.status()).as(answer.text()).isEqualTo(400);
            assertThat(answer.code()).isEqualTo("SCHEMA_VIOLATION");
            assertThat(violations(answer)).containsExactly("2:9 /port type");
        }
        Answer two = publish(id, body("json", "{\n\"port\":\n 70000.5}"));
        assertThat(violations(two)).containsExactly("3:2 /port maximum", "3:2 /port type");
        assertThat(node.get(CONFIGS + "/" + id).json().path("latest_version_id").asInt())
                .isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "json | {\"a\":1,\"a\":2} | 1 | 8 | duplicate-key",
                "yaml | a: !!javax.script.ScriptEngineManager [] | 1 | 4 | yaml-tag",
                "toml | a = 1 b = 2 | 1 | 7 | toml",
                "xml | <!DOCTYPE a><a/> | 1 | 1 | xml-doctype",
                "ini | nothing | 1 | 1 | ini",
                "properties | a=\\u12 | 1 | 3 | properties",
                "hocon | include file(\"/etc/passwd\") | 1 | 1 | hocon-include"
            })
    void shouldRefuseMalformedContentOfEveryFormat(String format, String content, int line, int column, String rule)
            throws Exception {
        Answer answer = node.json("POST", CONFIGS, config(format, content).toString());

        assertThat(answer.status()).as(answer.text()).isEqualTo(400);
        assertThat(answer.code()).isEqualTo("MALFORMED_CONTENT");
        JsonNode violation = answer.json().at("/violations/0");
        assertThat(violation.path("rule").asString()).isEqualTo(rule);
        assertThat(violation.path("line").asInt()).isEqualTo(line);
        assertThat(violation.path("column").asInt()).isEqualTo(column);
    }

    @Test
    void shouldServeEveryFormatUnderItsMediaType() throws Exception {
        long id = create(config("hocon", "a = 1").put("publish_initial", true));
        Answer content = node.get(CONFIGS + "/" + id + "/versions/1/content");
        assertThat(content.header("Content-Type")).isEqualTo("application/hocon");
        Answer raw = node.send(
                "POST",
                CONFIGS + "/" + id + "/versions",
                "<a/>".getBytes(StandardCharsets.UTF_8),
                "Content-Type",
                "text/xml; charset=utf-8");
        assertThat(raw.json().path("format").asString()).isEqualTo("xml");
    }

    @Test
    void shouldRefuseSchemasThatAreNone() throws Exception {
        long id = create(config("json", "{}"));
        String wrong = "{\"properties\":{\"a\":{\"type\":\"nubmer\"}},\"pattern\":\"(?=x)\"}";
        Answer patched = node.json(
                "PATCH",
                CONFIGS + "/" + id,
                JsonNodeFactory.instance.objectNode().put("schema", wrong).toString());

        assertThat(patched.status()).as(patched.text()).isEqualTo(400);
        assertThat(patched.code()).isEqualTo("INVALID_ARGUMENT");
        assertThat(violations(patched)).containsExactly("1:49 /pattern schema");
        Answer created = node.json(
                "POST",
                CONFIGS,
                config("json", "{}").put("schema", "{\"$ref\":\"http://x/\"}").toString());
        assertThat(violations(created)).containsExactly("1:9 /$ref schema");
        assertThat(violations(version(id, body("json", "{}").put("schema", "{"))))
                .containsExactly("1:2  schema");
        assertThat(violations(publish(id, body("json", "{}").put("schema", "[]"))))
                .containsExactly("1:1  schema");
    }

    @Test
    void shouldLetAVersionOverrideTheSchemaAndLeaveCiphertextAlone() throws Exception {
        long id = create(config("json", "{\"port\":1}").put("schema", PORT_SCHEMA));

        assertThat(version(id, body("json", "{\"port\":\"x\"}").put("schema", "true"))
                        .status())
                .isEqualTo(201);
        assertThat(version(id, body("text", "x")).code()).isEqualTo("SCHEMA_VIOLATION");
        ObjectNode encrypted =
                JsonNodeFactory.instance.objectNode().put("format", "json").put("content_base64", "AAEC");
        encrypted
                .putObject("encryption")
                .put("algorithm", "AES-256-GCM")
                .put("wrapped_dek", "AAEC")
                .put("kek_id", "k")
                .put("nonce", "AAEC");
        assertThat(version(id, encrypted).status()).isEqualTo(201);
    }

    @Test
    void shouldJudgeXmlByAnXsd() throws Exception {
        String xsd = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a'><xs:complexType>"
                + "<xs:sequence><xs:element name='port' type='xs:int' maxOccurs='2'/></xs:sequence></xs:complexType>"
                + "</xs:element></xs:schema>";
        long id = create(config("xml", "<a><port>1</port></a>").put("schema", xsd));

        Answer answer = version(id, body("xml", "<a>\n  <port>1</port>\n  <port>x</port>\n</a>"));

        assertThat(answer.code()).as(answer.text()).isEqualTo("SCHEMA_VIOLATION");
        assertThat(violations(answer))
                .containsExactly("3:3 /a/port/1 cvc-datatype-valid.1.2.1", "3:3 /a/port/1 cvc-type.3.1.3");
        assertThat(violations(version(id, body("json", "{}")))).containsExactly("1:1  schema-kind");
    }

    @Test
    void shouldHoldANewSchemaAgainstTheLiveVersions() throws Exception {
        // given everybody gets 1, the canary 2, nobody 3, and 4 is the newest
        long id = create(config("json", "{\"port\":1}").put("publish_initial", true));
        ObjectNode canary = body("json", "{\"port\":\"two\"}");
        canary.putObject("strategy").put("type", "canary").putObject("labels").put("region", "eu");
        assertThat(publish(id, canary).status()).isEqualTo(200);
        version(id, body("json", "{\"port\":\"three\"}"));
        version(id, body("yaml", "# new\nport: four\n"));
        ObjectNode patch = JsonNodeFactory.instance.objectNode().put("schema", PORT_SCHEMA);

        // when
        Answer refused = node.json("PATCH", CONFIGS + "/" + id, patch.toString());
        Answer warned = node.json(
                "PATCH", CONFIGS + "/" + id, patch.put("schema_check", "warn").toString());

        // then
        assertThat(refused.code()).as(refused.text()).isEqualTo("SCHEMA_VIOLATION");
        assertThat(violations(refused)).containsExactly("2:7 /port type", "1:9 /port type");
        assertThat(refused.json().at("/violations/0/message").asString()).startsWith("version 4: ");
        assertThat(refused.json().at("/violations/1/message").asString()).startsWith("version 2: ");
        assertThat(warned.status()).as(warned.text()).isEqualTo(200);
        assertThat(warned.json().path("schema").asString()).isEqualTo(PORT_SCHEMA);
        assertThat(warnings(warned))
                .hasSize(2)
                .first()
                .asString()
                .startsWith("schema: /port (line 2, column 7): version 4: ");
        assertThat(node.json("PATCH", CONFIGS + "/" + id, "{\"schema\":true}").status())
                .isEqualTo(200);
    }

    @Test
    void shouldWarnOfOrRefuseWhatReadersOfTheReleasedVersionCannotRead() throws Exception {
        long id = create(config("json", "{\"port\":1,\"host\":\"a\"}")
                .put("publish_initial", true)
                .put("compatibility", "warn"));
        ObjectNode breaking = body("json", "{\"port\":\"1\",\"new\":1}");

        Answer warned = version(id, breaking);
        Answer policy = node.json("PATCH", CONFIGS + "/" + id, "{\"compatibility\":\"refuse\"}");
        Answer refused = publish(id, breaking);

        assertThat(warned.status()).as(warned.text()).isEqualTo(201);
        assertThat(warnings(warned))
                .containsExactly(
                        "compatibility: /port (line 1, column 9): was integer, is string (version 1 is released to"
                                + " everybody)",
                        "compatibility: /host (line 1, column 1): removed (version 1 is released to everybody)");
        assertThat(policy.json().path("compatibility").asString()).isEqualTo("refuse");
        assertThat(refused.code()).isEqualTo("SCHEMA_VIOLATION");
        assertThat(violations(refused)).containsExactly("1:9 /port compatibility", "1:1 /host compatibility");
        assertThat(publish(id, body("json", "{\"port\":2,\"host\":\"b\",\"new\":1}"))
                        .status())
                .isEqualTo(200);
        assertThat(violations(publish(id, body("yaml", "port: 2\nhost: b\nnew: 1\n"))))
                .containsExactly("1:1  compatibility");
        assertThat(node.json("PATCH", CONFIGS + "/" + id, "{\"compatibility\":\"maybe\"}")
                        .code())
                .isEqualTo("INVALID_ARGUMENT");
    }

    @Test
    void shouldSayWhatWouldHappenAndWhatIsThereAlready() throws Exception {
        long id = create(config("json", "{\"a\":1}"));

        JsonNode dry = version(id, body("json", "{\"a\":1}").put("validate_only", true))
                .json();
        Answer again = version(id, body("json", "{\"a\":1}"));
        Answer published = publish(id, body("json", "{\"a\":1}"));
        Answer other = publish(id, body("yaml", "{\"a\":1}"));

        assertThat(dry.path("valid").asBoolean()).isTrue();
        assertThat(dry.path("version_id").asInt()).isEqualTo(2);
        assertThat(dry.path("duplicate_of").asInt()).isEqualTo(1);
        assertThat(again.status()).isEqualTo(201);
        assertThat(again.json().path("version_id").asInt()).isEqualTo(2);
        assertThat(again.json().path("duplicate_of").asInt()).isEqualTo(1);
        assertThat(warnings(again)).containsExactly("duplicate_of: version 1 has the same content, format and schema");
        assertThat(published.json().path("duplicate_of").asInt()).isEqualTo(2);
        assertThat(warnings(published)).hasSize(1);
        assertThat(other.json().has("duplicate_of")).isFalse();
    }

    @Test
    void shouldShowDifferencesBetweenFormats() throws Exception {
        long id = create(config("json", "{\"server\":{\"port\":8080}}"));
        version(id, body("toml", "[server]\nport = 8080\nhost = 'a'\n"));
        version(id, body("text", "server"));

        JsonNode diff = node.get(CONFIGS + "/" + id + "/diff?from=1&to=2").json();

        assertThat(diff.path("changes").toString())
                .isEqualTo("[{\"path\":\"/server/host\",\"op\":\"add\",\"new\":\"a\"}]");
        assertThat(diff.path("unified").asString()).contains("+[server]");
        assertThat(node.get(CONFIGS + "/" + id + "/diff?from=2&to=3")
                        .json()
                        .path("changes")
                        .isEmpty())
                .isTrue();
    }
}
