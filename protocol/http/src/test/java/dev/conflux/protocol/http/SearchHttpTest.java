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
import tools.jackson.databind.JsonNode;

/** {@code GET /api/v1/mgt/search}, over a real server and a real state machine. */
class SearchHttpTest {

    private static final String SEARCH = "/api/v1/mgt/search?tenant=find";

    @TempDir
    static Path directory;

    private static TestNode node;

    @BeforeAll
    static void start() throws Exception {
        node = new TestNode(directory);
        create(
                "db-main.json",
                "{\"db\":{\"host\":\"a\",\"port\":5432,\"tls\":null},\"list\":[1,2]}",
                "team",
                "blue",
                "eu");
        create("db-other.json", "{\"db\":{\"host\":\"b\"}}", "team", "red", "us");
        create("web.json", "{\"host\":\"a\"}", "owner", "blue", "eu");
        Answer text = node.json("POST", "/api/v1/mgt/configs", """
                {"tenant":"find","app":"app","env":"prod","name":"web.txt","format":"text","content":"{\\"host\\":\\"a\\"}"}""");
        assertThat(text.status()).isEqualTo(201);
    }

    private static void create(String name, String content, String attr, String value, String region) throws Exception {
        String quoted = content.replace("\"", "\\\"");
        Answer answer = node.json("POST", "/api/v1/mgt/configs", """
                {"tenant":"find","app":"app","env":"prod","name":"%s","format":"json","content":"%s",
                 "custom_attrs":{"%s":"%s"},"releases":[{"labels":{"region":"%s"},"version_id":1,"priority":1}]}""".formatted(name, quoted, attr, value, region));
        assertThat(answer.status()).as(answer.text()).isEqualTo(201);
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    @Test
    void shouldFindByPrefixAttributeAndLabel() throws Exception {
        assertThat(names("&prefix=db")).containsExactly("db-main.json", "db-other.json");
        assertThat(names("&attr=team")).containsExactly("db-main.json", "db-other.json");
        assertThat(names("&attr=team&attr_value=red")).containsExactly("db-other.json");
        assertThat(names("&label.Region=eu")).containsExactly("db-main.json", "web.json");
        assertThat(names("&label.region=eu&prefix=web")).containsExactly("web.json");
        assertThat(names("&app=other")).isEmpty();
    }

    @Test
    void shouldFindByAPlaceInTheContentOfTheNewestVersion() throws Exception {
        assertThat(names("&path=/db/host")).containsExactly("db-main.json", "db-other.json");
        assertThat(names("&path=/db/host&value=a")).containsExactly("db-main.json");
        assertThat(names("&path=/db/port&value=5432")).containsExactly("db-main.json");
        assertThat(names("&path=/db/tls&value=null")).containsExactly("db-main.json");
        assertThat(names("&path=/list/1&value=2")).containsExactly("db-main.json");
        assertThat(names("&path=/host&value=a")).as("text is not looked into").containsExactly("web.json");
    }

    @Test
    void shouldGoOnFromACursorAndMissNothing() throws Exception {
        var seen = new ArrayList<String>();
        String cursor = "";
        do {
            JsonNode page = node.get(SEARCH + "&limit=1" + cursor).json();
            page.path("items").forEach(item -> seen.add(item.path("name").asString()));
            cursor = page.has("next_cursor")
                    ? "&cursor=" + page.path("next_cursor").asString()
                    : "";
        } while (!cursor.isEmpty());
        assertThat(seen).containsExactly("db-main.json", "db-other.json", "web.json", "web.txt");
    }

    @Test
    void shouldRefuseWhatItDoesNotUnderstand() throws Exception {
        for (String wrong : List.of(
                "&path=db", "&value=1", "&attr_value=1", "&prefix=a%20b", "&limit=0", "&cursor=zz", "&nmae=x")) {
            assertThat(node.get(SEARCH + wrong).status()).as(wrong).isEqualTo(400);
        }
        assertThat(node.send(node.nobody, "GET", SEARCH, new byte[0]).status()).isEqualTo(403);
        assertThat(new String(node.get(SEARCH).response().body(), StandardCharsets.UTF_8))
                .doesNotContain("content");
    }

    private static List<String> names(String query) throws Exception {
        Answer answer = node.get(SEARCH + query);
        assertThat(answer.status()).as(answer.text()).isEqualTo(200);
        var names = new ArrayList<String>();
        answer.json().path("items").forEach(item -> names.add(item.path("name").asString()));
        return names;
    }
}
