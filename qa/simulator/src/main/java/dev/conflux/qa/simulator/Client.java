package dev.conflux.qa.simulator;

import dev.conflux.consensus.testkit.Operation;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.CommandEnvelope;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.DeliveryCommands;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Sends one request at a time and repeats it, with the same request id, through other members until it is answered or
 * the attempts are used up. Values are contents: numbers that are never used twice.
 */
final class Client {

    static final List<String> REGISTERS = paths("register", 2);
    static final List<String> ACCOUNTS = paths("account", 3);
    static final long TOTAL = 300;

    private static final List<String> JOBS = paths("job", 8);
    private static final List<String> OTHERS = paths("other", 4);
    private static final int OPERATIONS = 12;
    private static final int ATTEMPTS = 5;
    private static final long ATTEMPT_TIMEOUT = 150_000;
    private static final long MAX_PAUSE = 60_000;

    /** Of schedules; the members' clocks differ by as much. */
    private static final long MAX_AHEAD_MILLIS = 4_000;

    /** What clients tell each other: ids, and what they saw last. */
    static final class Shared {
        private final Map<String, Long> ids = new HashMap<>();
        private final Map<String, Message.Shot> seen = new HashMap<>();

        /** The newest of each config. */
        private final Map<Long, Schedule> schedules = new HashMap<>();

        private final Map<Long, Rollout> rollouts = new HashMap<>();
        private long lastValue = 1_000;
        private long lastOperation;
        private int lastProcess;
    }

    /** What is being asked. */
    private record Asked(
            long id,
            Operation.@Nullable Kind kind,
            List<String> keys,
            List<Long> args,
            byte @Nullable [] command,
            long callNanos) {}

    private final int number;
    private final Simulation simulation;
    private final Shared shared;
    private final SplittableRandom random;
    private final ArrayDeque<Runnable> preparations = new ArrayDeque<>();
    private final ArrayDeque<Long> trashed = new ArrayDeque<>();
    private Runnable prepared = () -> {};
    private boolean preparing;
    private int process;
    private int target;
    private int left = OPERATIONS;
    private int attempts;
    private long attempt;
    private @Nullable Asked asked;

    Client(int number, Simulation simulation, Shared shared, SplittableRandom random) {
        this.number = number;
        this.simulation = simulation;
        this.shared = shared;
        this.random = random;
        process = ++shared.lastProcess;
    }

    private static List<String> paths(String kind, int count) {
        return IntStream.range(0, count).mapToObj(i -> "t/sim/prod/" + kind + i).toList();
    }

    /** Whether a config is a key of the history. */
    static boolean isKey(String path) {
        return !path.startsWith("t/sim/prod/other");
    }

    boolean isDone() {
        return left == 0 && asked == null;
    }

    /** Creates what the others need, without faults yet. */
    void prepare(Runnable then) {
        prepared = then;
        preparing = true;
        for (String register : REGISTERS) {
            preparations.add(() -> {
                long value = ++shared.lastValue;
                ask(
                        Operation.Kind.WRITE,
                        List.of(register),
                        List.of(value),
                        Commands.create(register, Long.toString(value), Commands.fresh()));
            });
        }
        for (String account : ACCOUNTS) {
            // Created without a release: it shows nothing until all of them do.
            preparations.add(() -> ask(null, List.of(account), List.of(), Commands.create(account, "0")));
        }
        preparations.add(() -> {
            long each = TOTAL / ACCOUNTS.size();
            var items = new ArrayList<Command.PublishItem>();
            for (String account : ACCOUNTS) {
                items.add(item(account, each, null));
            }
            ask(
                    Operation.Kind.WRITE,
                    ACCOUNTS,
                    ACCOUNTS.stream().map(account -> each).toList(),
                    new Command.Publish(items, "open"));
        });
        preparations.removeFirst().run();
    }

    void begin() {
        simulation.after(random.nextLong(MAX_PAUSE), this::next);
    }

    private void next() {
        if (left == 0) {
            return;
        }
        left--;
        String register = pick(REGISTERS);
        switch (random.nextInt(12)) {
            case 0, 1 -> ask(Operation.Kind.READ, List.of(register), List.of(), null);
            case 2 -> ask(Operation.Kind.STALE_READ, List.of(register), List.of(), null);
            case 3, 4 -> {
                long value = ++shared.lastValue;
                ask(
                        Operation.Kind.WRITE,
                        List.of(register),
                        List.of(value),
                        new Command.Publish(List.of(item(register, value, null)), "write"));
            }
            case 5, 6 -> {
                Message.Shot seen = shared.seen.get(register);
                if (seen == null) {
                    ask(Operation.Kind.READ, List.of(register), List.of(), null);
                    return;
                }
                long value = ++shared.lastValue;
                ask(
                        Operation.Kind.CAS,
                        List.of(register),
                        List.of(seen.value(), value),
                        new Command.Publish(List.of(item(register, value, seen.version())), "cas"));
            }
            case 7 -> {
                String job = pick(JOBS);
                long runner = ++shared.lastValue;
                ask(
                        Operation.Kind.ASSIGN,
                        List.of(job),
                        List.of(runner),
                        Commands.create(job, Long.toString(runner), Commands.fresh()));
            }
            case 8 -> ask(Operation.Kind.READ, ACCOUNTS, List.of(), null);
            case 9, 10 -> transfer();
            default -> ask(null, List.of(), List.of(), other());
        }
    }

