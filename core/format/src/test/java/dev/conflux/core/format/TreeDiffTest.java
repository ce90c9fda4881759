package dev.conflux.core.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.ConfluxError.Violation;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class TreeDiffTest {

    private static ContentTree tree(String format, String content) {
        return Formats.installed()
                .named(format)
                .orElseThrow()
                .parse(content.getBytes(StandardCharsets.UTF_8))
                .orElseThrow();
    }

    private static List<String> diff(ContentTree before, ContentTree after) {
        return TreeDiff.of(before, after).stream()
                .map(change -> change.op() + ' ' + change.path() + ' ' + change.before() + " -> " + change.after())
                .toList();
    }

    @Test
    void shouldNameEveryChangeByItsPath() {
        assertThat(diff(
                        tree("json", "{\"a\":1,\"b\":[1,2,3],\"c\":{\"d/e\":\"x\"},\"g\":1.0}"),
                        tree("json", "{\"b\":[1,9],\"c\":{\"d/e\":\"y\",\"f\":null},\"g\":1}")))
                .containsExactly(
                        "remove /a 1 -> null",
                        "replace /b/1 2 -> 9",
                        "remove /b/2 3 -> null",
                        "replace /c/d~1e \"x\" -> \"y\"",
                        "add /c/f null -> null");
    }

    @Test
    void shouldFindNoDifferenceBetweenFormatsOfOneTree() {
        ContentTree json = tree("json", "{\"server\":{\"port\":\"8080\",\"on\":true}}");
        assertThat(diff(json, tree("yaml", "server:\n  port: '8080'\n  on: true\n")))
                .isEmpty();
        assertThat(diff(json, tree("toml", "[server]\nport = '8080'\non = true\n")))
                .isEmpty();
        assertThat(diff(json, tree("hocon", "server.port = \"8080\"\nserver.on = true\n")))
                .isEmpty();
        assertThat(diff(json, tree("properties", "server.port=8080\nserver.on=true\n")))
                .isEmpty();
        assertThat(diff(json, tree("ini", "[server]\nport=8080\non=true\n"))).isEmpty();
        assertThat(diff(json, tree("xml", "<server><port>8080</port><on>true</on></server>")))
                .isEmpty();
        assertThat(diff(json, tree("yaml", "server:\n  port: 8080\n  on: true\n")))
                .containsExactly("replace /server/port \"8080\" -> 8080");
    }

    @Test
    void shouldStopAfterAThousandChanges() {
        String many = "[" + "1,".repeat(5000) + "1]";
        assertThat(TreeDiff.of(tree("json", "[]"), tree("json", many))).hasSize(TreeDiff.MAX_CHANGES);
    }

    @Test
    void shouldTellWhatReadersOfTheReleasedVersionCannotRead() {
        assertThat(Compatibility.breaks(
                        tree("json", "{\"a\":1,\"b\":{\"c\":\"x\",\"d\":1.5},\"e\":[1],\"f\":null,\"g\":2,\"h\":true}"),
                        tree(
                                "json",
                                "{\n \"b\":{\"d\":1},\n \"e\":{},\n \"f\":1,\n \"g\":2.5,\n \"h\":null,\n \"i\":1}")))
                .extracting(violation -> violation.line() + ":" + violation.column() + " " + violation.path() + " "
                        + violation.message())
                .containsExactly(
                        "1:1 /a removed",
                        "2:6 /b/c removed",
                        "3:6 /e was array, is object",
                        "5:6 /g was integer, is number",
                        "6:6 /h was boolean, is null");
    }

    @Test
    void shouldCompareTextFormatsByStructureOnly() {
        assertThat(Compatibility.breaks(tree("properties", "a.b=1\nc=2\n"), tree("properties", "a.b=x\nc.d=2\n")))
                .extracting(Violation::message)
                .containsExactly("was text, is object");
    }

    @Test
    void shouldFollowPointers() {
        ContentTree tree = tree("json", "{\"a/b\":{\"~\":[1,{\"\":2}]}}");
        assertThat(tree.find("/a~1b/~0/1/").map(JsonTrees::text)).contains("2");
        assertThat(tree.find("").map(ContentNode::size)).contains(6);
        assertThat(tree.find("/a~1b/~0/2")).isEmpty();
        assertThat(tree.find("/a~1b/~0/-1")).isEmpty();
        assertThat(tree.find("a")).isEmpty();
    }
}
