package dev.conflux.core.model;

import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a client says of itself. Keys are lower-case. Self-reported: never a ground for permission. Immutable.
 *
 * <p>Two flat arrays, because a fetch looks up a handful of keys among a handful of labels: fewer steps than any map.
 */
public final class Labels {

    public static final Labels NONE = new Labels(new TreeMap<>());

    /** In ascending order; {@code values[i]} belongs to {@code keys[i]}. */
    private final String[] keys;

    private final String[] values;

    private Labels(SortedMap<String, String> labels) {
        keys = labels.keySet().toArray(String[]::new);
        values = labels.values().toArray(String[]::new);
    }

    public static Labels of(Map<String, String> labels) {
        return labels.isEmpty() ? NONE : new Labels(new TreeMap<>(labels));
    }

    /** The value of a label; null when the client did not give it. No allocation. */
    public @Nullable String get(String key) {
        for (int i = 0; i < keys.length; i++) {
            if (keys[i].equals(key)) {
                return values[i];
            }
        }
        return null;
    }

    public boolean isEmpty() {
        return keys.length == 0;
    }

    /** A copy, by key; unmodifiable. */
    public SortedMap<String, String> toMap() {
        var map = new TreeMap<String, String>();
        for (int i = 0; i < keys.length; i++) {
            map.put(keys[i], values[i]);
        }
        return Collections.unmodifiableSortedMap(map);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Labels labels
                && Arrays.equals(keys, labels.keys)
                && Arrays.equals(values, labels.values);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(keys) + Arrays.hashCode(values);
    }

    @Override
    public String toString() {
        return toMap().toString();
    }
}
