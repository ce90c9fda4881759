package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.RolloutCommand.Direction;
import dev.conflux.core.model.RolloutCommand.Verdict;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.state.proto.DeliveryProto;
import dev.conflux.core.state.proto.LogProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Schedules and rollouts, and their commands, to messages and back. */
final class DeliveryCodec {

    private static final int MAKE_DEFAULT = 1;
    private static final int REPLACE = 2;
    private static final int ADD_RULE = 3;

    private static final int PASS = 1;
    private static final int FAIL = 2;
    private static final int UNKNOWN = 3;

    private static final int ADVANCE = 1;
    private static final int PAUSE = 2;
    private static final int RESUME = 3;
    private static final int CANCEL = 4;
    private static final int ROLL_BACK = 5;

    private static final int PIN_RELEASES = 1;
    private static final int PIN_VERSION = 2;

    private DeliveryCodec() {}

    // --- commands --------------------------------------------------------------------------------------------------

    static DeliveryProto.DeliveryCommand command(Command.Delivery delivery) {
        var log = DeliveryProto.DeliveryCommand.newBuilder();
        switch (delivery) {
            case ScheduleCommand.CreateSchedule command -> {
                var value = DeliveryProto.CreateSchedule.newBuilder()
                        .setConfigId(command.configId())
                        .setVersionId(command.versionId())
                        .setPlan(plan(command.plan()))
                        .setPin(
                                switch (command.pin()) {
                                    case RELEASES -> PIN_RELEASES;
                                    case VERSION -> PIN_VERSION;
                                })
                        .setDueAtMillis(command.dueAtMillis())
                        .setComment(command.comment());
                if (command.versionHash() != null) {
                    value.setVersionHash(command.versionHash());
                }
                if (command.casReleases() != null) {
                    value.setCasReleases(command.casReleases());
                }
                log.setCreateSchedule(value);
            }
            case ScheduleCommand.CancelSchedule command ->
                log.setCancelSchedule(DeliveryProto.CancelSchedule.newBuilder()
                        .setConfigId(command.configId())
                        .setScheduleId(command.scheduleId())
                        .setComment(command.comment()));
            case ScheduleCommand.RunSchedule command ->
                log.setRunSchedule(DeliveryProto.RunSchedule.newBuilder()
                        .setConfigId(command.configId())
                        .setScheduleId(command.scheduleId()));
            case RolloutCommand.StartRollout command ->
                throw new IllegalArgumentException("command: " + command + " (expected: encoded by start)");
            case RolloutCommand.StepRollout command ->
                log.setStepRollout(DeliveryProto.StepRollout.newBuilder()
                        .setConfigId(command.configId())
                        .setRolloutId(command.rolloutId())
                        .setExpectedRevision(command.expectedRevision())
                        .setVerdict(
                                switch (command.verdict()) {
                                    case PASS -> PASS;
                                    case FAIL -> FAIL;
                                    case UNKNOWN -> UNKNOWN;
                                })
                        .setReason(command.reason()));
            case RolloutCommand.SteerRollout command -> {
                var value = DeliveryProto.SteerRollout.newBuilder()
                        .setConfigId(command.configId())
                        .setRolloutId(command.rolloutId())
                        .setDirection(
                                switch (command.direction()) {
                                    case ADVANCE -> ADVANCE;
                                    case PAUSE -> PAUSE;
                                    case RESUME -> RESUME;
                                    case CANCEL -> CANCEL;
                                    case ROLL_BACK -> ROLL_BACK;
                                })
                        .setComment(command.comment());
                if (command.expectedStage() != null) {
                    value.setExpectedStage(command.expectedStage());
                }
                log.setSteerRollout(value);
            }
        }
        return log.build();
    }

