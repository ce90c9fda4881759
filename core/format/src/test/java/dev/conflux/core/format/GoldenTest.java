package dev.conflux.core.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.ConfluxError.Violation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One document of each format: what is read, where it stands, what a schema says about it. */
class GoldenTest {

    private static final Path DIRECTORY = Path.of("src/test/golden");

    @ParameterizedTest
    @ValueSource(strings = {"json", "yaml", "toml", "xml", "ini", "properties", "hocon"})
    void shouldReadEveryNodeWithItsPlace(String format) throws Exception {
        byte[] content = Files.readAllBytes(DIRECTORY.resolve("app." + format));
        ContentTree tree =
                Formats.installed().named(format).orElseThrow().parse(content).orElseThrow();
        var text = new StringBuilder();
        print("", tree.root(), text);
        text.append("\n--- violations of schema.json\n");
        ContentSchema schema = ContentSchemas.compiled(Files.readString(DIRECTORY.resolve("schema.json")));
        print(schema.violations(tree, content), text);
        if (format.equals("xml")) {
            text.append("\n--- violations of schema.xsd\n");
            print(
                    ContentSchemas.compiled(Files.readString(DIRECTORY.resolve("schema.xsd")))
                            .violations(tree, content),
                    text);
        }

        Path golden = DIRECTORY.resolve("app." + format + ".golden");
        if (Boolean.getBoolean("golden.update")) {
            Files.writeString(golden, text);
        }
        assertThat(text.toString()).isEqualTo(Files.readString(golden));
    }

    private static void print(String path, ContentNode node, StringBuilder text) {
        text.append(node.line()).append(':').append(node.column()).append(' ').append(path.isEmpty() ? "(root)" : path);
        switch (node) {
            case ContentNode.Mapping mapping -> {
                text.append(" mapping\n");
                for (Map.Entry<String, ContentNode> member : mapping.members().entrySet()) {
                    print(path + '/' + ContentTree.escape(member.getKey()), member.getValue(), text);
                }
            }
            case ContentNode.Sequence sequence -> {
                text.append(" sequence\n");
                for (int i = 0; i < sequence.items().size(); i++) {
                    print(path + '/' + i, sequence.items().get(i), text);
                }
            }
            case ContentNode.Scalar scalar ->
                text.append(' ')
                        .append(scalar.kind())
                        .append(' ')
                        .append(JsonTrees.text(scalar))
                        .append('\n');
        }
    }

    private static void print(List<Violation> violations, StringBuilder text) {
        for (Violation violation : violations) {
            text.append(violation.line()).append(':').append(violation.column());
            text.append(' ').append(violation.path().isEmpty() ? "(root)" : violation.path());
            text.append(' ')
                    .append(violation.rule())
                    .append(": ")
                    .append(violation.message())
                    .append('\n');
        }
    }
}
