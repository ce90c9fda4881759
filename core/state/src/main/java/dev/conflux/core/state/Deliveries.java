package dev.conflux.core.state;

import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.Schedule;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

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

    // --- rollouts --------------------------------------------------------------------------------------------------

    /** @throws Refusal when there is none */
    static Rollout rollout(long configId, long id, StateTransaction transaction) {
        byte[] stored = transaction.get(StateKeys.delivery(StateArea.ROLLOUTS, configId, id));
        if (stored == null) {
            throw new Refusal(
                    new ConfluxError.NotFound(ErrorCode.NOT_FOUND, "rollout " + id + " of config " + configId));
        }
        return DeliveryCodec.rollout(stored);
    }

    /** The one that has not ended; null when there is none. Costs nothing while there is none in the whole cluster. */
    @Nullable
    static Rollout activeRollout(long configId, StateTransaction transaction) {
        if (transaction.meta().activeRollouts == 0) {
            return null;
        }
        byte[] id = transaction.get(StateKeys.activeRollout(configId));
        return id == null ? null : rollout(configId, StateKeys.longAt(id, 0), transaction);
    }

    /** @throws Refusal when somebody else's change of the rules has to wait for a rollout */
    static void refuseDuringRollout(Config config, StateTransaction transaction) {
        Rollout active = activeRollout(config.id(), transaction);
        if (active != null) {
            throw new Refusal(new ConfluxError.DeliveryConflict(
                    ErrorCode.ROLLOUT_IN_PROGRESS,
                    active.place() + " (roll it back, cancel it or let it end: /api/v1/mgt/configs/" + config.id()
                            + "/rollouts/" + active.id() + "; an emergency rollback always works and cancels it)"));
        }
    }

    /** Stores a new one. */
    static void add(Rollout rollout, StateTransaction transaction) {
        put(rollout, transaction);
        transaction.put(StateKeys.activeRollout(rollout.configId()), StateKeys.longBytes(rollout.id()));
        transaction.put(item(rollout).key(), EMPTY);
        transaction.meta().activeRollouts++;
        transaction.touchAgenda();
    }

    /** Stores the next state of an active one; if that is its end, lets the oldest ended ones go. */
    static void change(Rollout changed, StateTransaction transaction) {
        Rollout before = rollout(changed.configId(), changed.id(), transaction);
        if (before.state() == Rollout.State.RUNNING) {
            transaction.delete(item(before).key());
        }
        put(changed, transaction);
        if (changed.state() == Rollout.State.RUNNING) {
            transaction.put(item(changed).key(), EMPTY);
        }
        transaction.touchAgenda();
        if (changed.state().active()) {
            return;
        }
        leave(changed, transaction);
        List<Rollout> all = rollouts(changed.configId(), transaction);
        for (int i = 0; i < all.size() - Rollout.MAX_KEPT; i++) {
            transaction.delete(StateKeys.delivery(
                    StateArea.ROLLOUTS, changed.configId(), all.get(i).id()));
        }
    }

    private static void put(Rollout rollout, StateTransaction transaction) {
        transaction.put(
                StateKeys.delivery(StateArea.ROLLOUTS, rollout.configId(), rollout.id()),
                DeliveryCodec.rollout(rollout).toByteArray());
    }

    private static void leave(Rollout rollout, StateTransaction transaction) {
        transaction.delete(StateKeys.activeRollout(rollout.configId()));
        transaction.meta().activeRollouts--;
        transaction.touchAgenda();
    }

    static Agenda.Item item(Rollout rollout) {
        return new Agenda.Item(rollout.dueAtMillis(), Agenda.Kind.ROLLOUT, rollout.configId(), rollout.id());
    }

    /** Oldest first. */
    private static List<Rollout> rollouts(long configId, StateTransaction transaction) {
        var found = new ArrayList<Rollout>();
        transaction.scan(
                StateKeys.ofConfig(StateArea.ROLLOUTS, configId),
                StateKeys.afterConfig(StateArea.ROLLOUTS, configId),
                (key, value) -> {
                    found.add(DeliveryCodec.rollout(value));
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
        for (Rollout rollout : rollouts(config.id(), transaction)) {
            if (rollout.state() == Rollout.State.RUNNING) {
                transaction.delete(item(rollout).key());
            }
            if (rollout.state().active()) {
                leave(rollout, transaction);
            }
            transaction.delete(StateKeys.delivery(StateArea.ROLLOUTS, config.id(), rollout.id()));
        }
    }

    /** The versions that pending schedules and an active rollout need: retention must keep them. */
    static SortedSet<Long> versions(long configId, StateReads reads) {
        var needed = new TreeSet<Long>();
        reads.scan(
                StateKeys.ofConfig(StateArea.SCHEDULES, configId),
                StateKeys.afterConfig(StateArea.SCHEDULES, configId),
                StateReads.Order.ASCENDING,
                (key, value) -> {
                    Schedule schedule = DeliveryCodec.schedule(value);
                    if (schedule.state() == Schedule.State.PENDING) {
                        needed.add(schedule.versionId());
                        needed.addAll(versions(schedule.plan()));
                    }
                    return true;
                });
        byte[] active = reads.get(StateKeys.activeRollout(configId));
        byte[] stored = active == null
                ? null
                : reads.get(StateKeys.delivery(StateArea.ROLLOUTS, configId, StateKeys.longAt(active, 0)));
        if (stored != null) {
            Rollout rollout = DeliveryCodec.rollout(stored);
            needed.add(rollout.versionId());
            rollout.base().forEach(rule -> needed.add(rule.versionId()));
        }
        return needed;
    }

    private static List<Long> versions(ReleasePlan plan) {
        return switch (plan) {
            case ReleasePlan.MakeDefault() -> List.of();
            case ReleasePlan.Replace(List<PlannedRelease> releases) ->
                releases.stream().map(release -> release.rule().versionId()).toList();
            case ReleasePlan.AddRule(PlannedRelease release) ->
                List.of(release.rule().versionId());
        };
    }
}
