package dev.conflux.tool.local;

import java.io.Console;
import java.io.PrintStream;
import java.util.Locale;

/** Lines for a person: plain on a pipe, coloured on a terminal. */
final class Terminal {

    private final PrintStream out;
    private final boolean colour = onTerminal() && System.getenv("NO_COLOR") == null;
    private final long startNanos = System.nanoTime();

    Terminal(PrintStream out) {
        this.out = out;
    }

    @SuppressWarnings("SystemConsoleNull") // It does return null without a controlling terminal, documented so.
    private static boolean onTerminal() {
        Console console = System.console();
        return console != null && console.isTerminal();
    }

    void line(String text) {
        out.println(text);
    }

    void heading(String text) {
        out.println();
        out.println(colour ? "\u001b[1m" + text + "\u001b[0m" : text);
    }

    /** A step that went well, with the time since the start. */
    void done(String text) {
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        out.println(
                String.format(Locale.ROOT, "%s %6.1f s  %s", colour ? "\u001b[32mok\u001b[0m" : "ok", seconds, text));
    }

    void warning(String text) {
        out.println(colour ? "\u001b[33m" + text + "\u001b[0m" : text);
    }
}
