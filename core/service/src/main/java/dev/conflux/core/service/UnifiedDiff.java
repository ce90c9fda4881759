package dev.conflux.core.service;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Line differences as {@code diff -u} prints them. Greedy algorithm of Myers (1986), bounded. */
final class UnifiedDiff {

    private static final int CONTEXT = 3;

    /**
     * Edits looked for before giving up and showing the middle as replaced: the search keeps one array of this length
     * per edit, so 1000 costs at most some 8 MB for a moment.
     */
    private static final int MAX_EDITS = 1000;

    private enum Kind {
        SAME(' '),
        REMOVED('-'),
        ADDED('+');

        private final char mark;

        Kind(char mark) {
            this.mark = mark;
        }
    }

    private record Line(Kind kind, String text) {}

    private UnifiedDiff() {}

    static String of(String beforeName, String before, String afterName, String after) {
        List<Line> lines = compare(split(before), split(after));
        if (lines.stream().allMatch(line -> line.kind == Kind.SAME)) {
            return "";
        }
        var text = new StringBuilder();
        text.append("--- ").append(beforeName).append('\n');
        text.append("+++ ").append(afterName).append('\n');
        int beforeLine = 1;
        int afterLine = 1;
        int at = 0;
        while (at < lines.size()) {
            int change = nextChange(lines, at);
            if (change == lines.size()) {
                break;
            }
            int from = Math.max(at, change - CONTEXT);
            beforeLine += from - at;
            afterLine += from - at;
            int to = hunkEnd(lines, change);
            int removed = 0;
            int added = 0;
            var hunk = new StringBuilder();
            for (Line line : lines.subList(from, to)) {
                removed += line.kind == Kind.ADDED ? 0 : 1;
                added += line.kind == Kind.REMOVED ? 0 : 1;
                hunk.append(line.kind.mark).append(line.text);
                if (!line.text.endsWith("\n")) {
                    hunk.append("\n\\ No newline at end of file\n");
                }
            }
            text.append("@@ -").append(range(beforeLine, removed));
            text.append(" +").append(range(afterLine, added)).append(" @@\n");
            text.append(hunk);
            beforeLine += removed;
            afterLine += added;
            at = to;
        }
        return text.toString();
    }

    private static String range(int line, int count) {
        return (count == 0 ? line - 1 : line) + "," + count;
    }

    private static int nextChange(List<Line> lines, int from) {
        int at = from;
        while (at < lines.size() && lines.get(at).kind == Kind.SAME) {
            at++;
        }
        return at;
    }

    /** Changes closer than two contexts share a hunk. */
    private static int hunkEnd(List<Line> lines, int change) {
        int lastChange = change;
        for (int i = change; i < lines.size() && i - lastChange <= 2 * CONTEXT; i++) {
            if (lines.get(i).kind != Kind.SAME) {
                lastChange = i;
            }
        }
        return Math.min(lines.size(), lastChange + 1 + CONTEXT);
    }

    /** Lines with their line feeds, so that a missing one at the end shows. */
    private static List<String> split(String text) {
        var lines = new ArrayList<String>();
        int at = 0;
        while (at < text.length()) {
            int end = text.indexOf('\n', at);
            int next = end < 0 ? text.length() : end + 1;
            lines.add(text.substring(at, next));
            at = next;
        }
        return lines;
    }

    private static List<Line> compare(List<String> before, List<String> after) {
        int prefix = 0;
        int shorter = Math.min(before.size(), after.size());
        while (prefix < shorter && before.get(prefix).equals(after.get(prefix))) {
            prefix++;
        }
        int suffix = 0;
        while (suffix < shorter - prefix
                && before.get(before.size() - 1 - suffix).equals(after.get(after.size() - 1 - suffix))) {
            suffix++;
        }
        var lines = new ArrayList<Line>();
        before.subList(0, prefix).forEach(line -> lines.add(new Line(Kind.SAME, line)));
        lines.addAll(
                edits(before.subList(prefix, before.size() - suffix), after.subList(prefix, after.size() - suffix)));
        before.subList(before.size() - suffix, before.size()).forEach(line -> lines.add(new Line(Kind.SAME, line)));
        return lines;
    }

    private static List<Line> edits(List<String> before, List<String> after) {
        int most = Math.min(MAX_EDITS, before.size() + after.size());
        var traces = new ArrayList<int[]>();
        var furthest = new int[2 * most + 3];
        int middle = most + 1;
        for (int edits = 0; edits <= most; edits++) {
            traces.add(Arrays.copyOfRange(furthest, middle - edits - 1, middle + edits + 2));
            for (int k = -edits; k <= edits; k += 2) {
                boolean down = k == -edits || (k != edits && furthest[middle + k - 1] < furthest[middle + k + 1]);
                int x = down ? furthest[middle + k + 1] : furthest[middle + k - 1] + 1;
                int y = x - k;
                while (x < before.size() && y < after.size() && before.get(x).equals(after.get(y))) {
                    x++;
                    y++;
                }
                furthest[middle + k] = x;
                if (x >= before.size() && y >= after.size()) {
                    return walkBack(before, after, traces);
                }
            }
        }
        var replaced = new ArrayList<Line>();
        before.forEach(line -> replaced.add(new Line(Kind.REMOVED, line)));
        after.forEach(line -> replaced.add(new Line(Kind.ADDED, line)));
        return replaced;
    }

    private static List<Line> walkBack(List<String> before, List<String> after, List<int[]> traces) {
        var lines = new ArrayList<Line>();
        int x = before.size();
        int y = after.size();
        for (int edits = traces.size() - 1; edits >= 0; edits--) {
            int[] furthest = traces.get(edits);
            int middle = edits + 1;
            int k = x - y;
            boolean down = k == -edits || (k != edits && furthest[middle + k - 1] < furthest[middle + k + 1]);
            int previousK = down ? k + 1 : k - 1;
            int previousX = edits == 0 ? 0 : furthest[middle + previousK];
            int previousY = edits == 0 ? 0 : previousX - previousK;
            while (x > previousX && y > previousY) {
                lines.add(new Line(Kind.SAME, before.get(--x)));
                y--;
            }
            if (edits > 0) {
                if (down) {
                    lines.add(new Line(Kind.ADDED, after.get(--y)));
                } else {
                    lines.add(new Line(Kind.REMOVED, before.get(--x)));
                }
            }
        }
        return lines.reversed();
    }
}
