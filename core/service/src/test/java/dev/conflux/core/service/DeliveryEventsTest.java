package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** That docs/rollouts.md names the log events of schedules and rollouts, with their levels and fields. */
class DeliveryEventsTest {

    private static final Path SOURCES = Path.of("src/main/java/dev/conflux/core/service");
    private static final Path DOCUMENT = Path.of("../../docs/rollouts.md");
    private static final Pattern CALL =
            Pattern.compile("LOG\\.(info|warn|error)\\(\\s*\"([a-z_]+) ((?:[^\"\\\\]|\\\\.)*)\"");
    private static final Pattern FIELD = Pattern.compile("\\b([a-z]+)=");
    private static final Pattern ROW =
            Pattern.compile("^\\| `(\\w+)` \\| (info|warn|error) \\| ([^|]*)\\|", Pattern.MULTILINE);
    private static final Pattern CODE = Pattern.compile("`(\\w+)`");

    @Test
    void shouldDocumentEveryEventWithItsFields() throws IOException {
        Map<String, String> inSources = new TreeMap<>();
        for (String file : List.of("DeliveryRunner.java", "RolloutExecutor.java")) {
            CALL.matcher(Files.readString(SOURCES.resolve(file)))
                    .results()
                    .forEach(call -> inSources.put(call.group(2), call.group(1) + fields(FIELD, call.group(3))));
        }
        Map<String, String> documented = new TreeMap<>();
        ROW.matcher(Files.readString(DOCUMENT))
                .results()
                .forEach(row -> documented.put(row.group(1), row.group(2) + fields(CODE, row.group(3))));

        assertThat(inSources).hasSizeGreaterThan(5);
        assertThat(documented).isEqualTo(inSources);
    }

    private static String fields(Pattern pattern, String text) {
        var fields = new TreeSet<String>();
        pattern.matcher(text).results().forEach(field -> fields.add(field.group(1)));
        return fields.toString();
    }
}
