package dev.conflux.core.model;

/** The one grammar of tenant, app, env and config names: {@code [A-Za-z0-9][A-Za-z0-9._-]{0,127}}, compared exactly. */
public final class Names {

    /** Long enough for a reverse domain name, short enough for a key, a path segment and a log line. */
    public static final int MAX_LENGTH = 128;

    private Names() {}

    /** True when {@code name} matches the grammar. No allocation, no regular expression. */
    public static boolean isValid(String name) {
        int length = name.length();
        if (length == 0 || length > MAX_LENGTH || !isAlphanumeric(name.charAt(0))) {
            return false;
        }
        for (int i = 1; i < length; i++) {
            char c = name.charAt(i);
            if (!isAlphanumeric(c) && c != '.' && c != '_' && c != '-') {
                return false;
            }
        }
        return true;
    }

    /**
     * Returns {@code name} if it is valid.
     *
     * @param field what to call it in the refusal
     * @throws ConfluxException with {@link ConfluxError.InvalidArgument}
     */
    public static String check(String field, String name) {
        if (!isValid(name)) {
            throw new ConfluxException(new ConfluxError.InvalidArgument(
                    field,
                    Text.excerpt(name),
                    "1 to " + MAX_LENGTH
                            + " characters: first a letter or digit, then letters, digits, '.', '_' or '-'"));
        }
        return name;
    }

    private static boolean isAlphanumeric(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    }
}
