package dev.conflux.core.service;

import java.util.List;

/**
 * A part of a list.
 *
 * @param more whether anything may come after the last item; always right below {@link #MAX_LIMIT}
 */
public record Page<T>(List<T> items, boolean more) {

    /** Most items in one answer: a list of 1000 configs stays around one megabyte. */
    public static final int MAX_LIMIT = 1000;

    /** Items when the caller does not say. */
    public static final int DEFAULT_LIMIT = 100;

    public Page {
        items = List.copyOf(items);
    }

    /** How many to read to fill a page of {@code limit}: one more, to know whether it is the last. */
    static int reading(int limit) {
        return Math.min(limit + 1, MAX_LIMIT);
    }

    /** Cuts a list that was read with {@link #reading}. */
    static <T> Page<T> cut(List<T> read, int limit) {
        return read.size() > limit
                ? new Page<>(read.subList(0, limit), true)
                : new Page<>(read, limit == MAX_LIMIT && read.size() == limit);
    }
}
