package dev.conflux.qa.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** How many commands the log takes, and how long one waits. */
final class ProposeBenchmark implements Benchmark {

    private static final List<Integer> CONCURRENCIES = List.of(1, 16, 64, 256);
    private static final int WARM_UP_CONCURRENCY = 64;

    @Override
    public String name() {
        return "propose";
    }

    @Override
    public String question() {
        return "How many 256-byte commands per second are durable on a majority of three nodes, and after how long?";
    }

    @Override
    public Report run(Setting setting) throws IOException, InterruptedException {
        Duration compile = setting.time(Duration.ofSeconds(20), Duration.ofMillis(200));
        Duration warmUp = setting.time(Duration.ofSeconds(3), Duration.ofMillis(100));
        Duration measured = setting.time(Duration.ofSeconds(15), Duration.ofMillis(400));
        setting.tell("disk");
        Duration probe = setting.time(Duration.ofSeconds(5), Duration.ofMillis(200));
        Level alone = DiskProbe.run(setting.directory(), 1, probe);
        Level together = DiskProbe.run(setting.directory(), ProposeCluster.MEMBERS, probe);

        var rows = new ArrayList<List<Cell>>();
        var targets = new ArrayList<Report.Target>();
        setting.tell("starting three members");
        try (var cluster = ProposeCluster.start(
                setting, ProposeCluster.Kind.OURS, setting.directory().resolve("cluster"))) {
            setting.tell("warming up");
            cluster.measure(WARM_UP_CONCURRENCY, compile, Duration.ofMillis(100));
            for (int concurrency : CONCURRENCIES) {
                setting.tell("concurrency " + concurrency);
                var result = cluster.measure(concurrency, warmUp, measured);
                Level level = result.level();
                rows.add(List.of(
                        Cell.of(concurrency),
                        Cell.of(level.perSecond(), 0),
                        Cell.of(level.percentileMillis(50), 2),
                        Cell.of(level.percentileMillis(99), 2),
                        Cell.of(level.percentileMillis(99.9), 2),
                        Cell.of(level.maxMillis(), 1),
                        Cell.of(result.memberCpuPerOperation(), 1),
                        Cell.of(result.generatorCpuPerOperation(), 1)));
                if (concurrency == 64) {
                    targets.add(new Report.Target(
                            "p99 < 10 ms at concurrency 64",
                            Cell.of(level.percentileMillis(99), 2).text() + " ms",
                            level.percentileMillis(99) < 10));
                } else if (concurrency == 256) {
                    targets.add(new Report.Target(
                            ">= 20,000/s at concurrency 256",
                            Cell.of(level.perSecond(), 0).text() + "/s",
                            level.perSecond() >= 20_000));
                }
            }
        }
        return new Report(
                "3 member processes and 1 generator process on this machine, loopback; " + ProposeCluster.COMMAND_BYTES
                        + " B commands to the leader, N in flight; fsync before the acknowledgement, mutual TLS 1.3"
                        + " between members, default engine settings, " + ProposeCluster.HEAP_MEBIBYTES
                        + " MiB heap each; " + measured.toMillis() / 1000.0 + " s per level after "
                        + compile.plus(warmUp).toMillis() / 1000.0 + " s of warm-up",
                List.of(
                        new Table(
                                "propose",
                                List.of(
                                        "in flight",
                                        "ops/s",
                                        "p50 ms",
                                        "p99 ms",
                                        "p99.9 ms",
                                        "max ms",
                                        "CPU us/op, 3 members",
                                        "CPU us/op, generator"),
                                rows),
                        new Table(
                                "physical limit: 4 KiB appended, then fdatasync, same disk",
                                List.of("streams", "syncs/s, all", "p50 ms", "p99 ms"),
                                List.of(diskRow(alone), diskRow(together)))),
                targets,
                List.of(
                        "One sync makes many commands durable; the limit bounds a single command's latency, not ops/s."),
                List.of());
    }

    private static List<Cell> diskRow(Level level) {
        return List.of(
                Cell.of(level.concurrency()),
                Cell.of(level.perSecond(), 0),
                Cell.of(level.percentileMillis(50), 3),
                Cell.of(level.percentileMillis(99), 3));
    }
}
