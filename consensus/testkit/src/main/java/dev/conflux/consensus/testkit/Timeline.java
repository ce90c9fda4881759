package dev.conflux.consensus.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Draws a history for people: time runs to the right, one lane per client and watcher, one bar per operation, faults as
 * bands over all lanes, the operations of a failed verdict in red with their witness above. One HTML file that needs
 * nothing else.
 */
public final class Timeline {

    /** More bars than this make no picture: those around the failure are drawn, or the first ones. */
    static final int MAX_OPERATIONS = 4_000;

    private static final int LANE = 22;
    private static final int TOP = 46;
    private static final int MIN_WIDTH = 900;
    private static final int MAX_WIDTH = 24_000;

    /** So wide a bar can be read. */
    private static final int PIXELS_PER_OPERATION = 90;

    private static final int TICKS = 40;

    private final History history;
    private final List<Verdict> verdicts;
    private final Set<Long> failing = new HashSet<>();
    private final Map<String, Integer> lanes = new TreeMap<>();
    private final StringBuilder out = new StringBuilder();
    private List<Operation> shown;
    private long origin;
    private long end;
    private double pixelsPerNano;
    private int width;

    private Timeline(History history, List<Verdict> verdicts) {
        this.history = history;
        this.verdicts = verdicts;
        for (Verdict verdict : verdicts) {
            if (verdict instanceof Verdict.Invalid invalid) {
                failing.addAll(invalid.operations());
            }
        }
        shown = choose();
    }

    /** Writes the picture of {@code history} with what the checkers said of it. */
    public static void write(Path file, History history, List<Verdict> verdicts) throws IOException {
        Files.writeString(file, html(history, verdicts));
    }

    static String html(History history, List<Verdict> verdicts) {
        return new Timeline(history, verdicts).draw();
    }

    private List<Operation> choose() {
        List<Operation> all = history.operations();
        if (all.size() <= MAX_OPERATIONS) {
            return all;
        }
        int last = -1;
        for (int i = 0; i < all.size(); i++) {
            if (failing.contains(all.get(i).id())) {
                last = i;
            }
        }
        if (last < 0) {
            return all.subList(0, MAX_OPERATIONS);
        }
        int to = Math.min(all.size(), last + MAX_OPERATIONS / 4);
        int from = Math.max(0, to - MAX_OPERATIONS);
        return all.subList(from, to);
    }

    private String draw() {
        scale();
        List<WatchFrame> frames = history.frames().stream()
                .filter(frame -> frame.nanos() >= origin && frame.nanos() <= end)
                .limit(MAX_OPERATIONS)
                .toList();
        shown.forEach(operation -> lanes.put(lane(operation), 0));
        frames.forEach(frame -> lanes.put(lane(frame), 0));
        int number = 0;
        for (Map.Entry<String, Integer> lane : lanes.entrySet()) {
            lane.setValue(number++);
        }
        int height = TOP + lanes.size() * LANE + 10;
        head();
        out.append("<div class=\"scroll\"><svg width=\"")
                .append(width)
                .append("\" height=\"")
                .append(height);
        out.append("\" role=\"img\" aria-label=\"timeline\">\n");
        ticks(height);
        for (int i = 0; i < history.faults().size(); i++) {
            // Neighbours' names are on two lines.
            band(history.faults().get(i), 28 + 12 * (i % 2), height);
        }
        for (Map.Entry<String, Integer> lane : lanes.entrySet()) {
            int y = TOP + lane.getValue() * LANE;
            out.append("<line class=\"lane\" x1=\"0\" x2=\"")
                    .append(width)
                    .append("\" y1=\"")
                    .append(y + LANE);
            out.append("\" y2=\"").append(y + LANE).append("\"/>\n");
        }
        shown.forEach(this::bar);
        frames.forEach(this::dot);
        out.append("</svg></div><div class=\"names\" style=\"top:").append(TOP).append("px\">");
        for (String lane : lanes.keySet()) {
            out.append("<div>")
                    .append(escape(lane.replaceFirst(" 0+(?=\\d)", " ")))
                    .append("</div>");
        }
        out.append("</div></div>\n</body></html>\n");
        return out.toString();
    }

