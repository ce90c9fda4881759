package dev.conflux.qa.bench;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeProcess;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** How quickly a node is there, and what it holds while nobody asks. */
final class StartupBenchmark implements Benchmark {

    private static final Duration READY_LIMIT = Duration.ofMinutes(3);
    private static final double MEBIBYTE = 1024;

    @Override
    public String name() {
        return "startup";
    }

    @Override
    public String question() {
        return "How long until a node can serve, and how much memory does an idle one hold?";
    }

    @Override
    public Report run(Setting setting) throws IOException, InterruptedException {
        int starts = setting.count(10, 1);
        Duration idle = setting.time(Duration.ofSeconds(30), Duration.ofMillis(500));
        var fresh = new ArrayList<Double>();
        var again = new ArrayList<Double>();
        var rows = new ArrayList<List<Cell>>();
        double rss;
        double pss;
        double database;
        for (int i = 0; i < setting.count(3, 1); i++) {
            setting.tell("start in an empty directory");
            try (var cluster = cluster(setting, "fresh-" + i)) {
                fresh.add(start(cluster.node(1)));
            }
        }
        try (var cluster = cluster(setting, "again")) {
            NodeProcess node = cluster.node(1);
            start(node);
            Nodes.await("the control plane is not ready", READY_LIMIT, node::controlReady);
            for (int i = 0; i < starts; i++) {
                setting.tell("start " + (i + 1) + " of " + starts);
                node.stop();
                again.add(start(node));
            }
            Nodes.await("the control plane is not ready", READY_LIMIT, node::controlReady);
            setting.tell("idle for " + idle.toSeconds() + " s");
            TimeUnit.NANOSECONDS.sleep(idle.toNanos());
            rss = ProcessFigures.rssKibibytes(node.pid()) / MEBIBYTE;
            pss = ProcessFigures.pssKibibytes(node.pid()) / MEBIBYTE;
            database = ProcessFigures.tree(node.pid()).stream()
                            .filter(pid -> pid != node.pid())
                            .mapToLong(ProcessFigures::pssKibibytes)
                            .sum()
                    / MEBIBYTE;
        }
        rows.add(row("empty directory", fresh));
        rows.add(row("with its data", again));
        double slowest = again.stream().mapToDouble(Double::doubleValue).max().orElse(0);
        return new Report(
                "1 packaged node process with default settings and its embedded PostgreSQL; from the start of the process"
                        + " to the first 200 of /ready, asked every 5 ms; memory " + idle.toMillis() / 1000.0
                        + " s after the last start, without any request meanwhile",
                List.of(
                        new Table(
                                "process start to /ready",
                                List.of("start", "starts", "min s", "median s", "max s"),
                                rows),
                        new Table(
                                "idle memory",
                                List.of("of", "RSS MiB", "PSS MiB"),
                                List.of(
                                        List.of(Cell.of("the node"), Cell.of(rss, 0), Cell.of(pss, 0)),
                                        List.of(
                                                Cell.of("its PostgreSQL, all processes"),
                                                Cell.of("-"),
                                                Cell.of(database, 0))))),
                List.of(
                        new Report.Target(
                                "ready <= 5 s from process start",
                                Cell.of(slowest, 2).text() + " s",
                                slowest <= 5),
                        new Report.Target(
                                "idle RSS <= 350 MB",
                                Cell.of(rss * 1.048576, 0).text() + " MB",
                                rss * 1.048576 <= 350)),
                List.of(),
                List.of());
    }

    /** A node that is prepared, not started. */
    private static LocalCluster cluster(Setting setting, String name) {
        var cluster =
                new LocalCluster(LocalCluster.Options.ofTest(setting.directory().resolve(name), 1));
        cluster.startDatabase();
        return cluster;
    }

    private static double start(NodeProcess node) throws InterruptedException {
        long start = System.nanoTime();
        node.start();
        long deadline = start + READY_LIMIT.toNanos();
        while (!node.ready()) {
            if (!node.alive() || System.nanoTime() > deadline) {
                throw new BenchException("the node did not become ready; the end of its log:\n" + node.tail());
            }
            TimeUnit.MILLISECONDS.sleep(5);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private static List<Cell> row(String what, List<Double> seconds) {
        return List.of(
                Cell.of(what),
                Cell.of(seconds.size()),
                Cell.of(seconds.stream().mapToDouble(Double::doubleValue).min().orElse(0), 2),
                Cell.of(Median.of(seconds, Double::doubleValue), 2),
                Cell.of(seconds.stream().mapToDouble(Double::doubleValue).max().orElse(0), 2));
    }
}