    /** Has a field of its own in the envelope, because it may carry content. */
    static LogProto.StartRollout start(RolloutCommand.StartRollout command) {
        var value = LogProto.StartRollout.newBuilder()
                .setConfigId(command.configId())
                .setVersionId(command.versionId())
                .setBucketBy(command.bucketBy())
                .setComment(command.comment());
        command.stages().forEach(stage -> value.addStages(stage(stage)));
        if (command.version() != null) {
            value.setVersion(CommandCodec.newVersion(command.version()));
        }
        if (command.casContent() != null) {
            value.setCasContent(command.casContent());
        }
        if (command.casReleases() != null) {
            value.setCasReleases(command.casReleases());
        }
        return value.build();
    }

    static Command start(LogProto.StartRollout value) {
        return new RolloutCommand.StartRollout(
                value.getConfigId(),
                value.hasVersion() ? CommandCodec.newVersion(value.getVersion()) : null,
                value.getVersionId(),
                stages(value.getStagesList()),
                value.getBucketBy(),
                value.getComment(),
                value.hasCasContent() ? value.getCasContent() : null,
                value.hasCasReleases() ? value.getCasReleases() : null);
    }

    static Command command(DeliveryProto.DeliveryCommand log) {
        return switch (log.getCommandCase()) {
            case CREATE_SCHEDULE -> {
                DeliveryProto.CreateSchedule value = log.getCreateSchedule();
                yield new ScheduleCommand.CreateSchedule(
                        value.getConfigId(),
                        value.getVersionId(),
                        value.hasVersionHash() ? value.getVersionHash() : null,
                        plan(value.getPlan()),
                        switch (value.getPin()) {
                            case PIN_RELEASES -> ScheduleCommand.Pin.RELEASES;
                            case PIN_VERSION -> ScheduleCommand.Pin.VERSION;
                            default -> throw new UnknownCommandException("schedule: pin " + value.getPin());
                        },
                        value.getDueAtMillis(),
                        value.getComment(),
                        value.hasCasReleases() ? value.getCasReleases() : null);
            }
            case CANCEL_SCHEDULE -> {
                DeliveryProto.CancelSchedule value = log.getCancelSchedule();
                yield new ScheduleCommand.CancelSchedule(
                        value.getConfigId(), value.getScheduleId(), value.getComment());
            }
            case RUN_SCHEDULE ->
                new ScheduleCommand.RunSchedule(
                        log.getRunSchedule().getConfigId(), log.getRunSchedule().getScheduleId());
            case STEP_ROLLOUT -> {
                DeliveryProto.StepRollout value = log.getStepRollout();
                yield new RolloutCommand.StepRollout(
                        value.getConfigId(),
                        value.getRolloutId(),
                        value.getExpectedRevision(),
                        switch (value.getVerdict()) {
                            case PASS -> Verdict.PASS;
                            case FAIL -> Verdict.FAIL;
                            case UNKNOWN -> Verdict.UNKNOWN;
                            default -> throw new UnknownCommandException("rollout: verdict " + value.getVerdict());
                        },
                        value.getReason());
            }
            case STEER_ROLLOUT -> {
                DeliveryProto.SteerRollout value = log.getSteerRollout();
                yield new RolloutCommand.SteerRollout(
                        value.getConfigId(),
                        value.getRolloutId(),
                        value.hasExpectedStage() ? value.getExpectedStage() : null,
                        switch (value.getDirection()) {
                            case ADVANCE -> Direction.ADVANCE;
                            case PAUSE -> Direction.PAUSE;
                            case RESUME -> Direction.RESUME;
                            case CANCEL -> Direction.CANCEL;
                            case ROLL_BACK -> Direction.ROLL_BACK;
                            default -> throw new UnknownCommandException("rollout: direction " + value.getDirection());
                        },
                        value.getComment());
            }
            case COMMAND_NOT_SET ->
                throw new UnknownCommandException("delivery: of a kind that this version does not know; fields "
                        + log.getUnknownFields().asMap().keySet() + " (upgrade this node)");
        };
    }

    private static DeliveryProto.PlanValue plan(ReleasePlan plan) {
        var value = DeliveryProto.PlanValue.newBuilder();
        switch (plan) {
            case ReleasePlan.MakeDefault() -> value.setKind(MAKE_DEFAULT);
            case ReleasePlan.Replace(List<PlannedRelease> releases) -> {
                value.setKind(REPLACE);
                releases.forEach(release -> value.addRules(StateCodec.rule(release.rule())));
            }
            case ReleasePlan.AddRule(PlannedRelease release) ->
                value.setKind(ADD_RULE).addRules(StateCodec.rule(release.rule()));
        }
        return value.build();
    }

