package dev.conflux.core.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.core.model.Format;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FormatsTest {

    /** A plugin: one item a line. */
    public static final class Lines implements ConfigFormat {

        @Override
        public Format format() {
            return new Format("lines");
        }

        @Override
        public List<String> mediaTypes() {
            return List.of("text/x-lines");
        }

        @Override
        public Optional<ContentTree> parse(byte[] content) {
            List<ContentNode> items = new String(content, StandardCharsets.UTF_8)
                    .lines()
                    .<ContentNode>map(line -> new ContentNode.Scalar(ContentNode.Kind.STRING, line, 1, 1))
                    .toList();
            return Optional.of(new ContentTree(ContentNode.sequence(items, 1, 1), false));
        }
    }

    @Test
    void shouldFindThePlugin() {
        ConfigFormat lines = Formats.installed().named("lines").orElseThrow();
        assertThat(Formats.installed().ofMediaType("text/x-lines")).contains(lines);
        assertThat(Formats.installed().of(new Format("lines"))).contains(lines);
        byte[] content = "a\nb".getBytes(StandardCharsets.UTF_8);
        assertThat(ContentSchemas.compiled("{\"maxItems\":1}")
                        .violations(lines.parse(content).orElseThrow(), content))
                .hasSize(1);
        assertThat(Formats.installed().names()).contains("json, yaml, toml, xml, ini, properties, hocon, text, binary");
    }

    @Test
    void shouldAgreeWithTheModelAboutBuiltInFormats() {
        for (String name : Format.names().split(", ", -1)) {
            Format format = Format.named(name).orElseThrow();
            ConfigFormat installed = Formats.installed().of(format).orElseThrow();
            assertThat(installed.mediaTypes().getFirst()).isEqualTo(format.mediaType());
            assertThat(installed.mediaTypes())
                    .allSatisfy(type -> assertThat(Format.ofMediaType(type)).contains(format));
        }
    }

    @Test
    void shouldRefuseTwoFormatsThatClaimTheSame() {
        assertThatThrownBy(() -> new Formats(Stream.<ConfigFormat>of(new JsonFormat(), new JsonFormat())
                        .toList()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("installed twice");
    }
}
