package dev.conflux.qa.bench;

import dev.conflux.tool.local.FreePorts;
import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.LongSupplier;

/**
 * The read that everybody makes: one config with a token, labels that choose among three rules, and metrics; beside the
 * bare HTTP library and beside nginx with the same bytes.
 */
final class FetchBenchmark implements Benchmark {

    private static final String PREFIX = "/api/v1/fetch/config/acme/bench/prod/";
    private static final int CONTENT_BYTES = 1024;
    private static final List<String> LABELS = List.of("X-Client-Label-Region: us", "X-Client-Label-Tier: silver");

    /** Written by every server itself. */
    private static final Set<String> OWN_HEADERS = Set.of("content-length", "connection", "date", "transfer-encoding");

    private static final long SHUFFLE_SEED = 42;

    /** A way of asking. */
    private enum Load {
        HTTP1_32("HTTP/1.1, 32 connections", 32, 0),
        HTTP1_256("HTTP/1.1, 256 connections", 256, 0),
        HTTP2("HTTP/2 plaintext, 8 x 32 streams", 8, 32);

        private final String text;
        private final int connections;
        private final int streams;

        Load(String text, int connections, int streams) {
            this.text = text;
            this.connections = connections;
            this.streams = streams;
        }
    }

    /**
     * Who is asked.
     *
     * @param http2Port 0 = does not take part
     */
    private record Server(String name, int http1Port, int http2Port, LongSupplier cpuMicros) {}

    @Override
    public String name() {
        return "fetch";
    }

    @Override
    public String question() {
        return "How many 1 KiB configs per second does a node answer, beside its bare HTTP library and nginx?";
    }

    @Override
    public Report run(Setting setting) throws IOException, InterruptedException {
        int configs = setting.count(10_000, 50);
        boolean wrk = setting.tools() && Tool.WRK.find().isPresent();
        boolean h2load = setting.tools() && Tool.H2LOAD.find().isPresent();
        boolean nginx = setting.tools() && Tool.NGINX.find().isPresent();
        var skipped = new ArrayList<String>();
        if (setting.tools()) {
            if (!wrk) {
                skipped.add("HTTP/1.1 with wrk (measured with our own generator instead): " + Tool.WRK.advice());
            }
            if (!h2load) {
                skipped.add("HTTP/2: " + Tool.H2LOAD.advice());
            }
            if (!nginx) {
                skipped.add("nginx: " + Tool.NGINX.advice());
            }
        }
        var rows = new ArrayList<List<Cell>>();
        var targets = new ArrayList<Report.Target>();
        for (int nodes : setting.quick() ? List.of(1) : List.of(1, 3)) {
            setting.tell(nodes + (nodes == 1 ? " node, " : " nodes, ") + configs + " configs with three rules");
            Path directory = Files.createDirectories(setting.directory().resolve("nodes-" + nodes));
            try (LocalCluster cluster = Nodes.start(directory.resolve("cluster"), nodes)) {
                NodeClient first = Nodes.login(cluster);
                NodeProcess node = nodes == 1 ? cluster.node(1) : Nodes.follower(cluster, first);
                NodeClient client = first.at(node);
                prepare(client, configs);
                Path root = directory.resolve("files");
                NodeClient.Answer sample = writeFiles(client, root, configs);
                var requests = new HttpRun.Requests(
                        paths(configs),
                        new ArrayList<>(
                                List.of("Authorization: Bearer " + client.token(), LABELS.get(0), LABELS.get(1))));
                int barePort = FreePorts.take(1).getFirst();
                try (var bare = bare(setting, directory, node, root, sample, barePort);
                        var files = nginx && nodes == 1 ? Nginx.start(directory.resolve("nginx"), root) : null) {
                    bare.await("ready", Duration.ofMinutes(2));
                    var servers = new ArrayList<Server>();
                    servers.add(new Server(
                            nodes == 1 ? "Conflux, 1 node" : "Conflux, a follower of 3",
                            node.httpPort(),
                            node.httpPort(),
                            () -> ProcessFigures.cpuMicros(node.pid())));
                    servers.add(
                            new Server("bare Vert.x", barePort, barePort, () -> ProcessFigures.cpuMicros(bare.pid())));
                    if (files != null) {
                        LongSupplier cpu = () -> ProcessFigures.cpuMicros(files.pids());
                        servers.add(new Server("nginx, static file", files.http1Port(), files.http2Port(), cpu));
                        servers.add(new Server("nginx, open_file_cache", files.cachedPort(), 0, cpu));
                    }
                    var comparison = new Comparison(setting, directory, servers, requests, nodes);
                    for (Load load : Load.values()) {
                        if (load.streams == 0 || h2load) {
                            comparison.run(load, wrk, rows, targets);
                        }
                    }
                }
            }
        }
        return new Report(
                "packaged node processes with default settings; GET of " + configs + " configs of " + CONTENT_BYTES
                        + " B in shuffled order with bearer token and two labels, three rules each, the second decides;"
                        + " the bare server is the same library version with the node's JVM options and event loops,"
                        + " answering the same bytes and headers from a map; nginx has 2 workers, sendfile, no access"
                        + " log; all get the same requests; "
                        + (wrk ? "wrk -t2 and h2load -t2" : "our own generator, one request in flight per connection")
                        + " on the same machine, loopback; servers in turn, "
                        + Comparison.rounds(setting) + " rounds of "
                        + Comparison.measured(setting).toMillis() / 1000.0
                        + " s after " + Comparison.warmUp(setting).toMillis() / 1000.0
                        + " s of warm-up per server and load; medians; ratios are medians of the rounds' ratios",
                List.of(new Table(
                        "fetch",
                        List.of(
                                "load",
                                "server",
                                "req/s",
                                "p50 ms (h2: mean)",
                                "p99 ms",
                                "CPU us/req, server",
                                "Conflux / this"),
                        rows)),
                targets,
                List.of("p99 with all cores busy shows how long a request waits for a core, not what it costs."),
                skipped);
    }

