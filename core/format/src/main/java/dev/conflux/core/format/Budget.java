package dev.conflux.core.format;

/** What one reading may still use up. Owned by the reading thread. */
final class Budget {

    private static final int LOOK_AT_CLOCK_EVERY = 1024;

    private final int maxNodes;
    private final long started = System.nanoTime();
    private int nodes;
    private int depth;

    Budget(int maxNodes) {
        this.maxNodes = maxNodes;
    }

    /** One more key or value. */
    void node(int line, int column) {
        if (++nodes > maxNodes) {
            throw tooMany(line, column, maxNodes);
        }
        if (nodes % LOOK_AT_CLOCK_EVERY == 0 && System.nanoTime() - started > FormatLimits.MAX_TIME.toNanos()) {
            throw Malformed.at(
                    line, column, "time", "reading takes longer than " + FormatLimits.MAX_TIME.toSeconds() + " s");
        }
    }

    /** One level down. */
    void enter(int line, int column) {
        if (++depth > FormatLimits.MAX_DEPTH) {
            throw tooDeep(line, column);
        }
    }

    void leave() {
        depth--;
    }

    /** What is put together of parts that were counted before. */
    <T extends ContentNode> T check(T node) {
        if (node.size() > maxNodes) {
            throw tooMany(node.line(), node.column(), maxNodes);
        }
        if (node.height() > FormatLimits.MAX_DEPTH) {
            throw tooDeep(node.line(), node.column());
        }
        return node;
    }

    private static RuntimeException tooMany(int line, int column, int limit) {
        return Malformed.at(line, column, "max-nodes", "more than " + limit + " keys and values");
    }

    static RuntimeException tooDeep(int line, int column) {
        return Malformed.at(line, column, "max-depth", "nested deeper than " + FormatLimits.MAX_DEPTH);
    }
}
