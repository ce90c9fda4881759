package dev.conflux.core.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.ConfluxException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PropertiesFormatTest {

    private static final String[] PIECES = {
        "a", "b", ".", "=", ":", " ", "\t", "\f", "\\", "\n", "\r", "\r\n", "#", "!", "\\u0041", "\\n", "\\:", "\u00e9"
    };

    /** Only what ours does not refuse for its duplicates is compared. */
    @Test
    void shouldReadWhatTheJdkReads() throws Exception {
        long seed = Long.getLong("conflux.seed", System.nanoTime());
        var random = new SplittableRandom(seed);
        int compared = 0;
        for (int round = 0; round < 20_000; round++) {
            var text = new StringBuilder();
            for (int i = random.nextInt(24); i >= 0; i--) {
                text.append(PIECES[random.nextInt(PIECES.length)]);
            }
            // At the very end a backslash means something else each time.
            text.append("\nend=1");
            var expected = new Properties();
            expected.load(new StringReader(text.toString()));
            try {
                ContentNode root = new PropertiesFormat()
                        .parse(text.toString().getBytes(StandardCharsets.UTF_8))
                        .orElseThrow()
                        .root();
                var actual = new TreeMap<String, String>();
                flatten("", root, actual);
                assertThat(actual).as("seed %s, text %s", seed, text).isEqualTo(new TreeMap<>(expected));
                compared++;
            } catch (ConfluxException duplicate) {
                assertThat(duplicate.error().message())
                        .as("seed %s, text %s", seed, text)
                        .contains("twice");
            }
        }
        assertThat(compared).isGreaterThan(10_000);
    }

    private static void flatten(String path, ContentNode node, Map<String, String> flat) {
        switch (node) {
            case ContentNode.Mapping mapping ->
                mapping.members().forEach((name, child) -> {
                    boolean own = name.isEmpty() && !path.isEmpty();
                    flatten(own ? path : path.isEmpty() ? name : path + '.' + name, child, flat);
                });
            case ContentNode.Scalar scalar -> flat.put(path, scalar.text());
            case ContentNode.Sequence sequence -> throw new AssertionError("properties have no lists");
        }
    }
}
