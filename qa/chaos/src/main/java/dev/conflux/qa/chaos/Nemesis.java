package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.Fault;
import dev.conflux.consensus.testkit.HistoryWriter;
import dev.conflux.consensus.testkit.Operation.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Carries a plan out. A step that concerns a process has that process to itself: when another step holds it, this one
 * is left out, and said so.
 */
final class Nemesis {

    /** In the middle of a start, or soon after. */
    private static final Duration CRASH_AFTER = Duration.ofMillis(1_800);

    /** Until a node has surely seen that its failpoints are not armed any more. */
    private static final Duration HEARD = Duration.ofMillis(200);

    /** A process without heap collects garbage for some time before it ends. */
    private static final Duration EXHAUSTED = Duration.ofSeconds(10);

    /** A process that has been halted is gone by then, also on a busy machine. */
    private static final Duration ENDED = Duration.ofSeconds(2);

    /** Longer than comparisons of the members' states are apart. */
    private static final Duration NOTICED = Duration.ofSeconds(20);

    /** A node starts, catches up and votes, or goes, while other faults happen. */
    private static final Duration CHANGE = Duration.ofSeconds(75);

    /** So long a step waits for the one that must be over first: plans know nothing of how long healing takes. */
    private static final Duration TURN = Duration.ofSeconds(8);

    /** What a node that is no member any more ends with. */
    private static final int EXIT_IDENTITY = 65;

    /** What a process ends with that a failpoint halts. */
    private static final int KILLED = 137;

    /** The operator, who is nobody's client: a number of its own in the history. */
    private static final int OPERATOR = 1_000_000;

    private static final Duration FIND_LEADER = Duration.ofSeconds(3);

    private final Target target;
    private final HistoryWriter history;
    private final Plan plan;
    private final Damage damage;
    private final Map<Integer, ReentrantLock> processes = new ConcurrentSkipListMap<>();
    /** Of what may happen to one member at a time only: of two that drift, or have lost their data, no cluster recovers. */
    private final ReentrantLock oneAtATime = new ReentrantLock();

    /** Guarded by itself. */
    private final Set<String> points = new TreeSet<>();

    /** Guarded by itself. */
    private final Map<String, Integer> carriedOut = new TreeMap<>();

    /** What a node did that it should not have. Guarded by itself. */
    private final List<String> surprises = new ArrayList<>();

    Nemesis(Target target, HistoryWriter history, Plan plan) {
        this.target = target;
        this.history = history;
        this.plan = plan;
        this.damage = new Damage(target, new SplittableRandom(plan.seed() ^ 0x5DEECE66DL));
        nodes().forEach(node -> processes.put(node, new ReentrantLock()));
    }

    /** How many faults of which kind took place. */
    Map<String, Integer> carriedOut() {
        synchronized (carriedOut) {
            return Map.copyOf(carriedOut);
        }
    }

    List<String> surprises() {
        synchronized (surprises) {
            return List.copyOf(surprises);
        }
    }

