package dev.conflux.core.state;

import org.jspecify.annotations.Nullable;

/** Reading an ordered map of byte keys. */
public interface StateReads {

    /** The value, owned by the caller; null when there is none. */
    byte @Nullable [] get(byte[] key);

    /**
     * Visits the entries with {@code from <= key < to} in the given order until the visitor has enough.
     *
     * @param from inclusive, in the same area as {@code to} or its end
     * @param to exclusive
     */
    void scan(byte[] from, byte[] to, Order order, Visitor visitor);

    /** Direction of a scan. */
    enum Order {
        ASCENDING,
        DESCENDING
    }

    /** Receives the entries of a scan. */
    @FunctionalInterface
    interface Visitor {
        /**
         * Takes one entry; both arrays are the visitor's own.
         *
         * @return whether to go on
         */
        boolean visit(byte[] key, byte[] value);
    }
}