    /** Two versions and three rules each; the labels of the requests choose the second rule and version 2. */
    private static void prepare(NodeClient client, int configs) throws InterruptedException {
        List<Long> ids = Nodes.create(client, configs, CONTENT_BYTES);
        var tasks = new ArrayList<Callable<NodeClient.Answer>>();
        for (int i = 0; i < configs; i++) {
            long id = ids.get(i);
            String content = content(i);
            tasks.add(() -> client.send(
                            "POST",
                            "/api/v1/mgt/configs/" + id + "/publish",
                            Map.of(
                                    "content",
                                    content,
                                    "releases",
                                    List.of(
                                            Map.of(
                                                    "labels", Map.of("region", "us", "tier", "gold"),
                                                    "version_id", 1,
                                                    "priority", 20),
                                            Map.of("labels", Map.of("region", "us"), "version_id", 2, "priority", 10),
                                            Map.of("labels", Map.of(), "version_id", 1, "priority", 0))))
                    .expect(200));
        }
        Nodes.inParallel(tasks);
    }

    private static String content(int number) {
        return HttpLoad.content(1_000_000L + number, CONTENT_BYTES);
    }

    /** What nginx and the bare server serve: exactly what the node answers. Returns one of the node's answers. */
    private static NodeClient.Answer writeFiles(NodeClient client, Path root, int configs) throws IOException {
        Path directory = Files.createDirectories(root.resolve(PREFIX.substring(1)));
        for (int i = 0; i < configs; i++) {
            Files.writeString(directory.resolve(Nodes.name(i)), content(i));
        }
        NodeClient.Answer sample = client.get(
                        PREFIX + Nodes.name(0), "X-Client-Label-Region", "us", "X-Client-Label-Tier", "silver")
                .expect(200);
        if (!sample.body().equals(content(0))
                || !sample.header("X-Config-Version").equals("2")) {
            throw new BenchException("the node answers version " + sample.header("X-Config-Version")
                    + " with other bytes than published (expected: version 2 by the second rule)");
        }
        return sample;
    }

    /** The same Java options as the node's, whatever they are. */
    private static ChildJvm bare(
            Setting setting, Path directory, NodeProcess node, Path root, NodeClient.Answer sample, int port)
            throws IOException {
        Path headers = Files.write(
                directory.resolve("bare.headers"),
                sample.headers().entrySet().stream()
                        .filter(entry -> !OWN_HEADERS.contains(entry.getKey().toLowerCase(Locale.ROOT)))
                        .map(entry -> entry.getKey() + ": " + entry.getValue().getFirst())
                        .toList());
        List<String> command = ProcessFigures.commandLine(node.pid());
        var options = new ArrayList<>(command.subList(1, command.indexOf("-cp")));
        options.add("-D" + Jars.LOGGING_PROPERTY + "=" + Jars.LOGGING);
        int eventLoops = Math.max(2, Runtime.getRuntime().availableProcessors());
        return ChildJvm.start(
                "bare server",
                directory.resolve("bare.log"),
                options,
                Jars.own(setting.home()),
                BareServer.class,
                List.of(Integer.toString(port), Integer.toString(eventLoops), root.toString(), headers.toString()));
    }

