package dev.conflux.core.format;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import java.util.List;

/** Refusals of contents that cannot be read; for plugins too. */
public final class Malformed {

    /** Characters of a library's message that are passed on. */
    private static final int MAX_MESSAGE = 200;

    private Malformed() {}

    /**
     * One place.
     *
     * @param rule short and stable: the format's name, or what of it was broken
     */
    public static ConfluxException at(int line, int column, String rule, String message) {
        return new ConfluxException(new ConfluxError.InvalidContent(
                ErrorCode.MALFORMED_CONTENT,
                List.of(new ConfluxError.Violation(
                        "", Math.max(line, 1), Math.max(column, 1), rule, oneLine(message)))));
    }

    /** Parsers quote the document and draw arrows; one line of it is enough. */
    static String oneLine(String message) {
        var line = new StringBuilder(Math.min(message.length(), MAX_MESSAGE));
        for (int i = 0; i < message.length() && line.length() < MAX_MESSAGE; i++) {
            char c = message.charAt(i);
            boolean blank = c <= ' ' || c == 0x7f || Character.isSurrogate(c);
            if (!blank) {
                line.append(c);
            } else if (!line.isEmpty() && line.charAt(line.length() - 1) != ' ') {
                line.append(' ');
            }
        }
        return line.toString().strip();
    }
}
