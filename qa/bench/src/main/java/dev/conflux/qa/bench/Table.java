package dev.conflux.qa.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Figures under one heading.
 *
 * @param columns with the unit where there is one: {@code p99 ms}
 * @param rows each as wide as {@code columns}
 */
record Table(String title, List<String> columns, List<List<Cell>> rows) {

    Table {
        columns = List.copyOf(columns);
        rows = rows.stream().map(List::copyOf).toList();
        for (List<Cell> row : rows) {
            if (row.size() != columns.size()) {
                throw new IllegalArgumentException(
                        title + ": a row of " + row.size() + " cells (expected: " + columns.size() + ")");
            }
        }
    }

    /** For a terminal: columns aligned, figures to the right. */
    String plain() {
        List<List<String>> lines = texts();
        int[] widths = widths(lines);
        var out = new StringBuilder(title).append('\n');
        for (int i = 0; i < lines.size(); i++) {
            out.append("  ");
            for (int c = 0; c < widths.length; c++) {
                String text = lines.get(i).get(c);
                String padding = " ".repeat(widths[c] - text.length());
                out.append(isFigure(c) ? padding + text : text + padding).append(c + 1 < widths.length ? "  " : "\n");
            }
        }
        return out.toString();
    }

    /** The same for a README. */
    String markdown() {
        var out = new StringBuilder("**").append(title).append("**\n\n");
        List<List<String>> lines = texts();
        for (int i = 0; i < lines.size(); i++) {
            out.append("| ").append(String.join(" | ", lines.get(i))).append(" |\n");
            if (i == 0) {
                for (int c = 0; c < columns.size(); c++) {
                    out.append(isFigure(c) ? "|--:" : "|---");
                }
                out.append("|\n");
            }
        }
        return out.toString();
    }

    private List<List<String>> texts() {
        var lines = new ArrayList<List<String>>();
        lines.add(columns);
        UnaryOperator<String> trimmed = String::strip;
        rows.forEach(row -> lines.add(row.stream().map(Cell::text).map(trimmed).toList()));
        return lines;
    }

    private boolean isFigure(int column) {
        return !rows.isEmpty() && rows.getFirst().get(column) instanceof Cell.Figure;
    }

    private static int[] widths(List<List<String>> lines) {
        int[] widths = new int[lines.getFirst().size()];
        for (List<String> line : lines) {
            for (int c = 0; c < widths.length; c++) {
                widths[c] = Math.max(widths[c], line.get(c).length());
            }
        }
        return widths;
    }
}
