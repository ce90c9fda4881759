package dev.conflux.qa.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What our peer transport costs beside the engine's own. */
final class TransportBenchmark implements Benchmark {

    private static final List<Integer> CONCURRENCIES = List.of(1, 16, 64, 256);
    private static final int WARM_UP_CONCURRENCY = 64;

    @Override
    public String name() {
        return "transport";
    }

    @Override
    public String question() {
        return "What share of the throughput of the engine's stock transport (plaintext) does ours (TLS 1.3) reach?";
    }

    @Override
    public Report run(Setting setting) throws IOException, InterruptedException {
        Duration compile = setting.time(Duration.ofSeconds(15), Duration.ofMillis(200));
        Duration warmUp = setting.time(Duration.ofSeconds(2), Duration.ofMillis(100));
        Duration measured = setting.time(Duration.ofSeconds(8), Duration.ofMillis(300));
        int rounds = setting.count(3, 1);

        var runs = new ArrayList<Run>();
        for (int round = 1; round <= rounds; round++) {
            for (ProposeCluster.Kind kind : ProposeCluster.Kind.values()) {
                setting.tell("round " + round + " of " + rounds + ", " + kind.text());
                var levels = new ArrayList<ProposeCluster.Measured>();
                try (var cluster =
                        ProposeCluster.start(setting, kind, setting.directory().resolve(kind.name() + round))) {
                    cluster.measure(WARM_UP_CONCURRENCY, compile, Duration.ofMillis(100));
                    for (int concurrency : CONCURRENCIES) {
                        levels.add(cluster.measure(concurrency, warmUp, measured));
                    }
                }
                runs.add(new Run(kind, levels));
            }
        }

        var rows = new ArrayList<List<Cell>>();
        var targets = new ArrayList<Report.Target>();
        for (int i = 0; i < CONCURRENCIES.size(); i++) {
            int concurrency = CONCURRENCIES.get(i);
            List<ProposeCluster.Measured> ours = of(runs, ProposeCluster.Kind.OURS, i);
            List<ProposeCluster.Measured> stock = of(runs, ProposeCluster.Kind.STOCK, i);
            var ratios = new ArrayList<Double>();
            for (int round = 0; round < rounds; round++) {
                ratios.add(ours.get(round).level().perSecond()
                        / stock.get(round).level().perSecond());
            }
            double ratio = Median.of(ratios, Double::doubleValue);
            rows.add(row(ProposeCluster.Kind.OURS, concurrency, ours, ratio));
            rows.add(row(ProposeCluster.Kind.STOCK, concurrency, stock, 1));
            if (concurrency == 256) {
                targets.add(new Report.Target(
                        "ours >= 0.85 of stock at concurrency 256",
                        Cell.of(ratio, 2).text(),
                        ratio >= 0.85));
            }
        }
        return new Report(
                "3 member processes and 1 generator process per run, runs alternate ours, stock, " + rounds
                        + " rounds, fresh processes and directories each; " + ProposeCluster.COMMAND_BYTES
                        + " B commands; the same engine options in both; " + measured.toMillis() / 1000.0
                        + " s per level after " + compile.plus(warmUp).toMillis() / 1000.0
                        + " s of warm-up; medians of the rounds; ratio = median of the rounds' ours / stock",
                List.of(new Table(
                        "propose over two transports",
                        List.of(
                                "transport",
                                "in flight",
                                "ops/s",
                                "p50 ms",
                                "p99 ms",
                                "CPU us/op, 3 members",
                                "share of stock"),
                        rows)),
                targets,
                List.of(
                        "Ours encrypts and authenticates every byte (mutual TLS 1.3); stock is Bolt in plaintext. Ours"
                                + " has no plaintext mode to compare like with like.",
                        "The ratio also holds what else our component adds to the bare engine: the envelope with the"
                                + " leader's time, the high-water mark, futures instead of closures."),
                List.of());
    }

    /** One start of the cluster: a measurement per concurrency. */
    private record Run(ProposeCluster.Kind kind, List<ProposeCluster.Measured> levels) {}

    private static List<ProposeCluster.Measured> of(List<Run> runs, ProposeCluster.Kind kind, int level) {
        return runs.stream()
                .filter(run -> run.kind() == kind)
                .map(run -> run.levels().get(level))
                .toList();
    }

    private static List<Cell> row(
            ProposeCluster.Kind kind, int concurrency, List<ProposeCluster.Measured> runs, double ratio) {
        return List.of(
                Cell.of(kind.text()),
                Cell.of(concurrency),
                Cell.of(Median.of(runs, run -> run.level().perSecond()), 0),
                Cell.of(Median.of(runs, run -> run.level().percentileMillis(50)), 2),
                Cell.of(Median.of(runs, run -> run.level().percentileMillis(99)), 2),
                Cell.of(Median.of(runs, ProposeCluster.Measured::memberCpuPerOperation), 1),
                Cell.of(ratio, 2));
    }
}
