package dev.conflux.qa.chaos;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Proxies between all nodes, one per directed pair, without privileges. All members know each other by the same names,
 * {@code node-1} …, as in production; each has a hosts file of its own in which the name of another is the address of
 * the proxy between the two: 127.10.{@code from}.{@code to}, with the port of the one that listens. So the peers'
 * addresses, identities and certificates are those of a cluster without proxies.
 *
 * <p>In a network namespace of its own ({@link PacketFilter}) the same addresses are the nodes themselves, and packets are
 * dropped by the kernel.
 *
 * <p>Linux only: there the whole of 127/8 is this machine's.
 */
final class Network implements AutoCloseable {

    /** Ids that hosts files name: so many nodes there can be. */
    private static final int MAX_NODES = 32;

    /** By id from 1. */
    private final List<Integer> ports = new CopyOnWriteArrayList<>();

    /** Null when there are proxies. */
    private final @Nullable PacketFilter filter = PacketFilter.inUse() ? new PacketFilter() : null;

    private final int founders;
    private final Map<Pair, Flow> flows = new ConcurrentHashMap<>();
    private final Map<Pair, Link> links = new ConcurrentHashMap<>();

    private record Pair(int from, int to) {}

    /**
     * Listens.
     *
     * @param ports of the nodes' peer listeners on 127.0.0.1, by id from 1
     */
    Network(List<Integer> ports) {
        founders = ports.size();
        ports.forEach(this::add);
    }

    /** Proxies to and from one more node, which gets the next id. */
    void add(int port) {
        ports.add(port);
        int added = ports.size();
        List<Integer> others = others(added);
        for (int other : others) {
            flows.put(new Pair(added, other), newFlow(added, other));
            flows.put(new Pair(other, added), newFlow(other, added));
        }
        if (filter != null) {
            return;
        }
        for (int other : others) {
            link(added, other);
            link(other, added);
        }
    }

    private Flow newFlow(int from, int to) {
        PacketFilter packets = filter;
        return new Flow(packets == null ? fault -> {} : fault -> packets.set(from, to, fault));
    }

    private void link(int from, int to) {
        try {
            links.put(
                    new Pair(from, to),
                    new Link(
                            address(from, to),
                            port(to),
                            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port(to)),
                            flow(from, to),
                            flow(to, from)));
        } catch (IOException e) {
            throw new ChaosException("no proxy from node " + from + " to node " + to, e);
        }
    }

    static InetAddress address(int from, int to) {
        return InetAddress.ofLiteral("127.10." + from + "." + to);
    }

    private int port(int node) {
        return ports.get(node - 1);
    }

    /** Whether such a fault can be had here. */
    boolean can(FaultKind kind) {
        return filter == null || !PacketFilter.NOT_WITHOUT_PROXIES.contains(kind);
    }

    /** Where nodes listen for their peers. */
    String bindHost() {
        return filter == null ? "127.0.0.1" : "0.0.0.0";
    }

    /** How many nodes were there from the beginning. */
    int founders() {
        return founders;
    }

    /** {@code node-1:port}: what every other node knows it by. */
    String address(int node) {
        return "node-" + node + ":" + port(node);
    }

    /** {@code 1@node-1:port,…}: those that found the cluster, the same for every member. */
    String peers() {
        return peers(IntStream.rangeClosed(1, founders).boxed().toList());
    }

    String peers(List<Integer> nodes) {
        return nodes.stream().map(id -> id + "@" + address(id)).collect(Collectors.joining(","));
    }

    /** Writes what {@code -Djdk.net.hosts.file} of a node names. */
    void writeHosts(int node, Path file) {
        var lines = new StringBuilder("127.0.0.1 localhost\n127.0.0.1 node-" + node + "\n");
        for (int id = 1; id <= MAX_NODES; id++) {
            if (id != node) {
                lines.append(address(node, id).getHostAddress())
                        .append(" node-")
                        .append(id)
                        .append('\n');
            }
        }
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(file, lines);
        } catch (IOException e) {
            throw new ChaosException(file + " cannot be written", e);
        }
    }

    /** What {@code from} says to {@code to}. */
    Flow flow(int from, int to) {
        Flow flow = flows.get(new Pair(from, to));
        if (flow == null) {
            throw new ChaosException("no link from " + from + " to " + to);
        }
        return flow;
    }

    /** Cuts, in both directions, whatever lies between the groups; nodes in no group talk to everybody. */
    void partition(List<List<Integer>> groups) {
        between(groups, (a, b) -> flow(a, b).set(Flow.Fault.ofCut()));
    }

    void healPartition(List<List<Integer>> groups) {
        between(groups, (a, b) -> flow(a, b).heal());
    }

    private static void between(List<List<Integer>> groups, BiConsumer<Integer, Integer> each) {
        for (List<Integer> one : groups) {
            for (List<Integer> other : groups) {
                if (!one.equals(other)) {
                    one.forEach(a -> other.forEach(b -> each.accept(a, b)));
                }
            }
        }
    }

    /** Everything that enters or leaves a node. */
    void around(int node, Flow.Fault fault) {
        others(node).forEach(other -> {
            flow(node, other).set(fault);
            flow(other, node).set(fault);
        });
    }

    void healAround(int node) {
        others(node).forEach(other -> {
            flow(node, other).heal();
            flow(other, node).heal();
        });
    }

    /** Ends all connections of a node with RST. */
    void reset(int node) {
        linksOf(node).forEach(Link::reset);
    }

    void halfOpen(int node) {
        linksOf(node).forEach(Link::halfOpen);
    }

    void refuse(int node, boolean yes) {
        linksOf(node).forEach(link -> link.refuse(yes));
    }

    void healAll() {
        flows.values().forEach(Flow::heal);
        links.values().forEach(link -> link.refuse(false));
    }

    private List<Integer> others(int node) {
        var others = new ArrayList<Integer>();
        for (int id = 1; id <= ports.size(); id++) {
            if (id != node) {
                others.add(id);
            }
        }
        return others;
    }

    private List<Link> linksOf(int node) {
        return links.entrySet().stream()
                .filter(entry -> entry.getKey().from() == node || entry.getKey().to() == node)
                .map(Map.Entry::getValue)
                .toList();
    }

    @Override
    public void close() {
        healAll();
        links.values().forEach(Link::close);
    }
}
