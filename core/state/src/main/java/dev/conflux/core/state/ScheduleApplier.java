package dev.conflux.core.state;

import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import java.util.List;
import org.jspecify.annotations.Nullable;

final class ScheduleApplier implements Applier<ScheduleCommand> {

    private static final long MILLIS_PER_MINUTE = 60_000;

    /** Minutes of a timed promotion. */
    static final int MAX_MINUTES = (int) (Schedule.MAX_AHEAD_MILLIS / MILLIS_PER_MINUTE);

    @Override
    public Result apply(ScheduleCommand command, StateTransaction transaction) {
        return new Result.ScheduleChanged(
                switch (command) {
                    case ScheduleCommand.CreateSchedule create -> create(create, transaction);
                    case ScheduleCommand.CancelSchedule cancel -> cancel(cancel, transaction);
                    case ScheduleCommand.RunSchedule run -> run(run, transaction);
                });
    }

    private static Schedule create(ScheduleCommand.CreateSchedule command, StateTransaction transaction) {
        Config config = transaction.config(command.configId());
        ReleaseRules.checkCas(
                ConfluxError.Counter.RELEASES,
                command.casReleases(),
                config.releasesRevision(),
                ReleaseRules.Requirement.OPTIONAL);
        ConfigVersion version = transaction.version(config.id(), command.versionId());
        if (version == null) {
            throw new Refusal(new ConfluxError.NotFound(
                    ErrorCode.VERSION_NOT_FOUND, "version " + command.versionId() + " of config " + config.id()));
        }
        if (command.versionHash() != null && !command.versionHash().equals(version.hash())) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "version_hash", command.versionHash(), version.hash() + ", that of version " + version.id()));
        }
        rules(command.plan(), config, version.id(), transaction); // would it work now?
        long now = transaction.nowMillis();
        if (command.dueAtMillis() <= now || command.dueAtMillis() > now + Schedule.MAX_AHEAD_MILLIS) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "due_at",
                    command.dueAtMillis() - now + " ms from now, by the cluster's time",
                    "later than now, by at most 366 days"));
        }
        Long pinned = command.pin() == ScheduleCommand.Pin.RELEASES ? config.releasesRevision() : null;
        return add(config, version, command.plan(), pinned, command.dueAtMillis(), command.comment(), transaction);
    }

    /** The timed promotion of a publish: pinned to the rules that the same publish made. */
    static Schedule promoteLater(
            Config config, ConfigVersion version, int minutes, String comment, StateTransaction transaction) {
        if (minutes < 1 || minutes > MAX_MINUTES) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "make_default_after_minutes", Integer.toString(minutes), "1 to " + MAX_MINUTES));
        }
        return add(
                config,
                version,
                new ReleasePlan.MakeDefault(),
                config.releasesRevision(),
                transaction.nowMillis() + minutes * MILLIS_PER_MINUTE,
                comment,
                transaction);
    }

    private static Schedule add(
            Config config,
            ConfigVersion version,
            ReleasePlan plan,
            @Nullable Long pinned,
            long dueAtMillis,
            String comment,
            StateTransaction transaction) {
        var schedule = new Schedule(
                transaction.revision(),
                config.id(),
                version.id(),
                version.hash(),
                plan,
                pinned,
                dueAtMillis,
                comment,
                transaction.author(),
                transaction.nowMillis(),
                Schedule.State.PENDING,
                "",
                "",
                0,
                0);
        Deliveries.add(schedule, transaction);
        return schedule;
    }

    private static Schedule cancel(ScheduleCommand.CancelSchedule command, StateTransaction transaction) {
        return end(
                pending(command.configId(), command.scheduleId(), transaction),
                Schedule.State.CANCELLED,
                command.comment(),
                transaction);
    }

    private static Schedule run(ScheduleCommand.RunSchedule command, StateTransaction transaction) {
        Schedule schedule = pending(command.configId(), command.scheduleId(), transaction);
        if (schedule.dueAtMillis() > transaction.nowMillis()) {
            throw new Refusal(new ConfluxError.DeliveryConflict(
                    ErrorCode.SCHEDULE_NOT_DUE,
                    "schedule " + schedule.id() + " of config " + schedule.configId() + " is due in "
                            + (schedule.dueAtMillis() - transaction.nowMillis()) + " ms, by the cluster's time"));
        }
        Config config = transaction.config(schedule.configId());
        Config changed;
        try {
            Deliveries.refuseDuringRollout(config, transaction);
            checkPins(schedule, config, transaction);
            List<Release> rules = rules(schedule.plan(), config, schedule.versionId(), transaction);
            changed = ReleaseRules.change(config, rules, schedule.comment(), "schedule", transaction);
        } catch (Refusal e) {
            // None of these has written anything yet.
            return end(schedule, Schedule.State.FAILED, e.error().message(), transaction);
        }
        transaction.putConfig(changed);
        return end(schedule, Schedule.State.DONE, "", transaction);
    }

    private static void checkPins(Schedule schedule, Config config, StateTransaction transaction) {
        ConfigVersion version = transaction.version(config.id(), schedule.versionId());
        if (version == null || !version.hash().equals(schedule.versionHash())) {
            throw new Refusal(new ConfluxError.NotFound(
                    ErrorCode.VERSION_NOT_FOUND,
                    "version " + schedule.versionId() + " of config " + config.id() + ", as it was scheduled"));
        }
        Long pinned = schedule.pinnedReleases();
        if (pinned != null && pinned != config.releasesRevision()) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "releases_revision",
                    Long.toString(config.releasesRevision()),
                    pinned + ", the one that was reviewed: somebody has changed the rules since; schedule it anew"));
        }
    }

    private static List<Release> rules(ReleasePlan plan, Config config, long versionId, StateTransaction transaction) {
        return switch (plan) {
            case ReleasePlan.MakeDefault() -> ReleaseRules.withDefault(config.releases(), versionId);
            case ReleasePlan.Replace(List<PlannedRelease> planned) ->
                ReleaseRules.resolve(planned, config.id(), 0, transaction);
            case ReleasePlan.AddRule(PlannedRelease planned) ->
                ReleaseRules.withRule(
                        config.releases(),
                        ReleaseRules.resolve(List.of(planned), config.id(), 0, transaction)
                                .getFirst());
        };
    }

    /** @throws Refusal unless there is such a schedule and it is pending */
    private static Schedule pending(long configId, long id, StateTransaction transaction) {
        Schedule schedule = Deliveries.schedule(configId, id, transaction);
        if (schedule.state() != Schedule.State.PENDING) {
            throw new Refusal(new ConfluxError.DeliveryConflict(
                    ErrorCode.SCHEDULE_NOT_PENDING,
                    "schedule " + id + " of config " + configId + " is "
                            + schedule.state().wireName() + " since revision " + schedule.endedRevision()
                            + " (make a new one)"));
        }
        return schedule;
    }

    private static Schedule end(Schedule schedule, Schedule.State state, String reason, StateTransaction transaction) {
        Schedule ended =
                schedule.ended(state, reason, transaction.author(), transaction.revision(), transaction.nowMillis());
        Deliveries.end(ended, transaction);
        return ended;
    }
}
