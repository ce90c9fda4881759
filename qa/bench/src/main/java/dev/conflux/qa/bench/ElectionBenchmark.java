package dev.conflux.qa.bench;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.LocalException;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/** How long a cluster is without a leader, and without writes, when the leader is killed. */
final class ElectionBenchmark implements Benchmark {

    private static final Duration LIMIT = Duration.ofMinutes(1);
    private static final long POLL_MILLIS = 2;

    @Override
    public String name() {
        return "election";
    }

    @Override
    public String question() {
        return "How long after kill -9 of the leader is there a new one, and how long until a write is acknowledged?";
    }

    private record Trial(double leaderMillis, double writeMillis) {}

    @Override
    public Report run(Setting setting) throws IOException, InterruptedException {
        int trials = setting.count(50, 1);
        // Followers have heard from the new leader, the returned node has caught up, its JVM has calmed down.
        Duration pause = setting.time(Duration.ofSeconds(4), Duration.ofMillis(500));
        var results = new ArrayList<Trial>();
        setting.tell("starting three nodes");
        try (LocalCluster cluster = Nodes.start(setting.directory().resolve("cluster"), 3)) {
            NodeClient admin = Nodes.login(cluster);
            String path = "/api/v1/mgt/configs/"
                    + Nodes.create(admin, 1, PublishBenchmark.CONTENT_BYTES).getFirst() + "/publish";
            for (int i = 0; i < trials; i++) {
                TimeUnit.NANOSECONDS.sleep(pause.toNanos());
                NodeProcess leader = Nodes.leader(cluster, admin);
                Trial trial = trial(cluster, leader, admin, path, i);
                setting.tell("trial %d of %d: leader after %.0f ms, write after %.0f ms"
                        .formatted(i + 1, trials, trial.leaderMillis, trial.writeMillis));
                results.add(trial);
                leader.start();
                Nodes.awaitReady(leader);
            }
        }
        long quick =
                results.stream().filter(trial -> trial.leaderMillis < 1_000).count();
        long quickWrites =
                results.stream().filter(trial -> trial.writeMillis < 1_000).count();
        long writesBack =
                results.stream().filter(trial -> trial.writeMillis <= 2_000).count();
        return new Report(
                "3 packaged node processes with default settings on this machine; SIGKILL to the leader; a survivor's"
                        + " /_cluster/leader asked every " + POLL_MILLIS
                        + " ms until it names another leader; meanwhile"
                        + " each survivor is sent one publish after another until the first is acknowledged; the killed"
                        + " node is started again and " + pause.toMillis() / 1000.0 + " s pass before the next trial",
                List.of(new Table(
                        "after kill -9 of the leader",
                        List.of("until", "trials", "min ms", "median ms", "max ms", "below 1 s"),
                        List.of(
                                row("a new leader is reported", results, Trial::leaderMillis, quick),
                                row("a write is acknowledged", results, Trial::writeMillis, quickWrites)))),
                List.of(
                        new Report.Target(
                                "a new leader in < 1 s in every trial", quick + " of " + trials, quick == trials),
                        new Report.Target(
                                "writes are back in <= 2 s in every trial",
                                writesBack + " of " + trials,
                                writesBack == trials)),
                List.of(),
                List.of());
    }

    private static Trial trial(LocalCluster cluster, NodeProcess leader, NodeClient admin, String path, int number)
            throws InterruptedException {
        List<NodeProcess> survivors = cluster.nodes().stream()
                .filter(node -> node.id() != leader.id())
                .toList();
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            long killed = System.nanoTime();
            leader.kill();
            Future<Double> elected = executor.submit(() -> since(
                    killed,
                    () -> survivors.stream()
                            .map(node -> Nodes.leaderKnownBy(node, admin))
                            .anyMatch(id -> id != 0 && id != leader.id())));
            var writers = new ArrayList<Callable<Double>>();
            for (NodeProcess survivor : survivors) {
                writers.add(() -> since(killed, () -> published(admin.at(survivor), path, number)));
            }
            double written = executor.invokeAny(writers);
            return new Trial(elected.get(), written);
        } catch (ExecutionException e) {
            throw new BenchException("no leader or no write within " + LIMIT.toSeconds() + " s", e.getCause());
        }
    }

    private static double since(long start, Callable<Boolean> condition) throws Exception {
        long deadline = start + LIMIT.toNanos();
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new BenchException("not within " + LIMIT.toSeconds() + " s");
            }
            TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
        }
        return (System.nanoTime() - start) / 1e6;
    }

    private static boolean published(NodeClient client, String path, int number) {
        try {
            return client.send(
                                    "POST",
                                    path,
                                    Map.of("content", HttpLoad.content(number, PublishBenchmark.CONTENT_BYTES)))
                            .status()
                    == 200;
        } catch (LocalException e) {
            return false;
        }
    }

    private static List<Cell> row(String until, List<Trial> trials, ToDoubleFunction<Trial> figure, long quick) {
        return List.of(
                Cell.of(until),
                Cell.of(trials.size()),
                Cell.of(trials.stream().mapToDouble(figure).min().orElse(0), 0),
                Cell.of(Median.of(trials, figure), 0),
                Cell.of(trials.stream().mapToDouble(figure).max().orElse(0), 0),
                Cell.of(quick));
    }
}
