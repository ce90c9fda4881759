package dev.conflux.qa.chaos;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Nodes of the packaged distribution, with proxies between them. */
final class ConfluxTarget implements Target {

    /** Compiled once is enough for a run of seconds, and leaves the processors to the product. */
    private static final String JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UseG1GC";

    private static final String HEAP = "256m";

    /** Far below the size of a {@link SmallDisk}. */
    private static final String MIN_FREE_SPACE = "32MiB";

    /** Often: a run lasts seconds. */
    private static final String DIGEST_INTERVAL = "2s";

    private static final Duration ASK = Duration.ofSeconds(2);
    private static final Duration READY = Duration.ofMinutes(2);

    /** A little longer than a node waits for a change of its members. */
    private static final Duration CHANGE = Duration.ofSeconds(27);

    /** What the nodes' data lies on. */
    enum Disks {
        /** As large as there is. */
        REAL,
        /** One for each node, which can be filled. */
        SMALL,
        /** Real ones whose power can be cut. */
        MORTAL
    }

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path directory;
    private final LocalCluster cluster;
    private final Disks kind;
    private final String armed;
    private final Network network;
    private final List<SmallDisk> disks = new ArrayList<>();
    private final Set<Integer> members = new ConcurrentSkipListSet<>();
    private String token = "";

    private ConfluxTarget(Path directory, LocalCluster cluster, Disks kind, String armed) {
        this.directory = directory;
        this.cluster = cluster;
        this.kind = kind;
        this.armed = armed;
        this.network =
                new Network(cluster.nodes().stream().map(NodeProcess::peerPort).toList());
        cluster.nodes().forEach(node -> members.add(node.id()));
    }

    /**
     * Starts everything and waits until it serves.
     *
     * @param disks what the nodes' data lies on
     * @param armed failpoints of every node from its start, as lines
     */
    static ConfluxTarget start(Path directory, int nodes, Disks disks, String armed) {
        ArmedDistribution.use();
        var cluster = new LocalCluster(LocalCluster.Options.ofTest(directory, nodes)
                .withSettings(
                        Map.of("storage.digest_interval", DIGEST_INTERVAL, "storage.min_free_space", MIN_FREE_SPACE)));
        var target = new ConfluxTarget(directory, cluster, disks, armed);
        try {
            if (disks == Disks.SMALL) {
                cluster.nodes().forEach(node -> target.disks.add(SmallDisk.mount(node.dataDirectory())));
            }
            cluster.startDatabase();
            for (int node = 1; node <= nodes; node++) {
                target.startFirst(node);
            }
            cluster.awaitReady();
            if (!Os.await(READY, () -> cluster.nodes().stream().allMatch(NodeProcess::controlReady))) {
                throw new ChaosException("the control plane is not ready after " + READY.toSeconds() + " s");
            }
            target.token = cluster.client(cluster.node(1)).token();
            return target;
        } catch (RuntimeException e) {
            target.close();
            throw e;
        }
    }

    private void startFirst(int node) {
        network.writeHosts(node, hosts(node));
        FailpointFile.of(failpoints(node)).armForEver(armed);
        start(node);
    }

    /** The super-administrator's, good for the whole run. */
    String token() {
        return token;
    }

    NodeClient client(int node) {
        return cluster.client(cluster.node(1)).at(cluster.node(node));
    }

    /** How many nodes, from id 1, found the cluster. */
    int founders() {
        return network.founders();
    }

    /** The logs of all nodes, also of those that have left, by id from 1. */
    List<Path> allLogs() {
        return cluster.nodes().stream().map(NodeProcess::logFile).toList();
    }

    int httpPort(int node) {
        return cluster.node(node).httpPort();
    }

    private Path hosts(int node) {
        return cluster.node(node).configFile().resolveSibling("hosts");
    }

    @Override
    public List<Integer> members() {
        return List.copyOf(members);
    }

    @Override
    public boolean alive(int node) {
        return cluster.node(node).alive();
    }

    @Override
    public void start(int node) {
        String java =
                JAVA_OPTIONS + " -Djdk.net.hosts.file=" + hosts(node) + " -Dconflux.failpoints=" + failpoints(node);
        var environment = new HashMap<String, String>();
        environment.put("CONFLUX_JAVA_OPTS", java);
        environment.put("CONFLUX_HEAP", HEAP);
        // Who joins must find a member, and the founders may all have gone.
        environment.put("CONFLUX_CLUSTER_PEERS", node <= founders() ? network.peers() : network.peers(members()));
        environment.put("CONFLUX_CLUSTER_ADDRESS", network.address(node));
        environment.put("CONFLUX_CLUSTER_BIND_HOST", network.bindHost());
        if (kind == Disks.MORTAL) {
            environment.putAll(PowerCut.environment(syncNotes(node)));
        }
        cluster.node(node).start(environment);
    }

