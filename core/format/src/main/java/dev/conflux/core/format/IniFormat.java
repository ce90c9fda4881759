package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import dev.conflux.core.model.Text;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;

/**
 * The common ground of INI files: {@code [section]}, {@code key = value} or {@code key: value}, comments on lines of their
 * own that begin with {@code ;} or {@code #}. Keys before any section stand at the root. Own code: the libraries drop what
 * they do not understand, or have no owner (docs/adr/0011).
 */
public final class IniFormat implements ConfigFormat {

    @Override
    public Format format() {
        return Format.INI;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("text/x-ini");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        String text = Texts.decode(content);
        var budget = new Budget(FormatLimits.MAX_NODES);
        var root = new LinkedHashMap<String, ContentNode>();
        LinkedHashMap<String, ContentNode> section = root;
        String sectionName = "";
        int sectionLine = 1;
        int sectionColumn = 1;
        int line = 0;
        for (int at = 0; at < text.length(); ) {
            int end = text.indexOf('\n', at);
            end = end < 0 ? text.length() : end;
            String raw = text.substring(at, end);
            at = end + 1;
            line++;
            String stripped = raw.strip();
            if (stripped.isEmpty() || stripped.charAt(0) == ';' || stripped.charAt(0) == '#') {
                continue;
            }
            int column = raw.indexOf(stripped.charAt(0)) + 1;
            budget.node(line, column);
            if (stripped.charAt(0) == '[') {
                if (!sectionName.isEmpty()) {
                    root.put(sectionName, new ContentNode.Mapping(section, sectionLine, sectionColumn));
                }
                sectionName = stripped.substring(1, Math.max(1, stripped.length() - 1))
                        .strip();
                if (!stripped.endsWith("]") || sectionName.isEmpty()) {
                    throw Malformed.at(line, column, "ini", "a section is [name] on a line of its own");
                }
                if (root.containsKey(sectionName)) {
                    throw duplicate(line, column, sectionName);
                }
                section = new LinkedHashMap<>();
                sectionLine = line;
                sectionColumn = column;
                continue;
            }
            int separator = separator(stripped);
            String key = separator < 0 ? "" : stripped.substring(0, separator).strip();
            if (key.isEmpty()) {
                throw Malformed.at(line, column, "ini", "expected key = value, [section] or a comment");
            }
            String value = stripped.substring(separator + 1).strip();
            if (section.put(key, new ContentNode.Scalar(ContentNode.Kind.STRING, value, line, column)) != null) {
                throw duplicate(line, column, key);
            }
        }
        if (!sectionName.isEmpty()) {
            root.put(sectionName, new ContentNode.Mapping(section, sectionLine, sectionColumn));
        }
        return Optional.of(new ContentTree(new ContentNode.Mapping(root, 1, 1), false));
    }

    private static int separator(String line) {
        for (int i = 0; i < line.length(); i++) {
            if (line.charAt(i) == '=' || line.charAt(i) == ':') {
                return i;
            }
        }
        return -1;
    }

    private static RuntimeException duplicate(int line, int column, String name) {
        return Malformed.at(line, column, "duplicate-key", Text.excerpt(name) + " is there twice");
    }
}
