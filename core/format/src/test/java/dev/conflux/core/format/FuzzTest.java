package dev.conflux.core.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JacksonException;
import tools.jackson.dataformat.toml.TomlMapper;

/** Damaged documents are read or refused, and nothing else happens. */
class FuzzTest {

    private static final int ROUNDS = 3_000;

    private static final String PIECES = "{}[]<>()\"'\\=:,.#;&*!|-+$%@?/ \t\n\r0123456789eExXuUaAnNtTfF\u00e9\u2028";

    private static byte[] damaged(byte[] document, SplittableRandom random) {
        byte[] bytes = document.clone();
        for (int i = random.nextInt(4); i >= 0; i--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] = (byte) PIECES.charAt(random.nextInt(PIECES.length() - 2));
                case 1 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
                case 2 -> {
                    // A piece is there twice.
                    int to = Math.min(bytes.length, at + 1 + random.nextInt(20));
                    byte[] longer = Arrays.copyOf(bytes, bytes.length + to - at);
                    System.arraycopy(bytes, at, longer, to, bytes.length - at);
                    bytes = longer;
                }
                default -> {
                    String text = new String(bytes, 0, at, StandardCharsets.UTF_8)
                            + PIECES.charAt(random.nextInt(PIECES.length()))
                            + new String(bytes, at, bytes.length - at, StandardCharsets.UTF_8);
                    bytes = text.getBytes(StandardCharsets.UTF_8);
                }
            }
        }
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(strings = {"json", "yaml", "toml", "xml", "ini", "properties", "hocon"})
    void shouldReadOrRefuse(String name) throws Exception {
        long seed = Long.getLong("conflux.seed", System.nanoTime());
        var random = new SplittableRandom(seed);
        byte[] document = Files.readAllBytes(Path.of("src/test/golden/app." + name));
        ConfigFormat format = Formats.installed().named(name).orElseThrow();
        int read = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] bytes = damaged(document, random);
            String text = new String(bytes, StandardCharsets.UTF_8);
            try {
                ContentTree tree = format.parse(bytes).orElseThrow();
                read++;
                assertThat(TreeDiff.of(tree, tree))
                        .as("seed %s: %s", seed, text)
                        .isEmpty();
                // What is told as JSON is JSON.
                assertThat(JsonTrees.text(JsonFormat.read(JsonTrees.text(tree.root()))))
                        .as("seed %s: %s", seed, text)
                        .isEqualTo(JsonTrees.text(tree.root()));
            } catch (ConfluxException e) {
                assertThat(e.error().code()).isEqualTo(ErrorCode.MALFORMED_CONTENT);
                if (name.equals("toml")) {
                    assertLibraryRefuses(text, (ConfluxError.InvalidContent) e.error(), seed);
                }
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + text, e);
            }
        }
        assertThat(read).isPositive();
    }

    /** The scanner of places refuses nothing of its own accord. */
    private static void assertLibraryRefuses(String text, ConfluxError.InvalidContent refused, long seed) {
        String rule = refused.violations().getFirst().rule();
        if (!rule.equals("toml")) {
            return;
        }
        try {
            new TomlMapper().readTree(text);
        } catch (JacksonException expected) {
            return;
        }
        if (!refused.violations().getFirst().message().contains("date")
                && !refused.violations().getFirst().message().contains("parsed")) {
            throw new AssertionError("seed " + seed + ": " + refused + " refused: " + text);
        }
    }
}