    private void transfer() {
        String debit = pick(ACCOUNTS);
        String credit = ACCOUNTS.get((ACCOUNTS.indexOf(debit) + 1) % ACCOUNTS.size());
        Message.Shot from = shared.seen.get(debit);
        Message.Shot to = shared.seen.get(credit);
        if (from == null || to == null) {
            ask(Operation.Kind.READ, ACCOUNTS, List.of(), null);
            return;
        }
        long amount = 1 + random.nextLong(9);
        ask(
                Operation.Kind.CAS,
                List.of(debit, credit),
                List.of(from.value(), to.value(), from.value() - amount, to.value() + amount),
                new Command.Publish(
                        List.of(
                                item(debit, from.value() - amount, from.version()),
                                item(credit, to.value() + amount, to.version())),
                        "transfer"));
    }

    /** Everything else that the state machine can do, on configs that no checker looks at. */
    private Command other() {
        String path = pick(OTHERS);
        Long id = shared.ids.get(path);
        String text = Long.toString(++shared.lastValue);
        if (id == null) {
            return Commands.create(path, text, Commands.fresh());
        }
        return switch (random.nextInt(13)) {
            case 0 -> new Command.CreateVersion(id, Commands.content(text), null);
            case 1 -> new Command.UpdateMetadata(id, Commands.attribute("a" + random.nextInt(3), text), null);
            case 2 ->
                new Command.UpdateReleases(
                        id,
                        List.of(
                                Command.PlannedRelease.existing(Release.of(Map.of("zone", "b"), 1, 5)),
                                Command.PlannedRelease.existing(Release.defaultTo(1))),
                        "rules",
                        null);
            case 3 -> new Command.Rollback(id, 1 + random.nextInt(3), Command.RollbackMode.STABLE_ONLY, "back", null);
            case 4 -> {
                shared.ids.remove(path);
                if (random.nextBoolean()) {
                    trashed.add(id);
                    yield new Command.Trash(id, new Command.TrashStep.MoveIn());
                }
                yield new Command.DeleteConfig(id);
            }
            case 7 ->
                trashed.isEmpty()
                        ? Commands.publish(id, text)
                        : new Command.Trash(
                                trashed.removeFirst(),
                                random.nextBoolean() ? new Command.TrashStep.Restore() : new Command.TrashStep.Purge());
            case 5 ->
                new Command.Gc(new Command.GcStep.Configure(
                        new GcSettings(new RetentionPolicy(null, 1 + random.nextInt(2)), 10, 1)));
            case 6 ->
                new Command.PruneVersions(
                        id, ++shared.lastValue, List.of(1L + random.nextInt(4)), List.of(), List.of());
            case 8, 9, 10 -> delivery(id);
            default -> Commands.publish(id, text);
        };
    }

    /** Schedules and rollouts: made, steered, and run by whoever believes that they are due. */
    private Command delivery(long configId) {
        Schedule schedule = shared.schedules.get(configId);
        Rollout rollout = shared.rollouts.get(configId);
        return switch (random.nextInt(8)) {
            case 0, 1 -> DeliveryCommands.promote(configId, 1, simulation.millis() + random.nextLong(MAX_AHEAD_MILLIS));
            case 2 -> DeliveryCommands.canary(configId, Long.toString(++shared.lastValue), 1);
            case 3 ->
                schedule == null
                        ? DeliveryCommands.rollout(configId, 1, 0)
                        : new ScheduleCommand.CancelSchedule(configId, schedule.id(), "");
            case 4 ->
                schedule == null
                        ? DeliveryCommands.rollout(configId, 1, 0)
                        : new ScheduleCommand.RunSchedule(configId, schedule.id());
            case 5 ->
                rollout == null
                        ? DeliveryCommands.rollout(configId, 1, 0)
                        : new RolloutCommand.SteerRollout(
                                configId, rollout.id(), null, RolloutCommand.Direction.ADVANCE, "");
            case 6 ->
                rollout == null
                        ? DeliveryCommands.rollout(configId, 1, 0)
                        : new RolloutCommand.StepRollout(
                                configId,
                                rollout.id(),
                                rollout.changedRevision(),
                                random.nextBoolean() ? RolloutCommand.Verdict.PASS : RolloutCommand.Verdict.FAIL,
                                "");
            default -> DeliveryCommands.rollout(configId, 1, 0);
        };
    }

    private Command.PublishItem item(String path, long value, @Nullable Long expectedVersion) {
        return new Command.PublishItem(
                shared.ids.getOrDefault(path, -1L),
                Commands.content(Long.toString(value)),
                new Command.ReleasePlan.MakeDefault(),
                expectedVersion,
                null);
    }

