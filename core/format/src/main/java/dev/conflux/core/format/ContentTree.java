package dev.conflux.core.format;

import java.util.Optional;

/**
 * What a content says, whatever its format. Immutable.
 *
 * @param root the whole
 * @param typed false where every scalar is text (XML, INI, properties): then {@code 8080} may count as a number
 */
public record ContentTree(ContentNode root, boolean typed) {

    /** The node at a JSON pointer (RFC 6901). */
    public Optional<ContentNode> find(String pointer) {
        ContentNode node = root;
        int at = 0;
        while (at < pointer.length()) {
            int end = pointer.indexOf('/', at + 1);
            if (end < 0) {
                end = pointer.length();
            }
            ContentNode child = child(node, unescape(pointer.substring(at + 1, end)));
            if (pointer.charAt(at) != '/' || child == null) {
                return Optional.empty();
            }
            node = child;
            at = end;
        }
        return Optional.of(node);
    }

    static @org.jspecify.annotations.Nullable ContentNode child(ContentNode node, String name) {
        return switch (node) {
            case ContentNode.Mapping mapping -> mapping.members().get(name);
            case ContentNode.Sequence sequence -> {
                int index = index(name);
                yield index >= 0 && index < sequence.items().size()
                        ? sequence.items().get(index)
                        : null;
            }
            case ContentNode.Scalar scalar -> null;
        };
    }

    private static int index(String name) {
        if (name.isEmpty() || name.length() > 9) {
            return -1;
        }
        for (int i = 0; i < name.length(); i++) {
            if (name.charAt(i) < '0' || name.charAt(i) > '9') {
                return -1;
            }
        }
        return Integer.parseInt(name);
    }

    /** A name as part of a JSON pointer. */
    static String escape(String name) {
        return name.replace("~", "~0").replace("/", "~1");
    }

    private static String unescape(String part) {
        return part.replace("~1", "/").replace("~0", "~");
    }
}
