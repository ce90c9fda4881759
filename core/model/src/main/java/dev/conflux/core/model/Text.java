package dev.conflux.core.model;

/** Makes caller-supplied text safe to repeat in a message. */
public final class Text {

    private static final int EXCERPT_LENGTH = 64;

    private Text() {}

    /** At most 64 characters of {@code text}, control and non-ASCII characters replaced by '?'. */
    public static String excerpt(String text) {
        int length = Math.min(text.length(), EXCERPT_LENGTH);
        var excerpt = new StringBuilder(length + 1);
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            excerpt.append(c < ' ' || c > '~' ? '?' : c);
        }
        return text.length() > length ? excerpt.append("...").toString() : excerpt.toString();
    }
}
