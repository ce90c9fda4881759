package dev.conflux.core.format;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * One node of a {@link ContentTree}. Immutable; a node may stand in several places (a YAML alias), so a tree may be larger
 * than its memory: {@link #size} and {@link #height} count what a walk would meet.
 */
public sealed interface ContentNode {

    /** Line where it begins, from 1. */
    int line();

    /** UTF-16 unit in the line where it begins, from 1. */
    int column();

    /** Nodes in this subtree, itself included; stops counting at {@link Integer#MAX_VALUE}. */
    int size();

    /** Levels of this subtree; 1 for a scalar. */
    int height();

    /** Names to nodes, in the order of the document. */
    record Mapping(SequencedMap<String, ContentNode> members, int line, int column, int size, int height)
            implements ContentNode {
        Mapping(SequencedMap<String, ContentNode> members, int line, int column) {
            this(
                    Collections.unmodifiableSequencedMap(members),
                    line,
                    column,
                    sizeOf(members.values()),
                    heightOf(members.values()));
        }
    }

    /** Nodes in order. */
    record Sequence(List<ContentNode> items, int line, int column, int size, int height) implements ContentNode {
        Sequence(List<ContentNode> items, int line, int column) {
            this(Collections.unmodifiableList(items), line, column, sizeOf(items), heightOf(items));
        }
    }

    /**
     * A leaf.
     *
     * @param text of a string the string, of a number its JSON form, else {@code true}, {@code false}, {@code null}; of
     *     something unknown what is written there
     */
    record Scalar(Kind kind, String text, int line, int column) implements ContentNode {
        @Override
        public int size() {
            return 1;
        }

        @Override
        public int height() {
            return 1;
        }
    }

    /** What a scalar is. */
    enum Kind {
        STRING,
        NUMBER,
        BOOLEAN,
        NULL,
        /** Known only where the content is used (a HOCON substitution): schemas do not judge it. */
        UNKNOWN
    }

    /** Also for plugins. */
    static ContentNode mapping(Map<String, ContentNode> members, int line, int column) {
        return new Mapping(new java.util.LinkedHashMap<>(members), line, column);
    }

    /** Also for plugins. */
    static ContentNode sequence(List<ContentNode> items, int line, int column) {
        return new Sequence(List.copyOf(items), line, column);
    }

    private static int sizeOf(Iterable<ContentNode> nodes) {
        long size = 1;
        for (ContentNode node : nodes) {
            size += node.size();
        }
        return (int) Math.min(size, Integer.MAX_VALUE);
    }

    private static int heightOf(Iterable<ContentNode> nodes) {
        int height = 0;
        for (ContentNode node : nodes) {
            height = Math.max(height, node.height());
        }
        return height + 1;
    }
}
