package dev.conflux.consensus.api;

/**
 * A member's number, unique in its cluster for ever: a removed id is never given to another machine.
 *
 * @param value 1 … 2^31-1
 */
public record NodeId(int value) implements Comparable<NodeId> {

    public NodeId {
        if (value < 1) {
            throw new IllegalArgumentException("node id: " + value + " (expected: >= 1)");
        }
    }

    @Override
    public int compareTo(NodeId other) {
        return Integer.compare(value, other.value);
    }

    @Override
    public String toString() {
        return Integer.toString(value);
    }
}
