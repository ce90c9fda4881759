package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/**
 * A change of a config's rules that happens by itself, once, at a later time; afterwards the record of what became of it.
 *
 * @param id the revision that made it; unique per config
 * @param versionId what it is about; exists since before the schedule
 * @param versionHash SHA-256 of that version, lower-case hex
 * @param plan what becomes of the rules; names existing versions only
 * @param pinnedReleases the releases revision that was reviewed: if it differs when the schedule is due, nothing happens;
 *     null = any
 * @param dueAtMillis Unix milliseconds by log time
 * @param createdBy the principal's name
 * @param reason why it failed, or what was said when it was cancelled; empty else
 * @param endedBy who ended it; empty while it is pending
 * @param endedRevision the revision that ended it; 0 while it is pending
 */
public record Schedule(
        long id,
        long configId,
        long versionId,
        String versionHash,
        Command.ReleasePlan plan,
        @Nullable Long pinnedReleases,
        long dueAtMillis,
        String comment,
        String createdBy,
        long createdAtMillis,
        State state,
        String reason,
        String endedBy,
        long endedRevision,
        long endedAtMillis) {

    /** Pending schedules of one config: a campaign with a step an hour for a day, and some. */
    public static final int MAX_PENDING = 32;

    /** Ended schedules kept per config, newest first. */
    public static final int MAX_KEPT = 100;

    /** How far ahead: a schedule that nobody remembers is worse than one that has to be made again. */
    public static final long MAX_AHEAD_MILLIS = 366L * 24 * 60 * 60 * 1000;

    /** See {@code state}. */
    public enum State {
        PENDING(1, "pending"),
        DONE(2, "done"),
        CANCELLED(3, "cancelled"),
        FAILED(4, "failed");

        private final int number;
        private final String wireName;

        State(int number, String wireName) {
            this.number = number;
            this.wireName = wireName;
        }

        /** In answers and messages. */
        public String wireName() {
            return wireName;
        }

        /** What the state stores. */
        public int number() {
            return number;
        }
    }

    /** Makes the version everybody's default and nothing else. */
    public boolean isPromotion() {
        return plan instanceof Command.ReleasePlan.MakeDefault;
    }

    /** Who changes the rules when it runs: what histories show. */
    public String author() {
        return "schedule " + id + " of " + createdBy;
    }

    /** As it is after its end. */
    public Schedule ended(State newState, String why, String by, long revision, long atMillis) {
        return new Schedule(
                id,
                configId,
                versionId,
                versionHash,
                plan,
                pinnedReleases,
                dueAtMillis,
                comment,
                createdBy,
                createdAtMillis,
                newState,
                why,
                by,
                revision,
                atMillis);
    }
}
