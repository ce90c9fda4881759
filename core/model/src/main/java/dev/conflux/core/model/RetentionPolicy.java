package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/**
 * Which old versions stay. Each limit that is set is a rule that keeps versions: the newest {@code count} of the config's
 * versions, and those younger than {@code days}. What no policy can touch is in {@link VersionFate}.
 *
 * <p>A set of rules of these two types always comes down to one number each: the larger of two joined by OR, the smaller
 * of two joined by AND.
 *
 * @param days keep at least this long, by log time; null = no rule by age
 * @param count keep at least so many; null = no rule by number
 * @param strategy how the two are joined; {@link Strategy#OR} when it makes no difference
 */
public record RetentionPolicy(
        @Nullable Integer days, @Nullable Integer count, Strategy strategy) {

    /** Nothing of its own: the cluster's default holds. */
    public static final RetentionPolicy INHERIT = new RetentionPolicy(null, null);

    /** Nothing is ever deleted, whatever the cluster's default says. */
    public static final RetentionPolicy KEEP_ALL = new RetentionPolicy(null, null, Strategy.KEEP_ALL);

    /** Bounds what apply reads to find the newest ones. */
    public static final int MAX_COUNT = 10_000;

    /** A hundred years: a time in milliseconds plus this never overflows. */
    public static final int MAX_DAYS = 36_500;

    /** What keeps a version. */
    public enum Strategy {
        /** Any rule: a version goes when it is beyond all limits. */
        OR,
        /** All rules together: a version goes when it is beyond any limit. */
        AND,
        /** Everything stays. */
        KEEP_ALL
    }

    public RetentionPolicy {
        if (strategy == Strategy.AND && (days == null || count == null)) {
            strategy = Strategy.OR;
        }
    }

    /** As OR: a version is deletable only when it is beyond both limits that are set. */
    public RetentionPolicy(@Nullable Integer days, @Nullable Integer count) {
        this(days, count, Strategy.OR);
    }

    /** True when it says nothing, so that the cluster's default holds. */
    public boolean inherits() {
        return days == null && count == null && strategy != Strategy.KEEP_ALL;
    }
}
