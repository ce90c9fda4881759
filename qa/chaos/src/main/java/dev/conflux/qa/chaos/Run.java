package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.Checker;
import dev.conflux.consensus.testkit.History;
import dev.conflux.consensus.testkit.HistoryWriter;
import dev.conflux.consensus.testkit.Operation;
import dev.conflux.consensus.testkit.Timeline;
import dev.conflux.consensus.testkit.Verdict;
import dev.conflux.tool.local.LocalException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;

/** One plan carried out on a fresh cluster, and the judgement. */
final class Run {

    static final String HISTORY = "history.bin";
    static final String TIMELINE = "timeline.html";
    static final String CLUSTER = "cluster";

    /** Restarts, elections and catching up on a busy machine. */
    private static final Duration CONVERGE = Duration.ofSeconds(60);

    private final Scenario scenario;
    private final Plan plan;
    private final Path directory;
    private final String armed;
    private final Clusters clusters;

    /**
     * @param directory everything is kept below it, but for a shared cluster; must not exist
     * @param armed failpoints of every node from its start; empty for none
     */
    Run(Scenario scenario, Plan plan, Path directory, String armed, Clusters clusters) {
        this.scenario = scenario;
        this.plan = plan;
        this.directory = directory.toAbsolutePath();
        this.armed = armed;
        this.clusters = clusters;
    }

    /** On a cluster of its own. */
    static Result alone(Scenario scenario, Plan plan, Path directory, String armed) {
        try (var clusters = new Clusters(directory.resolve(CLUSTER))) {
            return new Run(scenario, plan, directory, armed, clusters).carryOut();
        }
    }

    /**
     * What came out.
     *
     * @param faults how many of which kind
     * @param points failpoints that any node came to
     * @param violations what is wrong, for people; empty when all is well
     */
    record Result(
            Plan plan,
            long ok,
            long fail,
            long unknown,
            Map<String, Integer> faults,
            Set<String> points,
            List<String> violations,
            Duration took) {

        long operations() {
            return ok + fail + unknown;
        }
    }

    Result carryOut() {
        long began = System.nanoTime();
        var violations = new ArrayList<String>();
        Map<String, Integer> faults = Map.of();
        Set<String> points = new TreeSet<>();
        List<Checker> checkers = List.of();
        try {
            Files.createDirectories(directory);
            plan.write(directory);
            Target target = clusters.take(scenario, directory.resolve(CLUSTER), armed);
            try (var history = new HistoryWriter(directory.resolve(HISTORY))) {
                Workload workload = scenario.load().on(target, history, plan);
                checkers = workload.checkers();
                workload.prepare();
                var nemesis = new Nemesis(target, history, plan);
                load(workload, nemesis);
                faults = nemesis.carriedOut();
                points.addAll(nemesis.points());
                String disagreement = converge(target);
                violations.addAll(nemesis.surprises());
                if (disagreement.isEmpty()) {
                    workload.conclude();
                } else {
                    violations.add(disagreement);
                }
            } finally {
                clusters.giveBack(target);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (ChaosException | LocalException e) {
            violations.add(
                    "the run ended early: " + e.getMessage() + (e.getCause() == null ? "" : " (" + e.getCause() + ")"));
        }
        return judge(checkers, faults, points, violations, began);
    }

    private void load(Workload workload, Nemesis nemesis) {
        var running = new AtomicBoolean(true);
        var seeds = new SplittableRandom(plan.seed());
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            var clients = new ArrayList<Future<?>>();
            for (int number = 1; number <= plan.clients(); number++) {
                int client = number;
                SplittableRandom random = seeds.split();
                clients.add(executor.submit(() -> workload.run(client, random, running::get)));
            }
            long end = System.nanoTime() + Duration.ofMillis(plan.loadMillis()).toNanos();
            try {
                nemesis.run();
                nemesis.healAll();
                Os.sleep(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
            } finally {
                running.set(false);
            }
            for (Future<?> client : clients) {
                client.get();
            }
        } catch (ExecutionException e) {
            throw new ChaosException("a client failed", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ChaosException("interrupted", e);
        }
    }

    /** Waits until all nodes tell the same state; what they tell otherwise, empty when they agree. */
    private String converge(Target target) {
        Set<String> states = new HashSet<>();
        boolean converged = Os.await(CONVERGE, () -> {
            states.clear();
            target.members().stream()
                    .map(node -> target.state(node).orElse("node " + node + " is silent"))
                    .forEach(states::add);
            return states.size() == 1 && !states.iterator().next().contains("silent");
        });
        return converged ? "" : "after " + CONVERGE.toSeconds() + " s without faults the nodes tell " + states;
    }

    private Result judge(
            List<Checker> checkers,
            Map<String, Integer> faults,
            Set<String> points,
            List<String> violations,
            long began) {
        long ok = 0;
        long fail = 0;
        long unknown = 0;
        try {
            if (Files.exists(directory.resolve(HISTORY))) {
                History history = History.read(directory.resolve(HISTORY));
                for (Operation operation : history.operations()) {
                    switch (operation.status()) {
                        case OK -> ok++;
                        case FAIL -> fail++;
                        case UNKNOWN -> unknown++;
                    }
                }
                var verdicts = new ArrayList<Verdict>();
                for (Checker checker : checkers) {
                    verdicts.add(checker.check(history));
                }
                Timeline.write(directory.resolve(TIMELINE), history, verdicts);
                verdicts.forEach(verdict -> {
                    switch (verdict) {
                        case Verdict.Valid valid -> {
                            if (valid.checked() == 0) {
                                violations.add(valid.checker() + ": had nothing to judge");
                            }
                        }
                        case Verdict.Invalid invalid ->
                            violations.add(invalid.checker() + ": " + invalid.rule() + "\n" + invalid.witness());
                        case Verdict.Undecided undecided ->
                            violations.add(undecided.checker() + ": undecided, " + undecided.limit());
                    }
                });
            }
        } catch (IOException e) {
            violations.add("the history cannot be read: " + e.getMessage());
        }
        return new Result(
                plan, ok, fail, unknown, faults, points, violations, Duration.ofNanos(System.nanoTime() - began));
    }
}
