package dev.conflux.qa.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A report with where and when it was taken. */
record Result(
        String name, String question, boolean quick, String takenAt, long seconds, Machine machine, Report report) {

    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    /** For a terminal. */
    String plain() {
        var text = new StringBuilder();
        report.tables().forEach(table -> text.append('\n').append(table.plain()));
        text.append('\n');
        report.targets()
                .forEach(target -> text.append(target.met() ? "  met     " : "  MISSED  ")
                        .append(target.expected())
                        .append(": ")
                        .append(target.measured())
                        .append('\n'));
        report.notes().forEach(note -> text.append("  note: ").append(note).append('\n'));
        report.skipped().forEach(row -> text.append("  SKIPPED: ").append(row).append('\n'));
        text.append("  method: ").append(report.method()).append('\n');
        text.append("  machine: ").append(machine.line()).append('\n');
        text.append("  taken ").append(takenAt).append(" in ").append(seconds).append(" s");
        return text.append(quick ? " with --quick: THE FIGURES MEAN NOTHING\n" : "\n")
                .toString();
    }

    /** For a README. */
    String markdown() {
        var text = new StringBuilder("### ")
                .append(name)
                .append("\n\n")
                .append(question)
                .append("\n\n");
        report.tables().forEach(table -> text.append(table.markdown()).append('\n'));
        report.targets()
                .forEach(target -> text.append("- ")
                        .append(target.met() ? "met" : "**missed**")
                        .append(": ")
                        .append(target.expected())
                        .append(" (")
                        .append(target.measured())
                        .append(")\n"));
        report.notes().forEach(note -> text.append("- ").append(note).append('\n'));
        report.skipped()
                .forEach(row -> text.append("- not measured: ").append(row).append('\n'));
        text.append("- Method: ").append(report.method()).append(".\n");
        text.append("- Machine: ").append(machine.line()).append(". Taken ").append(takenAt);
        return text.append(quick ? ", **with --quick: worth nothing**.\n\n" : ".\n\n")
                .toString();
    }

    /** Writes {@code <name>.json} for programs and {@code <name>.md} for the README. */
    void write(Path directory) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve(name + ".json"), JSON.writeValueAsString(json()) + "\n");
        Files.writeString(directory.resolve(name + ".md"), markdown());
    }

    private ObjectNode json() {
        ObjectNode root = JSON.createObjectNode()
                .put("name", name)
                .put("question", question)
                .put("quick", quick)
                .put("taken_at", takenAt)
                .put("seconds", seconds)
                .put("method", report.method());
        root.set("machine", JSON.valueToTree(machine));
        ArrayNode tables = root.putArray("tables");
        for (Table table : report.tables()) {
            ArrayNode rows = tables.addObject().put("title", table.title()).putArray("rows");
            for (List<Cell> row : table.rows()) {
                ObjectNode fields = rows.addObject();
                for (int c = 0; c < row.size(); c++) {
                    switch (row.get(c)) {
                        case Cell.Label label -> fields.put(table.columns().get(c), label.text());
                        case Cell.Figure figure -> fields.put(table.columns().get(c), figure.value());
                    }
                }
            }
        }
        ArrayNode targets = root.putArray("targets");
        for (Report.Target target : report.targets()) {
            targets.addObject()
                    .put("expected", target.expected())
                    .put("measured", target.measured())
                    .put("met", target.met());
        }
        report.notes().forEach(root.putArray("notes")::add);
        report.skipped().forEach(root.putArray("skipped")::add);
        return root;
    }
}
