package dev.conflux.qa.integration;

import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.LocalException;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import dev.conflux.tool.local.Ops;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** What the tests ask of a running {@link LocalCluster}. */
final class Cluster {

    static final Duration PATIENCE = Duration.ofMinutes(2);

    private Cluster() {}

    /** The node that every running node names as leader, as soon as there is one. */
    static NodeProcess awaitLeader(LocalCluster cluster) {
        return await("a leader")
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> leader(cluster), Optional::isPresent)
                .orElseThrow();
    }

    static Optional<NodeProcess> leader(LocalCluster cluster) {
        for (NodeProcess node : running(cluster)) {
            JsonNode leader = Ops.get(node, "/_cluster/leader").get("leader_id");
            if (leader != null && leader.isNumber() && leader.asInt() == node.id()) {
                return Optional.of(node);
            }
        }
        return Optional.empty();
    }

    static List<NodeProcess> running(LocalCluster cluster) {
        return cluster.nodes().stream().filter(NodeProcess::alive).toList();
    }

    static void awaitControlPlane(LocalCluster cluster) {
        for (NodeProcess node : running(cluster)) {
            await("the control plane of node " + node.id()).atMost(PATIENCE).until(node::controlReady);
        }
    }

    /** Waits until all running nodes report one revision and one digest, and returns it. */
    static String awaitEqualDigests(LocalCluster cluster) {
        return await("equal digests")
                .atMost(PATIENCE)
                .until(
                        () -> digests(cluster),
                        digests -> digests.size() == 1
                                && !digests.iterator().next().contains("null"))
                .iterator()
                .next();
    }

    private static Set<String> digests(LocalCluster cluster) {
        Set<String> digests = new HashSet<>();
        for (NodeProcess node : running(cluster)) {
            JsonNode self = Ops.get(node, "/_cluster/status").path("nodes").path(Integer.toString(node.id()));
            digests.add(self.path("revision").asString("null") + " "
                    + self.path("state_digest").asString("null"));
        }
        return digests;
    }

    /** Creates {@code acme/shop/prod/<name>} with version 1 released, and returns its id. */
    static long create(NodeClient client, String name, String content) {
        return client.send("POST", "/api/v1/mgt/configs", config(name, content))
                .expect(201)
                .json()
                .get("config")
                .get("id")
                .asLong();
    }

    static Map<String, Object> config(String name, String content) {
        return new HashMap<>(Map.of(
                "tenant", "acme",
                "app", "shop",
                "env", "prod",
                "name", name,
                "format", "json",
                "content", content,
                "publish_initial", true));
    }

    /**
     * Sends a write until its fate is known, always with the same key: what any client does while a leader is elected.
     * Only answers that allow a repetition are repeated.
     */
    static NodeClient.Answer persist(
            NodeClient client, String method, String path, Object body, String key, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            NodeClient.Answer answer;
            try {
                answer = client.send(method, path, body, "X-Idempotency-Key", key);
            } catch (LocalException e) {
                answer = null;
            }
            if (answer != null && answer.status() < 500 && answer.status() != 429) {
                return answer;
            }
            if (System.nanoTime() > deadline) {
                throw new AssertionError(method + " " + path + " with key " + key + " found no answer in " + patience
                        + (answer == null ? "" : "; the last was " + answer.status() + " " + answer.body()));
            }
        }
    }

    static String fetch(NodeClient client, String name, long minRevision) {
        return client.get(
                        "/api/v1/fetch/config/acme/shop/prod/" + name,
                        "X-Conflux-Min-Revision",
                        Long.toString(minRevision))
                .expect(200)
                .body();
    }
}