    /** Returns when the last step is healed. */
    void run() throws InterruptedException {
        long start = System.nanoTime();
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            var running = new ArrayList<Future<?>>();
            for (Plan.Step step : plan.steps()) {
                running.add(executor.submit(() -> {
                    Os.sleep(Duration.ofMillis(step.atMillis()).minusNanos(System.nanoTime() - start));
                    carryOut(step);
                }));
            }
            for (Future<?> step : running) {
                step.get();
            }
        } catch (ExecutionException e) {
            throw new ChaosException("a fault could not be carried out", e.getCause());
        }
    }

    /** Everything works again: links, frozen and dead processes. */
    void healAll() {
        target.network().healAll();
        for (int node : nodes()) {
            disarm(node);
            if (target.alive(node)) {
                target.thaw(node);
            } else if (damage.damaged(node)) {
                target.start(node); // What is damaged may be noticed late.
                String problem = damage.awaitHealed(node);
                if (!problem.isEmpty()) {
                    surprised("node " + node + " ended after damage: " + problem);
                }
            } else {
                surprised("node " + node + " had ended by itself, code " + target.awaitExit(node, Duration.ZERO)
                        + "; the end of its log:\n" + Os.tail(target.log(node), 12));
                target.start(node);
            }
        }
    }

    private List<Integer> nodes() {
        return target.members();
    }

    private void carryOut(Plan.Step step) {
        if (!target.network().can(step.kind())) {
            leftOut(step);
            return;
        }
        switch (step.kind()) {
            case KILL ->
                withProcess(step, node -> {
                    target.kill(node);
                    keepPoints(node);
                    wait(step);
                    target.start(node);
                });
            case TERMINATE ->
                withProcess(step, node -> {
                    target.stop(node);
                    keepPoints(node);
                    wait(step);
                    target.start(node);
                });
            case FREEZE ->
                withProcess(step, node -> {
                    target.freeze(node);
                    wait(step);
                    target.thaw(node);
                });
            case CRASH_LOOP -> withProcess(step, this::crashLoop, step.forMillis());
            case KILL_ALL, POWER_CUT -> killAll(step);
            case PARTITION -> {
                List<List<Integer>> groups = groups(step.detail());
                links(
                        step,
                        List.of(),
                        () -> target.network().partition(groups),
                        () -> target.network().healPartition(groups));
            }
            case ONE_WAY -> {
                int from = Integer.parseInt(step.node());
                Flow flow = target.network().flow(from, Integer.parseInt(step.detail()));
                links(step, List.of(from), () -> flow.set(Flow.Fault.ofCut()), flow::heal);
            }
            case ISOLATE -> around(step, Flow.Fault.ofCut());
            case DELAY -> {
                List<Integer> numbers = numbers(step.detail());
                around(step, Flow.Fault.ofDelay(numbers.get(0), numbers.get(1)));
            }
            case LOSS -> around(step, Flow.Fault.ofLoss(Integer.parseInt(step.detail())));
            case BANDWIDTH -> around(step, Flow.Fault.ofBandwidth(Integer.parseInt(step.detail())));
            case RESET ->
                withNode(step, node -> links(step, List.of(node), () -> resetAgainAndAgain(step, node), () -> {}));
            case REFUSE ->
                withNode(
                        step,
                        node -> links(
                                step,
                                List.of(node),
                                () -> {
                                    target.network().refuse(node, true);
                                    target.network().reset(node);
                                },
                                () -> target.network().refuse(node, false)));
            case HALF_OPEN ->
                withNode(
                        step,
                        node -> links(
                                step, List.of(node), () -> target.network().halfOpen(node), () -> {}));
            case CLOCK ->
                withProcess(step, node -> {
                    arm(node, "clock.wall=shift(" + step.detail() + ")");
                    wait(step);
                    revive(node);
                });
            case TRANSFER ->
                withNode(step, node -> links(step, List.of(node), () -> target.transferLeadership(node), () -> {}));
            case SNAPSHOT -> withNode(step, node -> links(step, List.of(node), () -> target.snapshot(node), () -> {}));
            case FAILPOINT -> withProcess(step, node -> failpoint(step, node));
            case REBUILD -> alone(step, node -> rebuild(step, node));
            case DRIFT -> alone(step, node -> drift(step, node));
            case REPLACE -> alone(step, node -> replace(node, step.detail()));
            case DAMAGE ->
                alone(step, node -> {
                    target.kill(node);
                    String what = damage.inflict(node, step.detail());
                    wait(step);
                    target.start(node);
                    String problem = damage.awaitHealed(node);
                    if (!problem.isEmpty()) {
                        surprised("node " + node + " after " + what + ": " + problem);
                    }
                });
            case DISK_FULL ->
                withProcess(step, node -> {
                    damage.fillDisk(node);
                    wait(step);
                    damage.giveSpaceBack(node);
                    if (target.awaitExit(node, Duration.ZERO) != null) {
                        target.start(node);
                    }
                });
        }
    }

    private interface OnNode {
        void act(int node);
    }

    private static void wait(Plan.Step step) {
        Os.sleep(Duration.ofMillis(step.forMillis()));
    }

    private void withProcess(Plan.Step step, OnNode action) {
        Integer node = find(step.node());
        if (node == null) {
            leftOut(step);
            return;
        }
        ReentrantLock process = processes.get(node);
        if (process == null || !process.tryLock()) {
            leftOut(step);
            return;
        }
        try {
            long began = history.nanos();
            action.act(node);
            record(step, List.of(node), began);
        } finally {
            process.unlock();
        }
    }

    private void alone(Plan.Step step, OnNode action) {
        try {
            if (!oneAtATime.tryLock(TURN.toMillis(), TimeUnit.MILLISECONDS)) {
                leftOut(step);
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ChaosException("interrupted", e);
        }
        try {
            withProcess(step, action);
        } finally {
            oneAtATime.unlock();
        }
    }

    private void withProcess(Plan.Step step, java.util.function.BiConsumer<Integer, Long> action, long millis) {
        withProcess(step, node -> action.accept(node, millis));
    }

    private void withNode(Plan.Step step, OnNode action) {
        Integer node = find(step.node());
        if (node == null) {
            leftOut(step);
        } else {
            action.act(node);
        }
    }

    private void crashLoop(int node, long millis) {
        long end = System.nanoTime() + Duration.ofMillis(millis).toNanos();
        while (System.nanoTime() - end < 0) {
            target.kill(node);
            target.start(node);
            Os.sleep(CRASH_AFTER);
        }
    }

    private void killAll(Plan.Step step) {
        processes.values().forEach(ReentrantLock::lock);
        try {
            long began = history.nanos();
            nodes().parallelStream().forEach(target::kill);
            if (step.kind() == FaultKind.POWER_CUT) {
                nodes().forEach(node -> PowerCut.apply(target.data(node), target.syncNotes(node)));
            }
            wait(step);
            nodes().forEach(target::start);
            record(step, List.of(), began);
        } finally {
            processes.values().forEach(ReentrantLock::unlock);
        }
    }

    private void around(Plan.Step step, Flow.Fault fault) {
        withNode(
                step,
                node -> links(
                        step,
                        List.of(node),
                        () -> target.network().around(node, fault),
                        () -> target.network().healAround(node)));
    }

    private void links(Plan.Step step, List<Integer> nodes, Runnable begin, Runnable heal) {
        long began = history.nanos();
        begin.run();
        wait(step);
        heal.run();
        record(step, nodes, began);
    }

    private void resetAgainAndAgain(Plan.Step step, int node) {
        for (int i = 0; i < 3; i++) {
            target.network().reset(node);
            Os.sleep(Duration.ofMillis(step.forMillis() / 4));
        }
    }

    /** A point of the start is armed before one; a node that ends of it is started again. */
    private void failpoint(Plan.Step step, int node) {
        arm(node, step.detail());
        if (Failpoint.ofStart(step.detail())) {
            target.kill(node);
            keepPoints(node);
            target.start(node);
        } else if (Failpoint.ofSnapshot(step.detail())) {
            target.snapshot(node);
        } else if (Failpoint.ofElection(step.detail())) {
            target.transferLeadership(node);
        }
        wait(step);
        revive(node, step.detail().endsWith("=exhaust") ? EXHAUSTED : HEARD);
    }

    /** Log, snapshots and state come from the leader again, by a snapshot, as after a damage. */
    private void rebuild(Plan.Step step, int node) {
        for (int other : nodes()) {
            if (other != node) {
                target.snapshot(other);
                target.snapshot(other); // the log is kept back to the one before the newest
            }
        }
        target.kill(node);
        keepPoints(node);
        damage.repair(node);
        if (!step.detail().isEmpty()) {
            arm(node, step.detail());
        }
        target.start(node);
        wait(step);
        revive(node);
        String problem = damage.awaitHealed(node);
        if (!problem.isEmpty()) {
            surprised("node " + node + " after its rebuilding: " + problem);
        }
    }

    /** It must notice that its state is not the others', end, and build it anew. */
    private void drift(Plan.Step step, int node) {
        arm(node, "state.time=shift(" + step.detail() + ")");
        wait(step);
        disarm(node);
        if (!Os.await(NOTICED, () -> target.awaitExit(node, Duration.ZERO) != null)) {
            surprised("node " + node + " has another state than the others and goes on");
            return;
        }
        keepPoints(node);
        target.start(node);
        String problem = damage.awaitHealed(node);
        if (!problem.isEmpty()) {
            surprised("node " + node + " after its state had drifted: " + problem);
        }
    }

    /** The operator asks again until it is done: whoever ends meanwhile is started again. */
    private void replace(int node, String detail) {
        OptionalInt joined = target.join();
        if (joined.isEmpty()) {
            throw new ChaosException("this cluster cannot grow");
        }
        int fresh = joined.getAsInt();
        processes.put(fresh, new ReentrantLock());
        boolean dead = detail.equals(Planner.DEAD);
        try (var reviver = new Reviver()) {
            reviver.arm(detail, fresh);
            if (!add(fresh)) {
                return;
            }
            reviver.arm(detail, fresh);
            if (dead) {
                target.kill(node);
            }
            if (!remove(node)) {
                return;
            }
        }
        keepPoints(node);
        if (!dead) {
            Integer code = target.awaitExit(node, NOTICED);
            if (code == null || code != EXIT_IDENTITY) {
                surprised("node " + node + " was removed (expected: exit code " + EXIT_IDENTITY + ", got " + code
                        + "):\n" + Os.tail(target.log(node), 12));
            }
        }
    }

    private boolean add(int fresh) {
        HistoryWriter.Call add = operator(OPERATOR, Kind.ADD_MEMBER, fresh);
        HistoryWriter.Call promote = operator(OPERATOR + 1, Kind.PROMOTE_MEMBER, fresh);
        if (!Os.await(CHANGE, () -> target.add(fresh))) {
            add.unknown();
            promote.unknown();
            surprised("node " + fresh + " is no voter after " + CHANGE.toSeconds() + " s:\n"
                    + Os.tail(target.log(fresh), 12));
            return false;
        }
        add.ok(List.of(), 0, 0, fresh);
        promote.ok(List.of(), 0, 0, fresh);
        return true;
    }

    private boolean remove(int node) {
        HistoryWriter.Call remove = operator(OPERATOR, Kind.REMOVE_MEMBER, node);
        if (!Os.await(CHANGE, () -> target.remove(node))) {
            remove.unknown();
            surprised("node " + node + " is a member " + CHANGE.toSeconds() + " s after its removal was asked for");
            return false;
        }
        remove.ok(List.of(), 0, 0, node);
        return true;
    }

    /** Arms members for a change, and starts them again when they have ended of that, as a supervisor would. */
    private final class Reviver implements AutoCloseable {

        private final Set<Integer> ours = new ConcurrentSkipListSet<>();
        private final Thread thread;
        private volatile boolean closed;

        Reviver() {
            thread = Thread.startVirtualThread(() -> {
                while (!closed) {
                    ours.forEach(this::look);
                    Os.sleep(HEARD);
                }
            });
        }

        void arm(String detail, int fresh) {
            Integer node = detail.startsWith(Failpoint.JOINING)
                    ? (Integer) fresh
                    : detail.startsWith(Failpoint.LEADER) ? find("leader") : null;
            if (node != null) {
                ours.add(node);
                Nemesis.this.arm(node, detail.substring(detail.indexOf(':') + 1));
            }
        }

        private void look(int node) {
            Integer code = target.awaitExit(node, Duration.ZERO);
            if (code != null && code == KILLED) {
                disarm(node);
                keepPoints(node);
                target.start(node);
            }
        }

        @Override
        public void close() {
            closed = true;
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            ours.forEach(Nemesis.this::disarm);
            ours.forEach(node -> {
                target.awaitExit(node, ENDED); // of what it came to just before
                look(node);
            });
        }
    }

    private HistoryWriter.Call operator(int process, Kind kind, int node) {
        return history.call(process, kind, List.of(Integer.toString(node)), List.of(), node);
    }

    private void arm(int node, String line) {
        FailpointFile.of(target.failpoints(node)).arm(line);
    }

    private void revive(int node) {
        revive(node, HEARD);
    }

    /** Starts it again if it has ended by then. */
    private void revive(int node, Duration patience) {
        disarm(node);
        if (target.awaitExit(node, patience) != null) {
            keepPoints(node);
            target.start(node);
        }
    }

    /** The next process writes the file anew. */
    private void keepPoints(int node) {
        synchronized (points) {
            points.addAll(FailpointFile.of(target.failpoints(node)).hits());
        }
    }

    /** The failpoints that any node has come to. */
    Set<String> points() {
        nodes().forEach(this::keepPoints);
        synchronized (points) {
            return Set.copyOf(points);
        }
    }

    private void disarm(int node) {
        FailpointFile.of(target.failpoints(node)).disarm();
    }

    /** Whom the plan means at this moment; null when nobody is. */
    private @Nullable Integer find(String node) {
        if (!node.equals("leader") && !node.equals("follower")) {
            int id = Integer.parseInt(node);
            return nodes().contains(id) ? id : null;
        }
        long deadline = System.nanoTime() + FIND_LEADER.toNanos();
        while (System.nanoTime() - deadline < 0) {
            Optional<Integer> leader = target.leader();
            if (leader.isPresent()) {
                if (node.equals("leader")) {
                    return leader.get();
                }
                List<Integer> followers = nodes().stream()
                        .filter(id -> !id.equals(leader.get()) && target.alive(id))
                        .toList();
                return followers.isEmpty() ? null : followers.getFirst();
            }
            Os.sleep(Duration.ofMillis(50));
        }
        return null;
    }

    private static List<List<Integer>> groups(String text) {
        return Arrays.stream(text.split("\\|", -1)).map(Nemesis::numbers).toList();
    }

    private static List<Integer> numbers(String text) {
        return Arrays.stream(text.split(",", -1)).map(Integer::valueOf).toList();
    }

    private void record(Plan.Step step, List<Integer> nodes, long began) {
        history.fault(new Fault(step.kind().text(), nodes, began, history.nanos(), step.detail()));
        count(step.kind().text());
    }

    private void leftOut(Plan.Step step) {
        count(step.kind().text() + " (left out)");
    }

    private void count(String kind) {
        synchronized (carriedOut) {
            carriedOut.merge(kind, 1, Integer::sum);
        }
    }

    private void surprised(String what) {
        synchronized (surprises) {
            surprises.add(what);
        }
    }
}