    private static List<String> paths(int configs) {
        var paths = new ArrayList<String>();
        for (int i = 0; i < configs; i++) {
            paths.add(PREFIX + Nodes.name(i));
        }
        Collections.shuffle(paths, new Random(SHUFFLE_SEED));
        return paths;
    }

    /** The servers, asked in turn. */
    private record Comparison(
            Setting setting, Path directory, List<Server> servers, HttpRun.Requests requests, int nodes) {

        static int rounds(Setting setting) {
            return setting.count(5, 1);
        }

        static Duration measured(Setting setting) {
            return setting.time(Duration.ofSeconds(6), Duration.ofMillis(400));
        }

        static Duration warmUp(Setting setting) {
            return setting.time(Duration.ofSeconds(8), Duration.ofMillis(200));
        }

        void run(Load load, boolean wrk, List<List<Cell>> rows, List<Report.Target> targets)
                throws IOException, InterruptedException {
            List<Server> taking = servers.stream()
                    .filter(server -> load.streams == 0 || server.http2Port() != 0)
                    .toList();
            var runs = new ArrayList<List<HttpRun>>();
            for (Server server : taking) {
                if (!setting.quick()) {
                    setting.tell(load.text + ": warming up " + server.name());
                    once(load, wrk, server, warmUp(setting));
                }
                runs.add(new ArrayList<>());
            }
            for (int round = 1; round <= rounds(setting); round++) {
                setting.tell(load.text + ": round " + round + " of " + rounds(setting));
                for (int i = 0; i < taking.size(); i++) {
                    runs.get(i).add(once(load, wrk, taking.get(i), measured(setting)));
                }
            }
            for (int i = 0; i < taking.size(); i++) {
                List<HttpRun> its = runs.get(i);
                var ratios = new ArrayList<Double>();
                for (int round = 0; round < its.size(); round++) {
                    ratios.add(runs.getFirst().get(round).perSecond()
                            / its.get(round).perSecond());
                }
                double ratio = Median.of(ratios, Double::doubleValue);
                double p99 = Median.of(its, HttpRun::p99Millis);
                rows.add(List.of(
                        Cell.of(load.text),
                        Cell.of(taking.get(i).name()),
                        Cell.of(Median.of(its, HttpRun::perSecond), 0),
                        Cell.of(Median.of(its, HttpRun::typicalMillis), 2),
                        Double.isNaN(p99) ? Cell.of("-") : Cell.of(p99, 2),
                        Cell.of(Median.of(its, HttpRun::serverCpuMicrosPerRequest), 1),
                        Cell.of(ratio, 2)));
                if (nodes == 1 && load.streams == 0) {
                    target(load, taking.get(i), ratio, targets);
                }
            }
        }

        private static void target(Load load, Server server, double ratio, List<Report.Target> targets) {
            double least =
                    server.name().startsWith("bare") ? 0.85 : server.name().startsWith("nginx, s") ? 1 : 0;
            if (least > 0) {
                targets.add(new Report.Target(
                        ">= " + Cell.of(least, 2).text() + " x " + server.name() + ", " + load.text,
                        Cell.of(ratio, 2).text(),
                        ratio >= least));
            }
        }

        private HttpRun once(Load load, boolean wrk, Server server, Duration duration)
                throws IOException, InterruptedException {
            if (load.streams > 0) {
                return HttpRun.h2load(
                        requests,
                        directory,
                        server.http2Port(),
                        load.connections,
                        load.streams,
                        duration,
                        server.cpuMicros());
            }
            if (wrk) {
                return HttpRun.wrk(
                        requests.script(directory),
                        directory,
                        server.http1Port(),
                        load.connections,
                        duration,
                        server.cpuMicros());
            }
            try (var generator = HttpGenerator.start(
                    setting, "get-" + server.http1Port(), HttpLoad.Mode.GET, requests.paths(), requests.headers())) {
                return HttpRun.of(generator.measure(
                        server.http1Port(), load.connections, Duration.ofMillis(200), duration, server.cpuMicros()));
            }
        }
    }
}
