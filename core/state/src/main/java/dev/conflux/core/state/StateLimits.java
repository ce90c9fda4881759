package dev.conflux.core.state;

/**
 * Bounds of what apply keeps. Part of the state machine's definition: equal on every member, changed only together with
 * a format version. Tests use smaller ones.
 *
 * @param dedupRecords outcomes kept for repeated idempotency keys
 * @param dedupAgeMillis how long they are kept, by log time
 * @param events change events kept for watchers that resume
 * @param requestRecords outcomes kept for proposals that a node repeats by itself
 * @param requestAgeMillis how long they are kept, by log time
 */
record StateLimits(long dedupRecords, long dedupAgeMillis, long events, long requestRecords, long requestAgeMillis) {

    /**
     * 500 000 outcomes of about 0.5 KB: 250 MB at worst, and 24 h at 5.8 keyed writes per second without a pause, many
     * times what people and pipelines do to configuration. 100 000 events of about 0.4 KB: 40 MB; a watcher that is
     * further behind fetches again, which is cheaper than replaying. A node repeats a proposal for some seconds only;
     * 100 000 outcomes last 10 s at 10 000 writes per second.
     */
    static final StateLimits DEFAULT = new StateLimits(500_000, 24L * 60 * 60 * 1000, 100_000, 100_000, 60_000);

    /** How wrong a client's clock may be for the times in its idempotency keys to be useful; NTP stays far below. */
    static final long KEY_SKEW_MILLIS = 5 * 60_000;

    /** At most so many dedup records go per accepted command: bounded work, yet faster than they come. */
    static final int EVICTIONS_PER_COMMAND = 4;

    /** Attributes per config: labels for tools and people, not a second content. */
    static final int MAX_CUSTOM_ATTRS = 256;
}
