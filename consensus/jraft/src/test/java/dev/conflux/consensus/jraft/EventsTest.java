package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** That docs/operations/events.md names the log events of this module, with their levels and fields. */
class EventsTest {

    private static final Path SOURCES = Path.of("src/main/java");
    private static final Path DOCUMENT = Path.of("../../docs/operations/events.md");

    /** The level, and the text up to where the arguments begin; a text may be joined from several literals. */
    private static final Pattern CALL =
            Pattern.compile("LOG\\.(info|warn|error)\\(\\s*\"((?:[^\"\\\\]|\\\\.|\"\\s*\\+\\s*\")*)\"");

    private static final Pattern NAME =
            Pattern.compile("^([a-z]+(?:_[a-z]+)+|halt|started|stopped|bootstrapped|following|quarantined)\\b");
    private static final Pattern FIELD = Pattern.compile("\\b([a-z_]+)=");
    private static final Pattern ROW = Pattern.compile("^\\| `(\\w+)` \\| (\\w+) \\| ([^|]*)\\|", Pattern.MULTILINE);

    @Test
    void shouldDocumentEveryEventWithItsFields() throws IOException {
        assertThat(documented()).isEqualTo(inSources());
    }

    private static Map<String, String> inSources() throws IOException {
        var events = new TreeMap<String, String>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".java")).toList()) {
                CALL.matcher(Files.readString(file)).results().forEach(call -> {
                    var name = NAME.matcher(call.group(2));
                    if (name.find()) {
                        var fields = new TreeSet<String>();
                        FIELD.matcher(call.group(2)).results().forEach(field -> fields.add(field.group(1)));
                        events.put(name.group(1), call.group(1) + " " + fields);
                    }
                });
            }
        }
        return events;
    }

    private static Map<String, String> documented() throws IOException {
        var events = new TreeMap<String, String>();
        ROW.matcher(Files.readString(DOCUMENT)).results().forEach(row -> {
            var fields = new TreeSet<String>();
            Pattern.compile("`(\\w+)`").matcher(row.group(3)).results().forEach(field -> fields.add(field.group(1)));
            events.put(row.group(1), row.group(2) + " " + fields);
        });
        return events;
    }
}
