package dev.conflux.core.service;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.RolloutCommand.Direction;
import dev.conflux.core.state.StateReader;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Versions that become the default stage by stage. {@link DeliveryRunner} moves them on. Blocks: virtual threads only. */
public final class RolloutService {

    /**
     * A stage as a caller writes it.
     *
     * @param percentage 0 to 100 with at most two decimals; null = everybody with the labels
     */
    public record StageSpec(
            Map<String, String> labels, @Nullable BigDecimal percentage, long bakeSeconds, List<Gate> gates) {}

    /**
     * A rollout to start.
     *
     * @param content of a version that is made in the same step; null = {@code versionId} names one
     * @param bucketBy null = {@value dev.conflux.core.model.Release#DEFAULT_BUCKET_BY}
     */
    public record NewRollout(
            @Nullable NewContent content,
            @Nullable Long versionId,
            List<StageSpec> stages,
            @Nullable String bucketBy,
            String comment,
            @Nullable Long cas,
            @Nullable Long casReleases) {}

    /** A rollout after a change, with what is probably not meant in the rules that are in force now. */
    public record Changed(Rollout rollout, Config config, List<String> warnings) {}

    private final CommandLog log;
    private final ConfigDirectory configs;
    private final ContentJudge judge;
    private final GateProbe gates;

    public RolloutService(CommandLog log, StateReader reader, Authorizer authorizer, ReadGate gate, GateProbe gates) {
        this.log = log;
        this.configs = new ConfigDirectory(reader, authorizer, gate);
        this.judge = new ContentJudge(reader, log);
        this.gates = gates;
    }

    /** The right to publish is checked now, for all stages. */
    public Written<Changed> start(Caller caller, long configId, NewRollout request) {
        Optional<Config> config = configs.requireForWrite(caller, Action.PUBLISH, configId);
        Long versionId = request.versionId();
        if ((versionId == null) == (request.content() == null)) {
            throw Limits.refusal("version_id", "not exactly one version", "either version_id or content");
        }
        if (versionId != null && versionId < 1) {
            throw Limits.refusal("version_id", versionId.toString(), "a version number from 1");
        }
        NewVersion version = null;
        List<String> told = List.of();
        if (request.content() != null) {
            configs.requireForWrite(caller, Action.WRITE, configId);
            ContentJudge.Judged judged = judge.judge(caller, config.orElse(null), request.content());
            version = judged.version();
            told = judged.warnings();
        }
        Written<Changed> started = changed(log.submit(
                caller,
                new RolloutCommand.StartRollout(
                        configId,
                        version,
                        versionId == null ? 0 : versionId,
                        stages(request.stages()),
                        request.bucketBy() == null
                                ? Release.DEFAULT_BUCKET_BY
                                : Limits.labelKey("bucket_by", request.bucketBy()),
                        Limits.text("comment", request.comment()),
                        request.cas(),
                        request.casReleases())));
        Changed changed = started.value();
        var warnings = new ArrayList<>(changed.warnings());
        warnings.addAll(told);
        return new Written<>(
                started.revision(), started.replayed(), new Changed(changed.rollout(), changed.config(), warnings));
    }

    private List<Rollout.Stage> stages(List<StageSpec> specs) {
        if (specs.isEmpty()) {
            throw Limits.refusal("stages", "none", "1 to " + Rollout.MAX_STAGES);
        }
        Limits.atMost("stages", Rollout.MAX_STAGES, specs);
        var stages = new ArrayList<Rollout.Stage>(specs.size());
        for (int i = 0; i < specs.size(); i++) {
            String field = "stages[" + i + "]";
            StageSpec spec = specs.get(i);
            long longest = Rollout.MAX_BAKE_MILLIS / 1000;
            if (spec.bakeSeconds() < 0 || spec.bakeSeconds() > longest) {
                throw Limits.refusal(field + ".bake_seconds", Long.toString(spec.bakeSeconds()), "0 to " + longest);
            }
            Limits.atMost(field + ".gates", Rollout.MAX_GATES, spec.gates());
            for (int g = 0; g < spec.gates().size(); g++) {
                check(field + ".gates[" + g + "]", spec.gates().get(g));
            }
            stages.add(new Rollout.Stage(
                    Limits.labels(field + ".labels", spec.labels()),
                    spec.percentage() == null ? null : ReleaseSpec.hundredths(field + ".percentage", spec.percentage()),
                    spec.bakeSeconds() * 1000,
                    spec.gates()));
        }
        return stages;
    }

    private void check(String field, Gate gate) {
        switch (gate) {
            case Gate.Manual() -> {}
            case Gate.Prometheus prometheus -> {
                text(field + ".url", prometheus.url());
                text(field + ".query", prometheus.query());
                if (!Double.isFinite(prometheus.threshold())) {
                    throw Limits.refusal(
                            field + ".threshold", Double.toString(prometheus.threshold()), "a finite number");
                }
            }
            case Gate.Webhook(String url) -> text(field + ".url", url);
        }
        gates.refusal(gate).ifPresent(reason -> {
            throw Limits.refusal(field + ".url", reason, "http or https, a host of rollouts.gate_hosts, no user");
        });
    }

    private static void text(String field, String text) {
        if (text.isEmpty() || text.length() > Gate.MAX_TEXT_LENGTH) {
            throw Limits.refusal(field, text.length() + " characters", "1 to " + Gate.MAX_TEXT_LENGTH);
        }
        Limits.wellFormed(field, text);
    }

    /**
     * Does what a person wants.
     *
     * @param expectedStage from 1; refused when it is at another one; null = whichever
     */
    public Written<Changed> steer(
            Caller caller,
            long configId,
            long rolloutId,
            Direction direction,
            @Nullable Integer expectedStage,
            String comment) {
        configs.requireForWrite(caller, Action.PUBLISH, configId);
        if (expectedStage != null && (expectedStage < 1 || expectedStage > Rollout.MAX_STAGES)) {
            throw Limits.refusal("stage", expectedStage.toString(), "1 to " + Rollout.MAX_STAGES);
        }
        return changed(log.submit(
                caller,
                new RolloutCommand.SteerRollout(
                        configId,
                        rolloutId,
                        expectedStage == null ? null : expectedStage - 1,
                        direction,
                        Limits.text("comment", comment))));
    }

    private static Written<Changed> changed(Outcome.Accepted accepted) {
        var result = (Result.RolloutChanged) accepted.result();
        return new Written<>(
                accepted.revision(),
                accepted.replayed(),
                new Changed(
                        result.rollout(),
                        result.config(),
                        RuleLinter.lint(result.config().releases())));
    }

    public Rollout get(Principal principal, long configId, long rolloutId) {
        configs.require(principal, Action.READ, configId);
        return configs.reader()
                .rollout(configId, rolloutId)
                .orElseThrow(() -> new ConfluxException(new ConfluxError.NotFound(
                        ErrorCode.NOT_FOUND, "rollout " + rolloutId + " of config " + configId)));
    }

    /** Newest first; {@code before} is exclusive. */
    public Page<Rollout> list(Principal principal, long configId, long before, int limit) {
        configs.require(principal, Action.READ, configId);
        return Page.cut(configs.reader().rollouts(configId, before, Page.reading(Limits.pageSize(limit))), limit);
    }
}
