package dev.conflux.core.service;

import dev.conflux.base.observe.Metrics;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.RolloutCommand.Verdict;
import dev.conflux.core.state.Agenda;
import dev.conflux.core.state.StateReader;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the gates of rollouts whose bake time is over, each rollout on a virtual thread of its own, and proposes what they
 * come to. What it remembers is only how often it asked in vain: a new leader begins to count anew.
 */
final class RolloutExecutor implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(RolloutExecutor.class);

    /** So often in a row a gate may be impossible to ask before a person has to look. */
    static final int MAX_ATTEMPTS = 5;

    /** Rollouts that are asked about at once. */
    private static final int MAX_CONCURRENT = 32;

    /** A reason comes from outside. */
    private static final int MAX_REASON_LENGTH = 300;

    /** Attempts at one bake time's end. */
    private static final class Attempts {
        private boolean underWay;
        private int inVain;
        private long nextMillis;
    }

    private final StateReader reader;
    private final CommandLog log;
    private final GateProbe gates;
    private final Duration interval;
    private final Clock clock;
    private final Runnable wake;
    private final Semaphore slots = new Semaphore(MAX_CONCURRENT);

    /** By item, which names the end of one bake time; guarded by each value's lock. */
    private final ConcurrentHashMap<Agenda.Item, Attempts> attempts = new ConcurrentHashMap<>();

    private final Map<Rollout.State, LongAdder> steps = new EnumMap<>(Rollout.State.class);
    private volatile boolean closed;

    RolloutExecutor(
            StateReader reader, CommandLog log, GateProbe gates, Duration interval, Clock clock, Runnable wake) {
        this.reader = reader;
        this.log = log;
        this.gates = gates;
        this.interval = interval;
        this.clock = clock;
        this.wake = wake;
        for (Rollout.State state : Rollout.State.values()) {
            steps.put(state, new LongAdder());
        }
    }

    void observe(Metrics metrics) {
        steps.forEach((state, count) -> {
            if (state != Rollout.State.CANCELLED) { // a person does that
                metrics.counter(
                        "conflux_rollout_steps",
                        "Steps of rollouts that this node has made while it led",
                        count,
                        LongAdder::sum,
                        "to",
                        state.name().toLowerCase(Locale.ROOT));
            }
        });
    }

    /** Begins to ask if it is time; returns after how many milliseconds to look again. Runner's thread only. */
    long look(Agenda.Item item) {
        Attempts mine = attempts.computeIfAbsent(item, _ -> new Attempts());
        synchronized (mine) {
            if (mine.underWay) {
                return interval.toMillis();
            }
            long wait = mine.nextMillis - clock.millis();
            if (wait > 0) {
                return Math.min(wait, interval.toMillis());
            }
            if (!slots.tryAcquire()) {
                return interval.toMillis();
            }
            mine.underWay = true;
        }
        Thread.ofVirtual().name("rollout-" + item.configId() + "-" + item.id()).start(() -> {
            boolean again = true;
            try {
                again = !decide(item, mine);
            } catch (RuntimeException e) {
                LOG.error("deliveries_stumbled reason=\"{}\"", e.getMessage(), e);
            } finally {
                slots.release();
                synchronized (mine) {
                    mine.underWay = false;
                    mine.nextMillis = clock.millis() + (again ? interval.toMillis() : 0);
                }
                wake.run();
            }
        });
        return interval.toMillis();
    }

    /** Drops what is remembered of others. */
    void forgetAllBut(Collection<Agenda.Item> items) {
        attempts.keySet().retainAll(items);
    }

    /** True when the rollout has moved, here or elsewhere. */
    private boolean decide(Agenda.Item item, Attempts mine) {
        Rollout rollout = reader.rollout(item.configId(), item.id()).orElse(null);
        if (rollout == null || rollout.state() != Rollout.State.RUNNING || rollout.dueAtMillis() != item.dueMillis()) {
            return true;
        }
        String name = reader.config(item.configId())
                .map(Config::key)
                .map(Object::toString)
                .orElse("");
        GateProbe.Answer answer = ask(rollout, name);
        String reason = cut(answer.reason());
        return switch (answer) {
            case GateProbe.Answer.Pass pass -> propose(rollout, Verdict.PASS, reason);
            case GateProbe.Answer.Fail fail -> propose(rollout, Verdict.FAIL, reason);
            case GateProbe.Answer.Wait wait -> {
                mine.inVain = 0;
                yield false;
            }
            case GateProbe.Answer.Unknown unknown -> {
                mine.inVain++;
                LOG.warn(
                        "gate_unknown config={} rollout={} stage={} attempt={} reason=\"{}\"",
                        rollout.configId(),
                        rollout.id(),
                        rollout.stage() + 1,
                        mine.inVain,
                        reason);
                yield mine.inVain >= MAX_ATTEMPTS && propose(rollout, Verdict.UNKNOWN, reason);
            }
        };
    }

    /** The first answer that is no pass; a fail before anything that is not sure. */
    private GateProbe.Answer ask(Rollout rollout, String name) {
        GateProbe.Answer worst =
                new GateProbe.Answer.Pass(rollout.current().gates().isEmpty() ? "bake time is over" : "all gates pass");
        for (Gate gate : rollout.current().gates()) {
            if (closed) {
                return new GateProbe.Answer.Wait("this node stops");
            }
            if (gate instanceof Gate.Manual) {
                continue;
            }
            GateProbe.Answer answer = gates.refusal(gate)
                    .<GateProbe.Answer>map(GateProbe.Answer.Unknown::new)
                    .orElseGet(() -> gates.ask(gate, rollout, name));
            if (answer instanceof GateProbe.Answer.Fail) {
                return answer;
            }
            if (worst instanceof GateProbe.Answer.Pass && !(answer instanceof GateProbe.Answer.Pass)) {
                worst = answer;
            }
        }
        return worst;
    }

    private boolean propose(Rollout rollout, Verdict verdict, String reason) {
        if (closed) {
            return false;
        }
        try {
            var step = new RolloutCommand.StepRollout(
                    rollout.configId(), rollout.id(), rollout.changedRevision(), verdict, reason);
            Rollout changed = ((Result.RolloutChanged) log.submit(DeliveryRunner.as(rollout.author()), step)
                            .result())
                    .rollout();
            steps.getOrDefault(changed.state(), new LongAdder()).increment();
            LOG.info(
                    "rollout_step config={} rollout={} state={} stage={} reason=\"{}\"",
                    changed.configId(),
                    changed.id(),
                    changed.state().wireName(),
                    changed.stage() + 1,
                    reason);
            return true;
        } catch (ConfluxException e) {
            LOG.warn(
                    "rollout_delayed config={} rollout={} reason=\"{}\"",
                    rollout.configId(),
                    rollout.id(),
                    e.getMessage());
            return e.error().code() == ErrorCode.NOT_FOUND;
        }
    }

    private static String cut(String reason) {
        return reason.length() > MAX_REASON_LENGTH ? reason.substring(0, MAX_REASON_LENGTH) + "..." : reason;
    }

    /** Nothing is asked any more; what is being asked ends by its own time limit. */
    @Override
    public void close() {
        closed = true;
    }
}