    private static ReleasePlan plan(DeliveryProto.PlanValue value) {
        return switch (value.getKind()) {
            case MAKE_DEFAULT -> new ReleasePlan.MakeDefault();
            case REPLACE ->
                new ReleasePlan.Replace(StateCodec.rules(value.getRulesList()).stream()
                        .map(PlannedRelease::existing)
                        .toList());
            case ADD_RULE -> new ReleasePlan.AddRule(PlannedRelease.existing(StateCodec.rule(value.getRules(0))));
            default -> throw new UnknownCommandException("plan: of kind " + value.getKind());
        };
    }

    // --- schedules -------------------------------------------------------------------------------------------------

    static DeliveryProto.ScheduleValue schedule(Schedule schedule) {
        var value = DeliveryProto.ScheduleValue.newBuilder()
                .setId(schedule.id())
                .setConfigId(schedule.configId())
                .setVersionId(schedule.versionId())
                .setVersionHash(schedule.versionHash())
                .setPlan(plan(schedule.plan()))
                .setDueAtMillis(schedule.dueAtMillis())
                .setComment(schedule.comment())
                .setCreatedBy(schedule.createdBy())
                .setCreatedAtMillis(schedule.createdAtMillis())
                .setState(schedule.state().number())
                .setReason(schedule.reason())
                .setEndedBy(schedule.endedBy())
                .setEndedRevision(schedule.endedRevision())
                .setEndedAtMillis(schedule.endedAtMillis());
        if (schedule.pinnedReleases() != null) {
            value.setPinnedReleases(schedule.pinnedReleases());
        }
        return value.build();
    }

    static Schedule schedule(byte[] bytes) {
        return schedule(StateCodec.parse(DeliveryProto.ScheduleValue.parser(), bytes));
    }

    static Schedule schedule(DeliveryProto.ScheduleValue value) {
        return new Schedule(
                value.getId(),
                value.getConfigId(),
                value.getVersionId(),
                value.getVersionHash(),
                plan(value.getPlan()),
                value.hasPinnedReleases() ? value.getPinnedReleases() : null,
                value.getDueAtMillis(),
                value.getComment(),
                value.getCreatedBy(),
                value.getCreatedAtMillis(),
                scheduleState(value.getState()),
                value.getReason(),
                value.getEndedBy(),
                value.getEndedRevision(),
                value.getEndedAtMillis());
    }

    private static Schedule.State scheduleState(int number) {
        for (Schedule.State state : Schedule.State.values()) {
            if (state.number() == number) {
                return state;
            }
        }
        throw new StateStoreException("schedule: state " + number + " (not known to this version)");
    }

    // --- rollouts --------------------------------------------------------------------------------------------------

    static DeliveryProto.RolloutValue rollout(Rollout rollout) {
        var value = DeliveryProto.RolloutValue.newBuilder()
                .setId(rollout.id())
                .setConfigId(rollout.configId())
                .setVersionId(rollout.versionId())
                .setBucketBy(rollout.bucketBy())
                .setSalt(rollout.salt())
                .setState(rollout.state().number())
                .setStage(rollout.stage())
                .setEnteredAtMillis(rollout.enteredAtMillis())
                .setComment(rollout.comment())
                .setCreatedBy(rollout.createdBy())
                .setChangedRevision(rollout.changedRevision());
        rollout.stages().forEach(stage -> value.addStages(stage(stage)));
        rollout.base().forEach(rule -> value.addBase(StateCodec.rule(rule)));
        for (Rollout.Step step : rollout.history()) {
            value.addHistory(DeliveryProto.StepValue.newBuilder()
                    .setAtMillis(step.atMillis())
                    .setRevision(step.revision())
                    .setBy(step.by())
                    .setAction(step.action())
                    .setStage(step.stage())
                    .setReason(step.reason()));
        }
        return value.build();
    }

