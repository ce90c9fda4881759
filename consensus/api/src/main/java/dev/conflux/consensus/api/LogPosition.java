package dev.conflux.consensus.api;

/**
 * A place in the replicated log. Ordered the way Raft compares logs: first by term, then by index (Raft §5.4.1).
 *
 * @param index position, from 1; 0 = before the first entry
 * @param term the term of the entry at {@code index}; 0 with index 0
 */
public record LogPosition(long index, long term) implements Comparable<LogPosition> {

    /** Before the first entry. */
    public static final LogPosition ZERO = new LogPosition(0, 0);

    public LogPosition {
        if (index < 0 || term < 0) {
            throw new IllegalArgumentException("log position: " + index + "@" + term + " (expected: both >= 0)");
        }
    }

    @Override
    public int compareTo(LogPosition other) {
        int byTerm = Long.compare(term, other.term);
        return byTerm != 0 ? byTerm : Long.compare(index, other.index);
    }

    @Override
    public String toString() {
        return index + "@" + term;
    }
}
