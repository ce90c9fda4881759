package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import dev.conflux.core.model.Text;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What {@link java.util.Properties#load(java.io.Reader)} reads, in UTF-8, with places, and without its silence about
 * duplicates. Dots nest: {@code a.b=1} is {@code {"a": {"b": "1"}}}; where a key has both a value and keys below, its value
 * stands below it under the empty name. A key with an empty part (a dot at an end, two in a row) stays as it is.
 */
public final class PropertiesFormat implements ConfigFormat {

    @Override
    public Format format() {
        return Format.PROPERTIES;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("text/x-java-properties", "text/x-properties");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        return Optional.of(new ContentTree(new Reader(Texts.decode(content)).read(), false));
    }

    /** A key on its way to a mapping. */
    private static final class Entry {
        private final int line;
        private final int column;
        private Map<String, Entry> below = Map.of();
        private ContentNode.@Nullable Scalar value;

        Entry(int line, int column) {
            this.line = line;
            this.column = column;
        }

        Entry step(String name, ContentNode.Scalar at) {
            if (below.isEmpty()) {
                below = new LinkedHashMap<>(4);
            }
            return below.computeIfAbsent(name, key -> new Entry(at.line(), at.column()));
        }

        ContentNode node() {
            ContentNode.Scalar own = value;
            if (below.isEmpty() && own != null) {
                return own;
            }
            var members = new LinkedHashMap<String, ContentNode>();
            if (own != null) {
                members.put("", own);
            }
            below.forEach((name, entry) -> members.put(name, entry.node()));
            return new ContentNode.Mapping(members, line, column);
        }
    }

    private static final class Reader {

        private final String text;
        private final Budget budget = new Budget(FormatLimits.MAX_NODES);
        private final Entry root = new Entry(1, 1);
        private final HashSet<String> seen = new HashSet<>();
        private int at;
        private int line = 1;
        private int lineStart;

        Reader(String text) {
            this.text = text;
        }

        ContentNode read() {
            while (skipToKey()) {
                int keyLine = line;
                int keyColumn = at - lineStart + 1;
                String key = logical(true);
                skipSeparator();
                String value = logical(false);
                Texts.wellFormed(key, keyLine, keyColumn);
                Texts.wellFormed(value, keyLine, keyColumn);
                if (!seen.add(key)) {
                    throw Malformed.at(keyLine, keyColumn, "duplicate-key", Text.excerpt(key) + " is there twice");
                }
                put(key, new ContentNode.Scalar(ContentNode.Kind.STRING, value, keyLine, keyColumn));
            }
            return root.below.isEmpty() ? new ContentNode.Mapping(new LinkedHashMap<>(), 1, 1) : root.node();
        }

        private void put(String key, ContentNode.Scalar value) {
            Entry entry = root;
            boolean flat = key.isEmpty() || key.startsWith(".") || key.endsWith(".") || key.contains("..");
            int depth = 0;
            for (int from = 0; from <= key.length(); ) {
                int dot = flat ? -1 : key.indexOf('.', from);
                int end = dot < 0 ? key.length() : dot;
                if (++depth > FormatLimits.MAX_DEPTH - 1) {
                    throw Budget.tooDeep(value.line(), value.column());
                }
                budget.node(value.line(), value.column());
                entry = entry.step(key.substring(from, end), value);
                from = end + 1;
            }
            entry.value = value;
        }

        /** Past blank lines, comments and the blanks before a key. */
        private boolean skipToKey() {
            while (at < text.length()) {
                char c = text.charAt(at);
                // A line that goes on before it has begun is as good as blank.
                if (continued()) {
                    continue;
                }
                if (c == '\n' || c == '\r') {
                    newLine();
                } else if (blank(c)) {
                    at++;
                } else if (c == '#' || c == '!') {
                    while (at < text.length() && text.charAt(at) != '\n' && text.charAt(at) != '\r') {
                        at++;
                    }
                } else {
                    return true;
                }
            }
            return false;
        }

        private void skipSeparator() {
            skipBlanks();
            if (at < text.length() && (text.charAt(at) == '=' || text.charAt(at) == ':')) {
                at++;
                skipBlanks();
            }
        }

        /** A continued line goes on with its first character that is not blank. */
        private void skipBlanks() {
            while (at < text.length()) {
                if (blank(text.charAt(at))) {
                    at++;
                } else if (!continued()) {
                    return;
                }
            }
        }

        /** A key, up to a blank or a separator, or a value, up to the end of the line. */
        private String logical(boolean key) {
            var read = new StringBuilder();
            while (at < text.length()) {
                char c = text.charAt(at);
                if (c == '\n' || c == '\r' || (key && (c == '=' || c == ':' || blank(c)))) {
                    break;
                }
                if (c != '\\') {
                    read.append(c);
                    at++;
                } else if (!continued()) {
                    escape(read);
                }
            }
            return read.toString();
        }

        /** Steps over a backslash at the end of a line, and the blanks of the next. */
        private boolean continued() {
            boolean ends = text.charAt(at) == '\\'
                    && at + 1 < text.length()
                    && (text.charAt(at + 1) == '\n' || text.charAt(at + 1) == '\r');
            if (ends) {
                at++;
                newLine();
                while (at < text.length() && blank(text.charAt(at))) {
                    at++;
                }
            }
            return ends;
        }

        private void escape(StringBuilder read) {
            int backslash = at;
            at++;
            if (at == text.length()) {
                return;
            }
            char c = text.charAt(at++);
            switch (c) {
                case 't' -> read.append('\t');
                case 'n' -> read.append('\n');
                case 'r' -> read.append('\r');
                case 'f' -> read.append('\f');
                case 'u' -> {
                    int code = 0;
                    for (int i = 0; i < 4; i++, at++) {
                        int digit = at < text.length() && text.charAt(at) < 0x80
                                ? Character.digit(text.charAt(at), 16)
                                : -1;
                        if (digit < 0) {
                            throw Malformed.at(
                                    line, backslash - lineStart + 1, "properties", "\\u needs four hexadecimal digits");
                        }
                        code = code << 4 | digit;
                    }
                    read.append((char) code);
                }
                default -> read.append(c);
            }
        }

        private void newLine() {
            boolean pair = text.charAt(at) == '\r' && at + 1 < text.length() && text.charAt(at + 1) == '\n';
            at += pair ? 2 : 1;
            line++;
            lineStart = at;
        }

        private static boolean blank(char c) {
            return c == ' ' || c == '\t' || c == '\f';
        }
    }
}
