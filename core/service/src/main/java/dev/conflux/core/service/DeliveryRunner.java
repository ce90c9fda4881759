package dev.conflux.core.service;

import dev.conflux.base.observe.Metrics;
import dev.conflux.base.observe.TraceIds;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.Role;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.state.Agenda;
import dev.conflux.core.state.AppliedListener;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.ConfigView;
import dev.conflux.core.state.StateReader;
import java.time.Clock;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does what the agenda says, when it is due, while this node leads: one on every node, with one virtual thread. Sleeps
 * until the first item is due or the agenda changes; nothing is polled while nothing is due. Proposing something twice, or
 * by a leader that is none any more, is harmless: apply decides (core/state/DESIGN.md).
 */
public final class DeliveryRunner implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(DeliveryRunner.class);

    /** The wall clock may be set meanwhile. */
    private static final Duration LONGEST_NAP = Duration.ofSeconds(30);

    /** Something is due, and this node does not lead, or could not do it. */
    private static final Duration LOOK_AGAIN = Duration.ofMillis(500);

    /** So that what has been done has left the agenda. */
    private static final Duration SHORTEST_NAP = Duration.ofMillis(1);

    /** Items read at once. */
    private static final int PAGE = 500;

    private final StateReader reader;
    private final Supplier<Agenda> agenda;
    private final ConsensusNode node;
    private final CommandLog log;
    private final Clock clock;
    private final RolloutExecutor rollouts;
    private final LongAdder done = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final Thread thread;
    private volatile boolean closed;

    /**
     * Listens to {@code state} and begins.
     *
     * @param gateInterval how long to wait before a gate is asked again
     */
    public static DeliveryRunner start(
            ConfigState state,
            ConsensusNode node,
            CommandLog log,
            GateProbe gates,
            Duration gateInterval,
            Clock clock) {
        var runner = new DeliveryRunner(state.reader(), state::agenda, node, log, gates, gateInterval, clock);
        state.addListener(runner.listener());
        runner.thread.start();
        return runner;
    }

    private DeliveryRunner(
            StateReader reader,
            Supplier<Agenda> agenda,
            ConsensusNode node,
            CommandLog log,
            GateProbe gates,
            Duration gateInterval,
            Clock clock) {
        this.reader = reader;
        this.agenda = agenda;
        this.node = node;
        this.log = log;
        this.clock = clock;
        this.thread = Thread.ofVirtual().name("deliveries").unstarted(this::run);
        this.rollouts = new RolloutExecutor(reader, log, gates, gateInterval, clock, () -> LockSupport.unpark(thread));
    }

    /** On the apply thread. */
    private AppliedListener listener() {
        return new AppliedListener() {
            private Agenda last = agenda.get();

            @Override
            @SuppressWarnings("ReferenceEquality") // A new one each time that it may have changed.
            public void onApplied(ConfigView view, List<ChangeEvent> events) {
                Agenda now = agenda.get();
                if (now != last) {
                    last = now;
                    LockSupport.unpark(thread);
                }
            }

            @Override
            public void onRestored(ConfigView view) {
                onApplied(view, List.of());
            }
        };
    }

    /** Registers what is counted here. */
    public void observe(Metrics metrics) {
        metrics.gauge(
                "conflux_schedules_pending",
                "Schedules that are pending",
                () -> agenda.get().pendingSchedules());
        metrics.gauge(
                "conflux_rollouts_active",
                "Rollouts that have not ended",
                () -> agenda.get().activeRollouts());
        String help = "Schedules that this node has run while it led";
        metrics.counter("conflux_schedules_run", help, done, LongAdder::sum, "result", "done");
        metrics.counter("conflux_schedules_run", help, failed, LongAdder::sum, "result", "failed");
        rollouts.observe(metrics);
    }

    private void run() {
        while (!closed) {
            try {
                LockSupport.parkNanos(this, round().toNanos());
            } catch (RuntimeException e) {
                LOG.error("deliveries_stumbled reason=\"{}\"", e.getMessage(), e);
                LockSupport.parkNanos(this, LOOK_AGAIN.toNanos());
            }
        }
    }

    /** Does what is due; returns how long to sleep. */
    private Duration round() {
        long now = clock.millis();
        long due = agenda.get().nextDueMillis();
        if (due > now) {
            return nap(due - now);
        }
        if (node.status().role() != Role.LEADER) {
            rollouts.forgetAllBut(List.of());
            return LOOK_AGAIN;
        }
        long wait = LONGEST_NAP.toMillis();
        var rolling = new HashSet<Agenda.Item>();
        Agenda.Item after = null;
        List<Agenda.Item> page;
        do {
            page = reader.agenda(after, now + LONGEST_NAP.toMillis(), PAGE);
            for (Agenda.Item item : page) {
                after = item;
                if (closed) {
                    return SHORTEST_NAP;
                }
                wait = Math.min(wait, item.dueMillis() > now ? item.dueMillis() - now : take(item, rolling));
            }
        } while (page.size() == PAGE);
        rollouts.forgetAllBut(rolling);
        return nap(wait);
    }

    private static Duration nap(long millis) {
        return Duration.ofMillis(Math.clamp(millis, SHORTEST_NAP.toMillis(), LONGEST_NAP.toMillis()));
    }

    /** Takes a due item; returns after how many milliseconds to look at it again. */
    private long take(Agenda.Item item, Set<Agenda.Item> rolling) {
        return switch (item.kind()) {
            case SCHEDULE -> runSchedule(item) ? SHORTEST_NAP.toMillis() : LOOK_AGAIN.toMillis();
            case ROLLOUT -> {
                rolling.add(item);
                yield rollouts.look(item);
            }
        };
    }

    /** True when there is nothing left to do about it. */
    private boolean runSchedule(Agenda.Item item) {
        Schedule schedule = reader.schedule(item.configId(), item.id()).orElse(null);
        if (schedule == null || schedule.state() != Schedule.State.PENDING) {
            return true;
        }
        try {
            var result = (Result.ScheduleChanged)
                    log.submit(as(schedule.author()), new ScheduleCommand.RunSchedule(item.configId(), item.id()))
                            .result();
            Schedule ended = result.schedule();
            if (ended.state() == Schedule.State.DONE) {
                done.increment();
                LOG.info(
                        "schedule_done config={} schedule={} revision={}",
                        ended.configId(),
                        ended.id(),
                        ended.endedRevision());
            } else {
                failed.increment();
                LOG.warn(
                        "schedule_failed config={} schedule={} reason=\"{}\"",
                        ended.configId(),
                        ended.id(),
                        ended.reason());
            }
            return true;
        } catch (ConfluxException e) {
            ErrorCode code = e.error().code();
            if (code == ErrorCode.SCHEDULE_NOT_PENDING || code == ErrorCode.NOT_FOUND) {
                return true; // Somebody was faster.
            }
            LOG.warn(
                    "schedule_delayed config={} schedule={} reason=\"{}\"", item.configId(), item.id(), e.getMessage());
            return false;
        }
    }

    /** The name that histories show; rights were checked when the delivery was made. */
    static Caller as(String author) {
        return new Caller(new Principal(0, author, false), TraceIds.next());
    }

    /** Lets what is being proposed come to its end. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
        rollouts.close();
        try {
            thread.join(CommandLog.DEFAULT_TIMEOUT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
