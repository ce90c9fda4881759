package dev.conflux.qa.bench;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What a large state costs: a snapshot under load, a restart, a member that has to fetch everything. */
final class SnapshotBenchmark implements Benchmark {

    private static final int NODES = 3;
    private static final int CONTENT_BYTES = 900_000; // below the largest content, 1 MiB
    private static final int FILLERS = 16;
    private static final int CONCURRENCY = 16;
    private static final Duration LIMIT = Duration.ofMinutes(3);

    /** Two intervals of 128 MiB, the write-ahead logs and memtables of the log database: consensus/jraft/DESIGN.md. */
    private static final long LOG_BOUND_BYTES = (2 * 128L + 128 + 64) << 20;

    @Override
    public String name() {
        return "snapshot";
    }

    @Override
    public String question() {
        return "With 1 GiB of state: how long do a snapshot under load, a restart and fetching everything take?";
    }

    @Override
    public Report run(Setting setting) throws IOException, InterruptedException {
        int contents = (int) (((long) setting.count(1_024, 8) << 20) / CONTENT_BYTES) + 1;
        Duration measured = setting.time(Duration.ofSeconds(15), Duration.ofSeconds(2));
        setting.tell("starting three nodes");
        try (LocalCluster cluster = Nodes.start(setting.directory().resolve("cluster"), NODES)) {
            NodeClient admin = Nodes.login(cluster);
            NodeProcess leader = Nodes.leader(cluster, admin);
            NodeProcess follower = Nodes.follower(cluster, admin);
            List<String> paths = Nodes.create(admin, 1, 200).stream()
                    .map(id -> "/api/v1/mgt/configs/" + id + "/publish")
                    .toList();
            setting.tell("writing " + contents + " contents of " + CONTENT_BYTES + " B");
            fill(admin.at(leader), contents);
            List<String> headers = List.of("Authorization: Bearer " + admin.token());
            List<Long> pids = cluster.nodes().stream().map(NodeProcess::pid).toList();
            Level baseline;
            Level loaded;
            double snapshotSeconds;
            double cleanSeconds;
            try (var generator = HttpGenerator.start(setting, "publish", HttpLoad.Mode.PUBLISH, paths, headers);
                    var executor = Executors.newVirtualThreadPerTaskExecutor()) {
                setting.tell("publishing, without a snapshot");
                generator.measure(leader.httpPort(), CONCURRENCY, measured, measured, () -> 0);
                baseline = generator
                        .measure(
                                leader.httpPort(),
                                CONCURRENCY,
                                Duration.ofSeconds(1),
                                measured,
                                () -> ProcessFigures.cpuMicros(pids))
                        .level();
                setting.tell("publishing, while all nodes take a snapshot");
                Future<Level> during = executor.submit(() -> generator
                        .measure(
                                leader.httpPort(),
                                CONCURRENCY,
                                Duration.ofSeconds(1),
                                measured,
                                () -> ProcessFigures.cpuMicros(pids))
                        .level());
                TimeUnit.MILLISECONDS.sleep(measured.toMillis() / 4 + 1_000);
                long start = System.nanoTime();
                List<Future<NodeClient.Answer>> snapshots = cluster.nodes().stream()
                        .map(node -> executor.submit(() -> admin.at(node).send("POST", "/_cluster/snapshot", Map.of())))
                        .toList();
                for (Future<NodeClient.Answer> snapshot : snapshots) {
                    snapshot.get().expect(200);
                }
                snapshotSeconds = seconds(start);
                Path log = leader.dataDirectory().resolve("log");
                Nodes.await("the log is not cleaned up", LIMIT, () -> bytes(log) < LOG_BOUND_BYTES);
                cleanSeconds = seconds(start);
                loaded = during.get();
            } catch (ExecutionException e) {
                throw new BenchException("a snapshot under load failed", e.getCause());
            }
            long state = bytes(follower.dataDirectory().resolve("state"));
            setting.tell("restarting a node");
            follower.stop();
            double restartSeconds = untilReady(follower);
            setting.tell("a node without log, snapshots and state");
            follower.stop();
            for (String part : List.of("log", "raft/snapshots", "state")) {
                delete(follower.dataDirectory().resolve(part));
            }
            double blankSeconds = untilReady(follower);
            return report(
                    state,
                    bytes(leader.dataDirectory().resolve("log")),
                    baseline,
                    loaded,
                    List.of(snapshotSeconds, cleanSeconds, restartSeconds, blankSeconds));
        }
    }

