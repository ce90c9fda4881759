package dev.conflux.qa.bench;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/** The whole way of a write: HTTP, token, checks, log on three nodes, RocksDB, answer. */
final class PublishBenchmark implements Benchmark {

    static final int CONTENT_BYTES = 1024;

    private static final int NODES = 3;
    private static final List<Integer> CONCURRENCIES = List.of(1, 16, 64);
    private static final int WARM_UP_CONCURRENCY = 16;

    @Override
    public String name() {
        return "publish";
    }

    @Override
    public String question() {
        return "How many 1 KiB JSON configs per second can be published through REST on a cluster of three nodes?";
    }

    @Override
    public Report run(Setting setting) throws IOException, InterruptedException {
        Duration compile = setting.time(Duration.ofSeconds(20), Duration.ofMillis(200));
        Duration warmUp = setting.time(Duration.ofSeconds(2), Duration.ofMillis(100));
        Duration measured = setting.time(Duration.ofSeconds(10), Duration.ofMillis(400));
        int configs = setting.count(1_000, 20);
        var rows = new ArrayList<List<Cell>>();
        setting.tell("starting three nodes, " + configs + " configs");
        try (LocalCluster cluster = Nodes.start(setting.directory().resolve("cluster"), NODES)) {
            NodeClient client = Nodes.login(cluster);
            NodeProcess leader = Nodes.leader(cluster, client);
            NodeProcess follower = Nodes.follower(cluster, client);
            List<String> paths = Nodes.create(client, configs, CONTENT_BYTES).stream()
                    .map(id -> "/api/v1/mgt/configs/" + id + "/publish")
                    .toList();
            List<String> headers = List.of("Authorization: Bearer " + client.token());
            List<Long> pids = cluster.nodes().stream().map(NodeProcess::pid).toList();
            LongSupplier cpu = () -> ProcessFigures.cpuMicros(pids);
            try (var distinct = HttpGenerator.start(setting, "distinct", HttpLoad.Mode.PUBLISH, paths, headers);
                    var same = HttpGenerator.start(
                            setting, "same", HttpLoad.Mode.PUBLISH, List.of(paths.getFirst()), headers)) {
                for (NodeProcess node : List.of(leader, follower)) {
                    String who = node == leader ? "leader" : "follower";
                    setting.tell("warming up the " + who);
                    distinct.measure(node.httpPort(), WARM_UP_CONCURRENCY, compile, Duration.ofMillis(200), cpu);
                    for (int concurrency : CONCURRENCIES) {
                        setting.tell(who + ", distinct configs, concurrency " + concurrency);
                        rows.add(row(
                                who,
                                "distinct",
                                distinct.measure(node.httpPort(), concurrency, warmUp, measured, cpu)));
                    }
                    setting.tell(who + ", one config, concurrency 16");
                    rows.add(row(who, "one", same.measure(node.httpPort(), 16, warmUp, measured, cpu)));
                }
            }
        }
        return new Report(
                "3 packaged node processes with default settings, one PostgreSQL and 1 generator process on this machine,"
                        + " loopback; POST /configs/{id}/publish with " + CONTENT_BYTES
                        + " B of JSON, new content each time, token, over HTTP/1.1 keep-alive, one request in flight per"
                        + " connection; distinct = " + configs + " configs in turn, one = always the same; "
                        + measured.toMillis() / 1000.0 + " s per row after " + warmUp.toMillis() / 1000.0 + " s, and "
                        + compile.toMillis() / 1000.0 + " s of warm-up per node",
                List.of(new Table(
                        "publish through REST",
                        List.of(
                                "to the",
                                "configs",
                                "in flight",
                                "ops/s",
                                "p50 ms",
                                "p99 ms",
                                "p99.9 ms",
                                "max ms",
                                "CPU us/op, 3 nodes",
                                "CPU us/op, generator"),
                        rows)),
                List.of(),
                List.of(),
                List.of());
    }

    private static List<Cell> row(String who, String configs, HttpGenerator.Measured measured) {
        Level level = measured.level();
        return List.of(
                Cell.of(who),
                Cell.of(configs),
                Cell.of(level.concurrency()),
                Cell.of(level.perSecond(), 0),
                Cell.of(level.percentileMillis(50), 2),
                Cell.of(level.percentileMillis(99), 2),
                Cell.of(level.percentileMillis(99.9), 2),
                Cell.of(level.maxMillis(), 1),
                Cell.of(measured.serverCpuPerOperation(), 1),
                Cell.of(measured.generatorCpuPerOperation(), 1));
    }
}