    private void scale() {
        origin = Operation.NEVER;
        end = Long.MIN_VALUE;
        for (Operation operation : shown) {
            origin = Math.min(origin, operation.callNanos());
            end = Math.max(
                    end, operation.returnNanos() == Operation.NEVER ? operation.callNanos() : operation.returnNanos());
        }
        if (shown.isEmpty()) {
            for (WatchFrame frame : history.frames()) {
                origin = Math.min(origin, frame.nanos());
                end = Math.max(end, frame.nanos());
            }
        }
        if (end < origin) {
            origin = 0;
            end = 1;
        }
        long clients =
                Math.max(1, shown.stream().map(Operation::process).distinct().count());
        width = Math.clamp((long) PIXELS_PER_OPERATION * shown.size() / clients, MIN_WIDTH, MAX_WIDTH);
        pixelsPerNano = width / (double) Math.max(1, end - origin);
    }

    private void head() {
        out.append("""
                <!doctype html>
                <html lang="en"><head><meta charset="utf-8"><title>Conflux: timeline of a history</title><style>
                body{font:13px system-ui,sans-serif;margin:16px;color:#1c2430;background:#fff}
                h1{font-size:18px;margin:0 0 8px}
                .verdict{margin:6px 0;padding:6px 10px;border-left:4px solid #2e8b57;background:#f2f8f4}
                .verdict.invalid{border-color:#c62828;background:#fdf1f1}
                .verdict.undecided{border-color:#b8860b;background:#fdf9ee}
                pre{margin:6px 0 0;white-space:pre-wrap;font:12px ui-monospace,monospace}
                .key span{display:inline-block;padding:1px 8px;margin-right:8px;border-radius:3px;color:#fff}
                .chart{position:relative;border:1px solid #ccd3dc;margin-top:10px}
                .scroll{overflow-x:auto;margin-left:110px}
                .names{position:absolute;left:0;width:110px;background:#f6f8fa;border-right:1px solid #ccd3dc}
                .names div{height:21px;line-height:21px;padding-left:8px;border-bottom:1px solid #e6eaef}
                .lane{stroke:#e6eaef}.tick{stroke:#eef1f4}.t{font-size:10px;fill:#7a8594}
                .band{fill:#ff9800;fill-opacity:.16}.bandname{font-size:11px;fill:#9a5b00}
                .bar{stroke:#fff;stroke-width:.5}.read{fill:#3b78c4}.update{fill:#2e8b57}.other{fill:#7b5ea7}
                .fail{fill:#9aa4b0}.unknown{fill:#d9a514;fill-opacity:.75}
                .failing{fill:#c62828;stroke:#5f0000;stroke-width:2}
                .label{font-size:10px;fill:#fff;pointer-events:none}.dot{fill:#00838f}.dot.mark{fill:#9aa4b0}
                </style></head><body><h1>Timeline of a history</h1>
                """);
        out.append("<p>")
                .append(shown.size())
                .append(" of ")
                .append(history.operations().size());
        out.append(" operations, ")
                .append(history.faults().size())
                .append(" faults. Point at a bar for what it was.</p>");
        out.append("<p class=\"key\"><span style=\"background:#3b78c4\">read</span>");
        out.append("<span style=\"background:#2e8b57\">update</span><span style=\"background:#7b5ea7\">other</span>");
        out.append("<span style=\"background:#9aa4b0\">refused</span>");
        out.append("<span style=\"background:#d9a514\">outcome unknown</span>");
        out.append("<span style=\"background:#c62828\">contradiction</span>");
        out.append("<span style=\"background:#ffd9a3;color:#9a5b00\">fault</span></p>\n");
        for (Verdict verdict : verdicts) {
            switch (verdict) {
                case Verdict.Valid valid ->
                    out.append("<div class=\"verdict\">")
                            .append(escape(valid.checker()))
                            .append(": valid, ")
                            .append(valid.checked())
                            .append(" checked</div>\n");
                case Verdict.Undecided undecided ->
                    out.append("<div class=\"verdict undecided\">")
                            .append(escape(undecided.checker()))
                            .append(": undecided, ")
                            .append(escape(undecided.limit()))
                            .append("</div>\n");
                case Verdict.Invalid invalid ->
                    out.append("<div class=\"verdict invalid\"><b>")
                            .append(escape(invalid.checker()))
                            .append(": broken: ")
                            .append(escape(invalid.rule()))
                            .append("</b><pre>")
                            .append(escape(invalid.witness()))
                            .append("</pre></div>\n");
            }
        }
        out.append("<div class=\"chart\">");
    }