    private static Report report(long state, long log, Level baseline, Level loaded, List<Double> seconds) {
        double factor = loaded.percentileMillis(99) / baseline.percentileMillis(99);
        List<String> names = List.of(
                "snapshot on all three nodes",
                "and the log within its bound",
                "restart to ready",
                "without log, snapshots and state to ready");
        var rows = new ArrayList<List<Cell>>();
        for (int i = 0; i < names.size(); i++) {
            rows.add(List.of(Cell.of(names.get(i)), Cell.of(seconds.get(i), 2)));
        }
        return new Report(
                "3 packaged node processes with default settings, one PostgreSQL and 1 generator process on this machine;"
                        + " random contents of " + CONTENT_BYTES
                        + " B created through REST; publish of a small content to the"
                        + " leader, " + CONCURRENCY
                        + " in flight, before and while every node takes a snapshot; afterwards a"
                        + " follower is stopped and started, then stopped, emptied but for identity, vote and mark, and"
                        + " started; ready = /ready answers 200",
                List.of(
                        new Table("seconds", List.of("until", "s"), rows),
                        new Table(
                                "publish through REST",
                                List.of("snapshot", "ops/s", "p50 ms", "p99 ms", "max ms"),
                                List.of(row("none", baseline), row("on every node", loaded)))),
                List.of(
                        target("snapshot and log clean-up < 10 s", seconds.get(1), 10),
                        new Report.Target(
                                "p99 of publish during a snapshot < 3 x without",
                                "%.1f x".formatted(factor),
                                factor < 3),
                        target("restart to ready <= 10 s", seconds.get(2), 10),
                        target("fetching everything to ready <= 60 s", seconds.get(3), 60)),
                List.of("the follower's state is %d MiB on disk, the leader's log %d MiB"
                        .formatted(state >> 20, log >> 20)),
                List.of());
    }

    private static Report.Target target(String expected, double seconds, double limit) {
        return new Report.Target(expected, "%.1f s".formatted(seconds), seconds <= limit);
    }

    private static List<Cell> row(String name, Level level) {
        return List.of(
                Cell.of(name),
                Cell.of(level.perSecond(), 0),
                Cell.of(level.percentileMillis(50), 2),
                Cell.of(level.percentileMillis(99), 2),
                Cell.of(level.maxMillis(), 1));
    }

    /** Random, so that no compression makes the state smaller than it says; a few at a time: it is no load test. */
    private static void fill(NodeClient client, int contents) throws InterruptedException {
        var tasks = new ArrayList<Callable<Integer>>();
        for (int i = 0; i < contents; i++) {
            int number = i;
            tasks.add(() -> {
                byte[] random = new byte[CONTENT_BYTES * 3 / 4 - 100];
                new SplittableRandom(number).nextBytes(random);
                Map<String, Object> config = Map.of(
                        "tenant", "acme",
                        "app", "large",
                        "env", "prod",
                        "name", Nodes.name(number),
                        "format", "json",
                        "content", "{\"v\":\"" + Base64.getEncoder().encodeToString(random) + "\"}",
                        "publish_initial", true);
                long deadline = System.nanoTime() + LIMIT.toNanos();
                while (true) {
                    NodeClient.Answer answer =
                            client.send("POST", "/api/v1/mgt/configs", config, "X-Idempotency-Key", "fill-" + number);
                    if (answer.status() == 201 || answer.status() < 500 || System.nanoTime() > deadline) {
                        return answer.expect(201).status();
                    }
                }
            });
        }
        Nodes.inParallel(tasks, FILLERS);
    }

    private static double untilReady(NodeProcess node) throws InterruptedException {
        long start = System.nanoTime();
        node.start();
        Nodes.awaitReady(node);
        return seconds(start);
    }

    private static double seconds(long startNanos) {
        return (System.nanoTime() - startNanos) / 1e9;
    }

    private static long bytes(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            long sum = 0;
            for (Path file : files.toList()) {
                try {
                    sum += Files.isRegularFile(file) ? Files.size(file) : 0;
                } catch (NoSuchFileException e) {
                    // Compacted away meanwhile.
                }
            }
            return sum;
        } catch (UncheckedIOException e) {
            return bytes(directory); // a file went while the directory was being listed
        } catch (IOException e) {
            throw new BenchException(directory + " cannot be read", e);
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
