package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.state.proto.DeliveryProto;
import java.util.List;

/** Schedules and rollouts, and their commands, to messages and back. */
final class DeliveryCodec {

    private static final int MAKE_DEFAULT = 1;
    private static final int REPLACE = 2;
    private static final int ADD_RULE = 3;

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
        }
        return log.build();
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
}