    @Override
    public OptionalInt join() {
        NodeProcess node = cluster.joining();
        network.add(node.peerPort());
        startFirst(node.id());
        return OptionalInt.of(node.id());
    }

    @Override
    public boolean add(int node) {
        String body = "{\"node_id\":" + node + ",\"api_address\":\"127.0.0.1:" + httpPort(node)
                + "\",\"raft_address\":\"" + network.address(node) + "\"}";
        if (!changed("POST", "/_cluster/nodes", body, node)) {
            return false;
        }
        members.add(node);
        return true;
    }

    @Override
    public boolean remove(int node) {
        members.remove(node); // From now on it may end.
        return changed("DELETE", "/_cluster/nodes/" + node, "", node);
    }

    private boolean changed(String method, String path, String body, int subject) {
        for (int member : members) {
            if (member != subject && cluster.node(member).alive()) {
                JsonNode answer = ask(cluster.node(member), method, path, body, CHANGE);
                if (answer != null && answer.path("state").asString("").equals("done")) {
                    return true;
                }
            }
        }
        return false;
    }

    @Override
    public void kill(int node) {
        cluster.node(node).kill();
    }

    @Override
    public void stop(int node) {
        cluster.node(node).stop();
    }

    @Override
    public void freeze(int node) {
        cluster.node(node).freeze();
    }

    @Override
    public void thaw(int node) {
        cluster.node(node).thaw();
    }

    @Override
    public @Nullable Integer awaitExit(int node, Duration patience) {
        return cluster.node(node).awaitExit(patience);
    }

    @Override
    public Optional<Integer> leader() {
        for (NodeProcess node : cluster.nodes()) {
            JsonNode leader = node.alive() ? ask(node, "GET", "/_cluster/leader", "") : null;
            if (leader != null && leader.path("leader_id").asInt(0) == node.id()) {
                return Optional.of(node.id());
            }
        }
        return Optional.empty();
    }

    @Override
    public Optional<String> state(int node) {
        JsonNode status = ask(cluster.node(node), "GET", "/_cluster/status", "");
        JsonNode self =
                status == null ? JSON.createObjectNode() : status.path("nodes").path(Integer.toString(node));
        String digest = self.path("state_digest").asString("");
        return digest.isEmpty()
                ? Optional.empty()
                : Optional.of(self.path("revision").asLong(0) + " " + digest);
    }

    @Override
    public void snapshot(int node) {
        ask(cluster.node(node), "POST", "/_cluster/snapshot", "{}");
    }

    private @Nullable JsonNode ask(NodeProcess node, String method, String path, String body) {
        return ask(node, method, path, body, ASK);
    }

    private @Nullable JsonNode ask(NodeProcess node, String method, String path, String body, Duration patience) {
        try (var http = new RawHttp(node.opsUrl().getPort(), patience)) {
            RawHttp.Answer answer = http.send(
                    method, path, "Authorization: Bearer " + token + "\r\nContent-Type: application/json\r\n", body);
            return answer.status() == 200 ? JSON.readTree(answer.body()) : null;
        } catch (IOException e) {
            return null;
        }
    }

    @Override
    public void transferLeadership(int node) {
        ask(cluster.node(node), "POST", "/_cluster/leader/transfer", "{\"target_node_id\":" + node + "}");
    }

    @Override
    public Network network() {
        return network;
    }

    @Override
    public Path data(int node) {
        return cluster.node(node).dataDirectory();
    }

    @Override
    public Path log(int node) {
        return cluster.node(node).logFile();
    }

    @Override
    public Path failpoints(int node) {
        return directory.toAbsolutePath().resolve("node-" + node).resolve("failpoints");
    }

    @Override
    public Path syncNotes(int node) {
        return directory.toAbsolutePath().resolve("node-" + node).resolve("synced");
    }

    @Override
    public void close() {
        for (NodeProcess node : cluster.nodes()) {
            if (node.alive()) {
                node.kill(); // Also one that is frozen; whatever it would say on its way out is in no history.
            }
        }
        cluster.close();
        disks.forEach(SmallDisk::close);
        network.close();
    }
}