    private String pick(List<String> from) {
        return from.get(random.nextInt(from.size()));
    }

    // --- one request -----------------------------------------------------------------------------------------------

    private void ask(Operation.@Nullable Kind kind, List<String> keys, List<Long> args, @Nullable Command command) {
        long id = ++shared.lastOperation;
        byte[] bytes = null;
        if (command != null) {
            // Request id and trace id are the operation's: whoever repeats it repeats them.
            String request = "c" + number + "-" + id;
            CommandEnvelope keyed = Commands.keyed(request, request, command);
            bytes = CommandCodec.encode(new CommandEnvelope(
                    keyed.author(), keyed.authorId(), String.format("%032x", id), keyed.dedupKey(), command));
        }
        asked = new Asked(id, kind, keys, args, bytes, simulation.nanos());
        attempts = 0;
        send(asked);
    }

    private void send(Asked request) {
        attempts++;
        long own = ++attempt;
        Message.Request message = request.command == null
                ? new Message.Request.Read(
                        request.keys, request.kind != Operation.Kind.STALE_READ, reply -> answered(request, own, reply))
                : new Message.Request.Propose(request.command, reply -> answered(request, own, reply));
        simulation.request(target, message);
        simulation.after(ATTEMPT_TIMEOUT + random.nextLong(ATTEMPT_TIMEOUT), () -> {
            if (isUnderWay(request) && own == attempt) {
                retry(request, random.nextInt(simulation.members()));
            }
        });
    }

    private boolean isUnderWay(Asked request) {
        return asked != null && asked.id == request.id;
    }

    private void retry(Asked request, int nextTarget) {
        target = nextTarget;
        // Preparation has no choice but to go on.
        if (attempts < ATTEMPTS || preparing) {
            send(request);
            return;
        }
        simulation.note(() -> "client " + number + " gives up operation " + request.id);
        end(request, Operation.Status.UNKNOWN, List.of(), 0, 0, target);
        // Whoever gave up cannot be told apart from one that is still waiting.
        process = ++shared.lastProcess;
    }

    private void answered(Asked request, long ofAttempt, Message.Reply reply) {
        if (!isUnderWay(request)) {
            return;
        }
        switch (reply) {
            case Message.Reply.NotLeader(int hint) -> {
                if (ofAttempt == attempt) {
                    int nextTarget = hint >= 0 ? hint : random.nextInt(simulation.members());
                    // Consumes no attempt of its own: nothing was appended.
                    attempts--;
                    attempt++;
                    long own = attempt;
                    simulation.after(5_000 + random.nextLong(30_000), () -> {
                        if (isUnderWay(request) && own == attempt) {
                            if (simulation.nanos() - request.callNanos > 4_000_000_000L) {
                                attempts = ATTEMPTS;
                            }
                            retry(request, nextTarget);
                        }
                    });
                }
            }
            case Message.Reply.Applied applied -> applied(request, applied);
            case Message.Reply.Shown shown -> {
                for (int i = 0; i < request.keys.size(); i++) {
                    if (request.kind == Operation.Kind.READ) {
                        shared.seen.put(request.keys.get(i), shown.values().get(i));
                    }
                }
                end(
                        request,
                        Operation.Status.OK,
                        shown.values().stream().map(Message.Shot::value).toList(),
                        shown.revision(),
                        shown.term(),
                        shown.node());
            }
        }
    }

    private void applied(Asked request, Message.Reply.Applied applied) {
        switch (CommandCodec.decodeOutcome(applied.outcome())) {
            case Outcome.Accepted accepted -> {
                if (accepted.result() instanceof Result.ConfigCreated created) {
                    shared.ids.put(
                            created.config().key().toString(), created.config().id());
                }
                if (accepted.result() instanceof Result.ScheduleChanged(Schedule schedule)) {
                    shared.schedules.put(schedule.configId(), schedule);
                }
                if (accepted.result() instanceof Result.RolloutChanged changed) {
                    shared.rollouts.put(changed.rollout().configId(), changed.rollout());
                }
                List<Long> results = request.kind == Operation.Kind.ASSIGN ? request.args : List.of();
                end(request, Operation.Status.OK, results, accepted.revision(), applied.term(), applied.node());
            }
            case Outcome.Rejected _ ->
                end(request, Operation.Status.FAIL, List.of(), 0, applied.term(), applied.node());
        }
    }

    private void end(Asked request, Operation.Status status, List<Long> results, long revision, long term, int node) {
        asked = null;
        if (request.kind != null) {
            simulation.record(new Operation(
                    request.id,
                    process,
                    request.kind,
                    request.keys,
                    request.args,
                    results,
                    request.callNanos,
                    status == Operation.Status.UNKNOWN ? Operation.NEVER : simulation.nanos(),
                    status,
                    revision,
                    term,
                    node));
        }
        if (!preparations.isEmpty()) {
            preparations.removeFirst().run();
        } else if (preparing) {
            preparing = false;
            prepared.run();
        } else {
            simulation.after(random.nextLong(MAX_PAUSE), this::next);
        }
    }
}
