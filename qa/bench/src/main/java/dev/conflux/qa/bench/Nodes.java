package dev.conflux.qa.bench;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.LocalException;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import tools.jackson.databind.JsonNode;

/** What the benchmarks of packaged nodes have in common. */
final class Nodes {

    /** Requests in flight while data is prepared. */
    private static final int PREPARERS = 16;

    private static final Duration START_TIMEOUT = Duration.ofMinutes(3);

    /** Of clusters that live for minutes, on loopback. */
    private static final String PASSWORD = UUID.randomUUID().toString();

    private Nodes() {}

    /** Starts a cluster, ready for data and control plane; close it. */
    static LocalCluster start(Path directory, int nodes) throws InterruptedException {
        var cluster = new LocalCluster(new LocalCluster.Options(
                directory, nodes, 0, Map.of("CONFLUX_BOOTSTRAP_ADMIN_PASSWORD", PASSWORD), Map.of()));
        try {
            cluster.startDatabase();
            cluster.nodes().forEach(NodeProcess::start);
            for (NodeProcess node : cluster.nodes()) {
                awaitReady(node);
            }
            await(
                    "the control plane is not ready",
                    START_TIMEOUT,
                    () -> cluster.nodes().stream().allMatch(NodeProcess::controlReady));
            return cluster;
        } catch (RuntimeException | InterruptedException e) {
            cluster.close();
            throw e;
        }
    }

    /** A super-admin's client, at the first node. The account is made in the background of the first start. */
    static NodeClient login(LocalCluster cluster) throws InterruptedException {
        var client = new AtomicReference<NodeClient>();
        await("nobody can log in", START_TIMEOUT, () -> {
            try {
                client.set(NodeClient.login(cluster.node(1).url(), "admin", PASSWORD));
                return true;
            } catch (LocalException e) {
                return false;
            }
        });
        return client.get();
    }

    static NodeProcess leader(LocalCluster cluster, NodeClient admin) throws InterruptedException {
        await("no leader", START_TIMEOUT, () -> cluster.nodes().stream().anyMatch(node -> leads(node, admin)));
        return cluster.nodes().stream()
                .filter(node -> leads(node, admin))
                .findFirst()
                .orElseThrow(() -> new BenchException("the leader has changed (expected: a quiet cluster)"));
    }

    static NodeProcess follower(LocalCluster cluster, NodeClient admin) throws InterruptedException {
        NodeProcess leader = leader(cluster, admin);
        return cluster.nodes().stream()
                .filter(node -> node.id() != leader.id())
                .findFirst()
                .orElseThrow();
    }

    private static boolean leads(NodeProcess node, NodeClient admin) {
        return node.alive() && leaderKnownBy(node, admin) == node.id();
    }

    /** The leader's id as {@code node} sees it; 0 when it knows none or does not answer. */
    static int leaderKnownBy(NodeProcess node, NodeClient admin) {
        try {
            NodeClient.Answer answer = admin.at(node).get("/_cluster/leader");
            JsonNode leader = answer.expect(200).json().path("leader_id");
            return leader.isNumber() ? leader.asInt() : 0;
        } catch (LocalException e) {
            return 0;
        }
    }

    /** Creates configs {@code c00000} … in acme/bench/prod with one released version; returns their ids. */
    static List<Long> create(NodeClient client, int count, int contentBytes) throws InterruptedException {
        var tasks = new ArrayList<Callable<Long>>();
        for (int i = 0; i < count; i++) {
            int number = i;
            tasks.add(() -> client.send(
                            "POST",
                            "/api/v1/mgt/configs",
                            Map.of(
                                    "tenant", "acme",
                                    "app", "bench",
                                    "env", "prod",
                                    "name", name(number),
                                    "format", "json",
                                    "content", HttpLoad.content(number, contentBytes),
                                    "publish_initial", true))
                    .expect(201)
                    .json()
                    .get("config")
                    .get("id")
                    .asLong());
        }
        return inParallel(tasks);
    }

    static String name(int number) {
        return "c%05d.json".formatted(number);
    }

    /** As {@link NodeProcess#awaitReady}, with the patience of a benchmark's test on a starved machine. */
    static void awaitReady(NodeProcess node) throws InterruptedException {
        await("node " + node.id() + " is not ready", START_TIMEOUT, () -> {
            if (!node.alive()) {
                throw new BenchException("node " + node.id() + " has ended; the end of its log:\n" + node.tail());
            }
            return node.ready();
        });
    }

    /** Runs all, some at a time; the results in the order of the tasks. */
    static <T> List<T> inParallel(List<? extends Callable<T>> tasks) throws InterruptedException {
        return inParallel(tasks, PREPARERS);
    }

    static <T> List<T> inParallel(List<? extends Callable<T>> tasks, int atOnce) throws InterruptedException {
        try (var executor =
                Executors.newFixedThreadPool(atOnce, Thread.ofVirtual().factory())) {
            var results = new ArrayList<T>();
            for (Future<T> task : executor.invokeAll(tasks)) {
                results.add(task.get());
            }
            return results;
        } catch (ExecutionException e) {
            throw new BenchException("the data cannot be prepared", e.getCause());
        }
    }

    static void await(String otherwise, Duration limit, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new BenchException(otherwise + " after " + limit.toSeconds() + " s");
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }
}