    static Rollout rollout(byte[] bytes) {
        return rollout(StateCodec.parse(DeliveryProto.RolloutValue.parser(), bytes));
    }

    static Rollout rollout(DeliveryProto.RolloutValue value) {
        var history = new ArrayList<Rollout.Step>(value.getHistoryCount());
        for (DeliveryProto.StepValue step : value.getHistoryList()) {
            history.add(new Rollout.Step(
                    step.getAtMillis(),
                    step.getRevision(),
                    step.getBy(),
                    step.getAction(),
                    step.getStage(),
                    step.getReason()));
        }
        return new Rollout(
                value.getId(),
                value.getConfigId(),
                value.getVersionId(),
                stages(value.getStagesList()),
                value.getBucketBy(),
                value.getSalt(),
                StateCodec.rules(value.getBaseList()),
                rolloutState(value.getState()),
                value.getStage(),
                value.getEnteredAtMillis(),
                value.getComment(),
                value.getCreatedBy(),
                value.getChangedRevision(),
                history);
    }

    private static Rollout.State rolloutState(int number) {
        for (Rollout.State state : Rollout.State.values()) {
            if (state.number() == number) {
                return state;
            }
        }
        throw new StateStoreException("rollout: state " + number + " (not known to this version)");
    }

    private static DeliveryProto.StageValue stage(Rollout.Stage stage) {
        var value = DeliveryProto.StageValue.newBuilder().setBakeMillis(stage.bakeMillis());
        for (Map.Entry<String, String> label : stage.labels().entrySet()) {
            value.addLabels(StateCodec.pair(label));
        }
        if (stage.percentage() != null) {
            value.setPercentage(stage.percentage());
        }
        stage.gates().forEach(gate -> value.addGates(gate(gate)));
        return value.build();
    }

    private static List<Rollout.Stage> stages(List<DeliveryProto.StageValue> values) {
        var stages = new ArrayList<Rollout.Stage>(values.size());
        for (DeliveryProto.StageValue value : values) {
            stages.add(new Rollout.Stage(
                    StateCodec.pairs(value.getLabelsList()),
                    value.hasPercentage() ? value.getPercentage() : null,
                    value.getBakeMillis(),
                    value.getGatesList().stream().map(DeliveryCodec::gate).toList()));
        }
        return stages;
    }

    private static DeliveryProto.GateValue gate(Gate gate) {
        var value = DeliveryProto.GateValue.newBuilder();
        switch (gate) {
            case Gate.Manual() -> value.setManual(DeliveryProto.GateValue.Manual.getDefaultInstance());
            case Gate.Prometheus prometheus ->
                value.setPrometheus(DeliveryProto.GateValue.Prometheus.newBuilder()
                        .setUrl(prometheus.url())
                        .setQuery(prometheus.query())
                        .setComparison(prometheus.comparison().number())
                        .setThreshold(prometheus.threshold()));
            case Gate.Webhook(String url) ->
                value.setWebhook(DeliveryProto.GateValue.Webhook.newBuilder().setUrl(url));
        }
        return value.build();
    }

    private static Gate gate(DeliveryProto.GateValue value) {
        return switch (value.getGateCase()) {
            case MANUAL -> new Gate.Manual();
            case PROMETHEUS ->
                new Gate.Prometheus(
                        value.getPrometheus().getUrl(),
                        value.getPrometheus().getQuery(),
                        comparison(value.getPrometheus().getComparison()),
                        value.getPrometheus().getThreshold());
            case WEBHOOK -> new Gate.Webhook(value.getWebhook().getUrl());
            case GATE_NOT_SET -> throw new UnknownCommandException("gate: of a kind that this version does not know");
        };
    }

    private static Gate.Comparison comparison(int number) {
        for (Gate.Comparison comparison : Gate.Comparison.values()) {
            if (comparison.number() == number) {
                return comparison;
            }
        }
        throw new UnknownCommandException("gate: comparison " + number);
    }
}
