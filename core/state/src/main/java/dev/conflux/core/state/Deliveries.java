package dev.conflux.core.state;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Schedule;
import java.util.ArrayList;
import java.util.List;

/** What appliers that touch schedules and rollouts share: storing them with agenda and counters, and the bounds. */
final class Deliveries {

    private static final byte[] EMPTY = {};

    private Deliveries() {}

    // --- schedules -------------------------------------------------------------------------------------------------

    /** @throws Refusal when there is none */
    static Schedule schedule(long configId, long id, StateTransaction transaction) {
        byte[] stored = transaction.get(StateKeys.delivery(StateArea.SCHEDULES, configId, id));
        if (stored == null) {
            throw new Refusal(
                    new ConfluxError.NotFound(ErrorCode.NOT_FOUND, "schedule " + id + " of config " + configId));
        }
        return DeliveryCodec.schedule(stored);
    }

    /** Stores a new one. */
    static void add(Schedule schedule, StateTransaction transaction) {
        long pending = schedules(schedule.configId(), transaction).stream()
                .filter(other -> other.state() == Schedule.State.PENDING)
                .count();
        if (pending >= Schedule.MAX_PENDING) {
            throw new Refusal(new ConfluxError.QuotaExceeded(
                    "pending schedules of config " + schedule.configId(), Schedule.MAX_PENDING));
        }
        put(schedule, transaction);
        transaction.put(item(schedule).key(), EMPTY);
        transaction.meta().pendingSchedules++;
        transaction.touchAgenda();
    }

    /** Stores the end of a pending one, and lets the oldest ended ones go. */
    static void end(Schedule ended, StateTransaction transaction) {
        put(ended, transaction);
        leaveAgenda(ended, transaction);
        var kept = new ArrayList<Schedule>();
        for (Schedule schedule : schedules(ended.configId(), transaction)) {
            if (schedule.state() != Schedule.State.PENDING) {
                kept.add(schedule);
            }
        }
        for (int i = 0; i < kept.size() - Schedule.MAX_KEPT; i++) {
            transaction.delete(StateKeys.delivery(
                    StateArea.SCHEDULES, ended.configId(), kept.get(i).id()));
        }
    }

    private static void put(Schedule schedule, StateTransaction transaction) {
        transaction.put(
                StateKeys.delivery(StateArea.SCHEDULES, schedule.configId(), schedule.id()),
                DeliveryCodec.schedule(schedule).toByteArray());
    }

    private static void leaveAgenda(Schedule schedule, StateTransaction transaction) {
        transaction.delete(item(schedule).key());
        transaction.meta().pendingSchedules--;
        transaction.touchAgenda();
    }

    static Agenda.Item item(Schedule schedule) {
        return new Agenda.Item(schedule.dueAtMillis(), Agenda.Kind.SCHEDULE, schedule.configId(), schedule.id());
    }

    private static List<Schedule> schedules(long configId, StateTransaction transaction) {
        var found = new ArrayList<Schedule>();
        transaction.scan(
                StateKeys.ofConfig(StateArea.SCHEDULES, configId),
                StateKeys.afterConfig(StateArea.SCHEDULES, configId),
                (key, value) -> {
                    found.add(DeliveryCodec.schedule(value));
                    return true;
                });
        return found;
    }

    // --- both ------------------------------------------------------------------------------------------------------

    /** Removes everything of a config that is being deleted. */
    static void forget(Config config, StateTransaction transaction) {
        for (Schedule schedule : schedules(config.id(), transaction)) {
            if (schedule.state() == Schedule.State.PENDING) {
                leaveAgenda(schedule, transaction);
            }
            transaction.delete(StateKeys.delivery(StateArea.SCHEDULES, config.id(), schedule.id()));
        }
    }
}