    private void ticks(int height) {
        int count = Math.clamp(width / 150, 4, TICKS * 4);
        for (int i = 0; i <= count; i++) {
            int x = (int) ((long) width * i / count);
            long at = origin + (end - origin) * i / count;
            out.append(String.format(
                    Locale.ROOT,
                    "<line class=\"tick\" x1=\"%d\" x2=\"%d\" y1=\"14\" y2=\"%d\"/>"
                            + "<text class=\"t\" x=\"%d\" y=\"11\">%s ms</text>%n",
                    x,
                    x,
                    height,
                    x + 2,
                    HistoryText.millis(at, HistoryText.origin(history))));
        }
    }

    private void band(Fault fault, int textY, int height) {
        long to = Math.min(end, fault.endNanos());
        if (fault.startNanos() > end || to < origin) {
            return;
        }
        double x = x(Math.max(origin, fault.startNanos()));
        String text = fault.name() + (fault.nodes().isEmpty() ? "" : " " + fault.nodes());
        out.append(String.format(
                Locale.ROOT,
                "<rect class=\"band\" x=\"%.1f\" y=\"16\" width=\"%.1f\" height=\"%d\"><title>%s</title></rect>"
                        + "<text class=\"bandname\" x=\"%.1f\" y=\"%d\">%s</text>%n",
                x,
                Math.max(2, x(to) - x),
                height - 16,
                escape(HistoryText.line(fault, HistoryText.origin(history))),
                x + 2,
                textY,
                escape(text)));
    }

    private void bar(Operation operation) {
        boolean never = operation.returnNanos() == Operation.NEVER;
        double x = x(operation.callNanos());
        // What never returned is open to the right: it may take effect at any later time.
        double w = never ? Math.min(width - x, PIXELS_PER_OPERATION) : x(operation.returnNanos()) - x;
        int y = TOP + lanes.getOrDefault(lane(operation), 0) * LANE;
        String look = failing.contains(operation.id())
                ? "failing"
                : switch (operation.status()) {
                    case FAIL -> "fail";
                    case UNKNOWN -> "unknown";
                    case OK ->
                        operation.kind().isRead() ? "read" : operation.kind().isUpdate() ? "update" : "other";
                };
        String line = HistoryText.line(operation, HistoryText.origin(history));
        out.append(String.format(
                Locale.ROOT,
                "<rect class=\"bar %s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"><title>%s</title></rect>",
                look,
                x,
                y + 2,
                Math.max(2, w),
                LANE - 4,
                escape(line)));
        if (w > PIXELS_PER_OPERATION / 3.0) {
            String what = HistoryText.what(operation);
            int fits = (int) (w / 5.5);
            out.append(String.format(
                    Locale.ROOT,
                    "<text class=\"label\" x=\"%.1f\" y=\"%d\">%s</text>",
                    x + 3,
                    y + LANE - 7,
                    escape(what.length() <= fits ? what : what.substring(0, fits))));
        }
        out.append('\n');
    }

    private void dot(WatchFrame frame) {
        int y = TOP + lanes.getOrDefault(lane(frame), 0) * LANE + LANE / 2;
        out.append(String.format(
                Locale.ROOT,
                "<circle class=\"dot%s\" cx=\"%.1f\" cy=\"%d\" r=\"4\"><title>%s</title></circle>%n",
                frame.kind() == WatchFrame.Kind.CHANGES ? "" : " mark",
                x(frame.nanos()),
                y,
                escape(HistoryText.line(frame, HistoryText.origin(history)))));
    }

    private double x(long nanos) {
        return (nanos - origin) * pixelsPerNano;
    }

    /** Zero-padded so that lanes sort by number. */
    private static String lane(Operation operation) {
        return String.format(Locale.ROOT, "client %06d", operation.process());
    }

    private static String lane(WatchFrame frame) {
        return String.format(Locale.ROOT, "watcher %06d", frame.watcher());
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
