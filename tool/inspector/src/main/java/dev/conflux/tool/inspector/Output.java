package dev.conflux.tool.inspector;

import dev.conflux.consensus.api.LogPosition;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Text for people or JSON for programs. */
final class Output {

    private static final ObjectMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private final PrintWriter out;

    Output(PrintWriter out) {
        this.out = out;
    }

    void json(Object value) {
        line(JSON.writeValueAsString(value));
    }

    void line(String text) {
        out.println(text);
    }

    /** One fact a line, the names aligned. */
    void facts(List<Fact> facts) {
        int width = facts.stream().mapToInt(fact -> fact.name().length()).max().orElse(0);
        String last = "";
        for (Fact fact : facts) {
            String name = fact.name().equals(last) ? "" : fact.name();
            line(pad(name, width) + "  " + fact.value());
            last = fact.name();
        }
    }

    /** A named value; of several with one name in a row the name is printed once. */
    record Fact(String name, String value) {}

    /** Columns as wide as their widest cell; the first row is the heading. */
    void table(List<List<String>> rows) {
        var widths = new ArrayList<Integer>();
        for (List<String> row : rows) {
            for (int i = 0; i < row.size(); i++) {
                int length = row.get(i).length();
                if (i == widths.size()) {
                    widths.add(length);
                } else {
                    widths.set(i, Math.max(widths.get(i), length));
                }
            }
        }
        for (List<String> row : rows) {
            var text = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                text.append(i == 0 ? "" : "  ").append(pad(row.get(i), widths.get(i)));
            }
            line(text.toString().stripTrailing());
        }
    }

    private static String pad(String text, int width) {
        return text + " ".repeat(width - text.length());
    }

    static String position(LogPosition position) {
        return position.equals(LogPosition.ZERO)
                ? "nothing"
                : "term " + position.term() + ", index " + position.index();
    }

    static String time(long unixMillis) {
        return unixMillis == 0 ? "never" : Instant.ofEpochMilli(unixMillis).toString();
    }

    static String bytes(long bytes) {
        return bytes < 10_240
                ? bytes + " bytes"
                : String.format(
                        Locale.ROOT,
                        "%.1f %s",
                        bytes < 10 << 20 ? bytes / 1024.0 : bytes / 1048576.0,
                        bytes < 10 << 20 ? "KiB" : "MiB");
    }
}
