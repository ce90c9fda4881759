package dev.conflux.tool.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/** {@code ./cx demo}: the story, unattended; exits 0 when every step held. */
public final class Demo {

    private static final int NODES = 3;
    private static final int WRITES = 50;

    private final Terminal terminal = new Terminal(System.out);

    private Demo() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (arguments.length > 0) {
            System.out.println("""
                    usage: ./cx demo

                    Starts three nodes with one embedded PostgreSQL on free ports, publishes a config, fetches it from each
                    node, releases a canary, kills the leader with SIGKILL under load, publishes again, brings the killed
                    node back and shows that nothing was lost. Exits 0 when every step held.""");
            return;
        }
        Path directory = Files.createTempDirectory("conflux-demo");
        try {
            new Demo().run(directory);
        } catch (LocalException e) {
            System.err.println("cx demo: " + e.getMessage() + "\n(the nodes' logs are kept in " + directory + ")");
            System.exit(1);
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private void run(Path directory) throws InterruptedException {
        terminal.heading("Conflux demo: three nodes on this machine");
        var cluster = new LocalCluster(LocalCluster.Options.ofTest(directory, NODES));
        Runtime.getRuntime().addShutdownHook(new Thread(cluster::close, "stop"));
        try (cluster) {
            cluster.start();
            Run.awaitControlPlane(cluster);
            terminal.done(
                    "three processes are up, leader is node " + leader(cluster).id());
            tell(cluster);
        }
        terminal.heading("Every step held.");
    }

    private void tell(LocalCluster cluster) {
        NodeClient admin = cluster.client(cluster.node(1));
        JsonNode created = admin.send(
                        "POST",
                        "/api/v1/mgt/configs",
                        Map.of(
                                "tenant", "acme",
                                "app", "shop",
                                "env", "prod",
                                "name", "db.json",
                                "format", "json",
                                "content", "{\"pool\":10}",
                                "publish_initial", true))
                .expect(201)
                .json();
        long id = created.get("config").get("id").asLong();
        terminal.done("published acme/shop/prod/db.json through node 1 as config " + id + " version 1");

        long revision = admin.get("/api/v1/mgt/configs/" + id).expect(200).revision();
        for (NodeProcess node : cluster.nodes()) {
            check("{\"pool\":10}", fetch(admin.at(node), revision, ""), "node " + node.id());
        }
        terminal.done("fetched the same bytes from each of the three nodes");

        NodeClient.Answer canary = admin.at(cluster.node(2))
                .send(
                        "POST",
                        "/api/v1/mgt/configs/" + id + "/publish",
                        Map.of(
                                "content",
                                "{\"pool\":20}",
                                "strategy",
                                Map.of("type", "canary", "labels", Map.of("canary", "true")),
                                "comment",
                                "try a larger pool"))
                .expect(200);
        check("{\"pool\":20}", fetch(admin.at(cluster.node(3)), canary.revision(), "true"), "a canary client");
        check("{\"pool\":10}", fetch(admin.at(cluster.node(3)), canary.revision(), "false"), "any other client");
        terminal.done("canary released through node 2: clients with canary=true get version 2, all others version 1");

        NodeProcess leader = leader(cluster);
        List<NodeProcess> others = new ArrayList<>(cluster.nodes());
        others.remove(leader);
        NodeClient survivor = admin.at(others.getFirst());
        Set<String> acknowledged = new HashSet<>();
        for (int i = 0; i < WRITES; i++) {
            if (i == WRITES / 2) {
                long killed = System.nanoTime();
                leader.kill();
                await("no new leader", () -> others.stream().anyMatch(node -> isLeader(node)));
                terminal.done("killed the leader, node %d, with SIGKILL; node %d leads after %d ms"
                        .formatted(leader.id(), leader(cluster).id(), (System.nanoTime() - killed) / 1_000_000));
            }
            String content = "{\"pool\":" + (100 + i) + "}";
            publish(survivor, id, content, "demo-" + i);
            acknowledged.add(content);
        }
        terminal.done(WRITES + " versions published through node "
                + others.getFirst().id() + ", half of them without the old leader, each with an idempotency key");

        leader.start();
        leader.awaitReady();
        long last = survivor.get("/api/v1/mgt/configs/" + id).expect(200).revision();
        NodeClient returned = admin.at(leader);
        JsonNode versions = returned.get(
                        "/api/v1/mgt/configs/" + id + "/versions?limit=1000",
                        "X-Conflux-Min-Revision",
                        Long.toString(last))
                .expect(200)
                .json()
                .get("items");
        Set<String> found = new HashSet<>();
        for (JsonNode version : versions) {
            found.add(returned.get("/api/v1/mgt/configs/" + id + "/versions/"
                            + version.get("version_id").asLong() + "/content")
                    .expect(200)
                    .body());
        }
        if (!found.containsAll(acknowledged) || versions.size() != WRITES + 2) {
            throw new LocalException("the returned node has " + versions.size() + " versions (expected: " + (WRITES + 2)
                    + ", each acknowledged one once)");
        }
        terminal.done("node " + leader.id() + " came back and has every acknowledged version exactly once");

        await("the state digests differ", () -> digests(cluster).size() == 1);
        terminal.done("all three nodes hold the same state, digest "
                + digests(cluster).iterator().next().substring(0, 16) + "...");
    }

    /** Repeats with the same key until the answer is known: what a client does while a leader is being elected. */
    private static void publish(NodeClient client, long id, String content, String key) {
        for (int attempt = 1; ; attempt++) {
            NodeClient.Answer answer = client.send(
                    "POST",
                    "/api/v1/mgt/configs/" + id + "/publish",
                    Map.of("content", content),
                    "X-Idempotency-Key",
                    key);
            if (answer.status() == 200) {
                return;
            }
            if (attempt == 20 || answer.status() < 500) {
                throw new LocalException("publish answered " + answer.status() + ": " + answer.body());
            }
        }
    }

    private static String fetch(NodeClient client, long minRevision, String canary) {
        return client.get(
                        "/api/v1/fetch/config/acme/shop/prod/db.json",
                        "X-Conflux-Min-Revision",
                        Long.toString(minRevision),
                        "X-Client-Label-Canary",
                        canary.isEmpty() ? "none" : canary)
                .expect(200)
                .body();
    }

    private static void check(String expected, String actual, String who) {
        if (!actual.equals(expected)) {
            throw new LocalException(who + " got " + actual + " (expected: " + expected + ")");
        }
    }

    private static NodeProcess leader(LocalCluster cluster) {
        for (int attempt = 0; attempt < 500; attempt++) {
            for (NodeProcess node : cluster.nodes()) {
                if (isLeader(node)) {
                    return node;
                }
            }
        }
        throw new LocalException("no leader");
    }

    private static boolean isLeader(NodeProcess node) {
        if (!node.alive()) {
            return false;
        }
        JsonNode leader = Ops.get(node, "/_cluster/leader").get("leader_id");
        return leader != null && leader.isNumber() && leader.asInt() == node.id();
    }

    private static Set<String> digests(LocalCluster cluster) {
        Set<String> digests = new HashSet<>();
        JsonNode nodes = Ops.get(cluster.node(1), "/_cluster/status").get("nodes");
        for (JsonNode node : nodes) {
            digests.add(node.path("revision").asString() + ":"
                    + node.path("state_digest").asString());
        }
        return digests;
    }

    private static void await(String otherwise, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new LocalException(otherwise + " after 20 s");
            }
            try {
                TimeUnit.MILLISECONDS.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new LocalException("interrupted", e);
            }
        }
    }
}
