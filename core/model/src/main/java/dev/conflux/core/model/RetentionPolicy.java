package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/**
 * Which old versions may go: one that is beyond both limits that are set and referenced by nothing.
 *
 * @param days keep at least this long; null = no limit by age
 * @param count keep at least so many; null = no limit by number
 */
public record RetentionPolicy(
        @Nullable Integer days, @Nullable Integer count) {

    /** Nothing is ever deleted. */
    public static final RetentionPolicy KEEP_ALL = new RetentionPolicy(null, null);
}
