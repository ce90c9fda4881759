package dev.conflux.core.model;

/**
 * What the whole cluster keeps; replicated, so that every node prunes the same.
 *
 * @param retention for configs without a policy of their own
 * @param releaseHistory release changes kept per config; at least {@value #MIN_RELEASE_HISTORY}, so that a rollback
 *     always finds its target
 * @param metadataHistory metadata changes kept per config; at least 1, the present one
 * @param trashDays deleted configs can be restored for so long, by log time
 */
public record GcSettings(RetentionPolicy retention, int releaseHistory, int metadataHistory, int trashDays) {

    public static final int MIN_RELEASE_HISTORY = 10;

    public static final int MAX_HISTORY = 1_000_000;

    /** A month: longer than a holiday, short enough for a quota. */
    public static final int DEFAULT_TRASH_DAYS = 30;

    /** Versions stay for ever until somebody says otherwise; a thousand changes of a config tell its story. */
    public static final GcSettings DEFAULT = new GcSettings(RetentionPolicy.KEEP_ALL, 1_000, 1_000);

    /** With the default time in the trash. */
    public GcSettings(RetentionPolicy retention, int releaseHistory, int metadataHistory) {
        this(retention, releaseHistory, metadataHistory, DEFAULT_TRASH_DAYS);
    }
}
