package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/** What can be decided about a {@link Schedule}. */
public sealed interface ScheduleCommand extends Command.Delivery {

    /**
     * Makes one.
     *
     * @param versionHash refused when the version's differs; null = whatever it is
     * @param plan names existing versions only
     * @param pin what must still hold when it is due
     * @param dueAtMillis Unix milliseconds; after log time
     */
    record CreateSchedule(
            long configId,
            long versionId,
            @Nullable String versionHash,
            Command.ReleasePlan plan,
            Pin pin,
            long dueAtMillis,
            String comment,
            @Nullable Long casReleases)
            implements ScheduleCommand {}

    /** Ends a pending one without effect. */
    record CancelSchedule(long configId, long scheduleId, String comment) implements ScheduleCommand {}

    /** Does what a due one says. Proposed by nodes, not by callers. */
    record RunSchedule(long configId, long scheduleId) implements ScheduleCommand {}

    /** What a schedule expects of the config when it is due. */
    enum Pin {
        /** The version and the rules, as they were reviewed. */
        RELEASES,
        /** Only the version: the plan is laid over whatever rules there are. */
        VERSION
    }
}
