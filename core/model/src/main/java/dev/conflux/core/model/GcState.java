package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/**
 * Everything replicated about garbage collection.
 *
 * @param running the cycle under way; null between two
 * @param last the newest one that ended; null = none did
 * @param requestedAtMillis log time at which somebody asked for a cycle that has not begun; 0 = nobody did
 */
public record GcState(
        GcSettings settings,
        @Nullable GcCycle running,
        @Nullable GcCycle last,
        long requestedAtMillis) {

    public static final GcState INITIAL = new GcState(GcSettings.DEFAULT, null, null, 0);
}
