package dev.conflux.core.service;

import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.model.ScheduleCommand.Pin;
import dev.conflux.core.state.StateReader;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Changes of rules that happen later. {@link DeliveryRunner} does them. Blocks: virtual threads only. */
public final class ScheduleService {

    private static final String SHA256 = "sha256:";

    /**
     * A schedule to make.
     *
     * @param versionHash {@code sha256:<hex>} of the version that was reviewed; null = whatever it is
     * @param plan a rule without a version id serves the scheduled version
     */
    public record NewSchedule(
            long versionId,
            @Nullable String versionHash,
            PublishService.Plan plan,
            Pin pin,
            long dueAtMillis,
            String comment,
            @Nullable Long casReleases) {}

    private final CommandLog log;
    private final ConfigDirectory configs;

    public ScheduleService(CommandLog log, StateReader reader, Authorizer authorizer, ReadGate gate) {
        this.log = log;
        this.configs = new ConfigDirectory(reader, authorizer, gate);
    }

    /** The right to publish is checked now, not when it is due. */
    public Written<Schedule> create(Caller caller, long configId, NewSchedule request) {
        Config config =
                configs.requireForWrite(caller, Action.PUBLISH, configId).orElse(null);
        if (request.versionId() < 1) {
            throw Limits.refusal("version_id", Long.toString(request.versionId()), "a version number from 1");
        }
        ReleasePlan plan = PublishService.planOf(request.plan(), config == null ? List.of() : config.releases());
        return changed(log.submit(
                caller,
                new ScheduleCommand.CreateSchedule(
                        configId,
                        request.versionId(),
                        hex(request.versionHash()),
                        serving(plan, request.versionId()),
                        request.pin(),
                        request.dueAtMillis(),
                        Limits.text("comment", request.comment()),
                        request.casReleases())));
    }

    private static @Nullable String hex(@Nullable String hash) {
        if (hash == null) {
            return null;
        }
        if (!hash.startsWith(SHA256) || hash.length() != SHA256.length() + 64) {
            throw Limits.refusal("version_hash", hash.length() + " characters", "sha256: and 64 hex digits");
        }
        return hash.substring(SHA256.length());
    }

    /** What a publish would say of its new version is said of an existing one. */
    private static ReleasePlan serving(ReleasePlan plan, long versionId) {
        return switch (plan) {
            case ReleasePlan.MakeDefault() -> plan;
            case ReleasePlan.Replace(List<PlannedRelease> releases) ->
                new ReleasePlan.Replace(releases.stream()
                        .map(release -> serving(release, versionId))
                        .toList());
            case ReleasePlan.AddRule(PlannedRelease rule) -> new ReleasePlan.AddRule(serving(rule, versionId));
        };
    }

    private static PlannedRelease serving(PlannedRelease release, long versionId) {
        return release.newVersion() ? PlannedRelease.existing(release.rule().withVersion(versionId)) : release;
    }

    /** Ends a pending one without effect. */
    public Written<Schedule> cancel(Caller caller, long configId, long scheduleId, String comment) {
        configs.requireForWrite(caller, Action.PUBLISH, configId);
        return changed(log.submit(
                caller, new ScheduleCommand.CancelSchedule(configId, scheduleId, Limits.text("comment", comment))));
    }

    private static Written<Schedule> changed(Outcome.Accepted accepted) {
        return new Written<>(
                accepted.revision(), accepted.replayed(), ((Result.ScheduleChanged) accepted.result()).schedule());
    }

    public Schedule get(Principal principal, long configId, long scheduleId) {
        configs.require(principal, Action.READ, configId);
        return configs.reader()
                .schedule(configId, scheduleId)
                .orElseThrow(() -> new ConfluxException(new ConfluxError.NotFound(
                        ErrorCode.NOT_FOUND, "schedule " + scheduleId + " of config " + configId)));
    }

    /** Newest first; {@code before} is exclusive. */
    public Page<Schedule> list(Principal principal, long configId, long before, int limit) {
        configs.require(principal, Action.READ, configId);
        return Page.cut(configs.reader().schedules(configId, before, Page.reading(Limits.pageSize(limit))), limit);
    }
}
