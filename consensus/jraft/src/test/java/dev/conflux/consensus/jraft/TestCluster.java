package dev.conflux.consensus.jraft;

import static org.awaitility.Awaitility.await;

import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.base.tls.PeerName;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.Role;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Members of one cluster in this JVM, over real sockets and TLS, each with its own directories. */
final class TestCluster implements AutoCloseable {

    static final String NAME = "alpha";
    /** Nothing in the log but what a test puts there. */
    static final Upkeep NO_MARKS = Upkeep.DEFAULT.withDigests(Duration.ZERO, Duration.ZERO);

    /** Many members share the cores of a busy machine here: a pause is no dead leader. */
    private static final Duration PATIENT = Duration.ofSeconds(1);

    static final Duration SOON = Duration.ofSeconds(60);

    private static final int FIRST_PORT = 10_000;
    private static final int PORTS = 20_000;
    private static final AtomicInteger nextPort = new AtomicInteger(new Random().nextInt(PORTS));

    /** One running member. */
    record Running(JRaftNode node, CountingStateMachine state, AtomicReference<String> halted) {}

    final DevCertificateAuthority authority;
    final Path root;
    final List<Member> members;
    private final Map<Integer, Running> running = new TreeMap<>();
    private UnaryOperator<JRaftConfig> tuning = config -> config;

    /** Given to members that are started from now on. */
    CountDownLatch blockRestore = new CountDownLatch(0);

    TestCluster(Path root, int size) {
        this(root, new DevCertificateAuthority("test authority"), size);
    }

    TestCluster(Path root, DevCertificateAuthority authority, int size) {
        this.authority = authority;
        this.root = root;
        this.members = members(size);
    }

    /** Where nothing listens. */
    static String freeAddress() {
        return members(1).getFirst().address();
    }

    private static List<Member> members(int size) {
        return IntStream.rangeClosed(1, size)
                .mapToObj(id -> new Member(new NodeId(id), "127.0.0.1:" + freePort(), true))
                .toList();
    }

    /** Never given twice, and not of those that the system gives to connections: a member that is down keeps its port. */
    private static int freePort() {
        while (true) {
            int port = FIRST_PORT + nextPort.getAndIncrement() % PORTS;
            try (var socket = new ServerSocket(port)) {
                return socket.getLocalPort();
            } catch (IOException e) {
                // Somebody else's: the next one.
            }
        }
    }

    TestCluster tuned(UnaryOperator<JRaftConfig> newTuning) {
        tuning = newTuning;
        return this;
    }

    Path dataDir(int id) {
        return root.resolve("node-" + id);
    }

    Path stateDir(int id) {
        return root.resolve("state-" + id);
    }

    /** With other ways to come into the cluster than the static list. */
    JRaftConfig config(int id, String address, Origin origin) {
        return tuning.apply(JRaftConfig.of(
                        NAME, new NodeId(id), address, origin, dataDir(id), authority.issue(new PeerName(NAME, id)))
                .withBindHost("127.0.0.1")
                .withElectionTimeout(PATIENT)
                .withUpkeep(NO_MARKS));
    }

    /** Starts a node that waits to be added, and returns at once. */
    Running startJoining(int id, String address) {
        return start(config(
                id,
                address,
                new Origin.Joining(() -> members.stream().map(Member::address).toList())));
    }

    JRaftConfig config(int id) {
        return tuning.apply(
                JRaftConfig.of(NAME, new NodeId(id), members, dataDir(id), authority.issue(new PeerName(NAME, id)))
                        .withBindHost("127.0.0.1")
                        .withElectionTimeout(PATIENT)
                        .withUpkeep(NO_MARKS));
    }

    /** Starts a member and returns at once. */
    Running start(int id) {
        return start(config(id));
    }

    Running start(JRaftConfig config) {
        int id = config.nodeId().value();
        var halted = new AtomicReference<String>();
        var state = new CountingStateMachine(stateDir(id));
        state.blockRestore = blockRestore;
        try {
            JRaftNode node = JRaftNode.start(config.withHalt((reason, cause) -> halted.set(reason)), state);
            var member = new Running(node, state, halted);
            running.put(id, member);
            return member;
        } catch (IOException | RuntimeException e) {
            state.close();
            throw new IllegalStateException(e);
        }
    }

    TestCluster startAll() {
        for (Member member : members) {
            start(member.id().value());
        }
        for (Running member : running.values()) {
            member.node()
                    .ready()
                    .orTimeout(SOON.toSeconds(), java.util.concurrent.TimeUnit.SECONDS)
                    .join();
        }
        awaitLeader();
        return this;
    }

    Running get(int id) {
        Running member = running.get(id);
        if (member == null) {
            throw new IllegalStateException("node " + id + " is not running");
        }
        return member;
    }

    JRaftNode node(int id) {
        return get(id).node();
    }

    CountingStateMachine state(int id) {
        return get(id).state();
    }

    void stop(int id) {
        Running member = get(id);
        running.remove(id);
        member.node().close();
        member.state().close();
    }

    void crash(int id) {
        Running member = get(id);
        running.remove(id);
        member.node().abort();
        member.state().close();
    }

    /** A member that neither hears nor is heard. */
    void isolate(int id) {
        node(id).transport()
                .cut(running.keySet().stream().filter(other -> other != id).collect(Collectors.toSet()));
    }

    void heal(int id) {
        node(id).transport().cut(Set.of());
    }

    @Nullable
    Integer leader() {
        for (var entry : running.entrySet()) {
            if (entry.getValue().node().status().role() == Role.LEADER) {
                return entry.getKey();
            }
        }
        return null;
    }

    int awaitLeader() {
        await().atMost(SOON).pollInterval(Duration.ofMillis(10)).until(() -> leader() != null);
        Integer leader = leader();
        return leader == null ? awaitLeader() : leader;
    }

    int follower() {
        int leader = awaitLeader();
        return running.keySet().stream().filter(id -> id != leader).findFirst().orElseThrow();
    }

    Committed propose(int id, String command) {
        try {
            return node(id).propose(command.getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(10))
                    .join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }

    void proposeMany(int id, String prefix, int count) {
        var all = new ArrayList<java.util.concurrent.CompletableFuture<Committed>>();
        for (int i = 0; i < count; i++) {
            all.add(node(id).propose((prefix + i).getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(10)));
        }
        all.forEach(java.util.concurrent.CompletableFuture::join);
    }

    void awaitCount(int id, long count) {
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(10))
                .until(() -> state(id).count() >= count);
    }

    @Override
    public void close() {
        for (Running member : List.copyOf(running.values())) {
            member.node().abort();
            member.state().close();
        }
        running.clear();
    }
}
