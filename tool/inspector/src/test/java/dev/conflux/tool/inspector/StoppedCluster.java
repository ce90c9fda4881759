package dev.conflux.tool.inspector;

import static org.awaitility.Awaitility.await;

import dev.conflux.adapter.rocksdb.RocksStateStore;
import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.base.tls.PeerName;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NewMember;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.Role;
import dev.conflux.consensus.jraft.JRaftConfig;
import dev.conflux.consensus.jraft.JRaftNode;
import dev.conflux.consensus.jraft.Origin;
import dev.conflux.core.model.Command;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** Members with the real engine and the real state, in this JVM, each in the directories of a node. */
final class StoppedCluster implements AutoCloseable {

    static final String NAME = "alpha";
    private static final Duration SOON = Duration.ofSeconds(20);

    /** Many members share the cores of a busy machine here: a pause is no dead leader. */
    private static final Duration PATIENT = Duration.ofSeconds(1);

    private record Running(JRaftNode node, ConfigState state) {}

    private final DevCertificateAuthority authority = new DevCertificateAuthority("test authority");
    private final Path root;
    private final List<Member> members = new ArrayList<>();
    private final Map<Integer, Running> running = new TreeMap<>();
    private final Map<Integer, String> halted = new ConcurrentHashMap<>();

    StoppedCluster(Path root, int size) throws IOException {
        this.root = root;
        var sockets = new ArrayList<ServerSocket>();
        for (int id = 1; id <= size; id++) {
            ServerSocket socket = new ServerSocket(0);
            sockets.add(socket);
            members.add(new Member(new NodeId(id), "127.0.0.1:" + socket.getLocalPort(), true));
        }
        for (ServerSocket socket : sockets) {
            socket.close();
        }
    }

    String address(int id) {
        return members.get(id - 1).address();
    }

    /** A node's {@code storage.data_dir}. */
    Path dataDir(int id) {
        return root.resolve("node-" + id);
    }

    StoppedCluster startAll() throws IOException {
        for (Member member : members) {
            start(member.id().value());
        }
        running.values()
                .forEach(member ->
                        member.node().ready().orTimeout(60, TimeUnit.SECONDS).join());
        return this;
    }

    JRaftNode start(int id) throws IOException {
        return start(
                id,
                JRaftConfig.of(
                        NAME,
                        new NodeId(id),
                        members,
                        dataDir(id).resolve("raft"),
                        authority.issue(new PeerName(NAME, id))));
    }

    private JRaftNode start(int id, JRaftConfig config) throws IOException {
        var state = new ConfigState(new RocksStateStore(dataDir(id).resolve("state")));
        JRaftNode node = null;
        try {
            node = JRaftNode.start(
                    config.withLogDir(dataDir(id).resolve("log"))
                            .withBindHost("127.0.0.1")
                            .withElectionTimeout(PATIENT)
                            .withHalt((reason, cause) -> halted.put(id, reason)),
                    state);
            running.put(id, new Running(node, state));
            return node;
        } finally {
            if (node == null) {
                state.close();
            }
        }
    }

    /** Why a member's process would have ended; null while it would not. */
    String halted(int id) {
        return halted.get(id);
    }

    /** Starts a node with empty directories, which waits until it is added. */
    NewMember startJoining(int id) throws IOException {
        int port;
        try (var socket = new ServerSocket(0)) {
            port = socket.getLocalPort();
        }
        String address = "127.0.0.1:" + port;
        List<String> contacts = members.stream().map(Member::address).toList();
        start(
                id,
                JRaftConfig.of(
                        NAME,
                        new NodeId(id),
                        address,
                        new Origin.Joining(() -> contacts),
                        dataDir(id).resolve("raft"),
                        authority.issue(new PeerName(NAME, id))));
        return new NewMember(new NodeId(id), address, "");
    }

    JRaftNode node(int id) {
        return running.get(id).node();
    }

    ConfigState state(int id) {
        return running.get(id).state();
    }

    int awaitLeader() {
        await().atMost(SOON).until(() -> leader() > 0);
        return leader();
    }

    private int leader() {
        return running.entrySet().stream()
                .filter(member -> member.getValue().node().status().role() == Role.LEADER)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse(0);
    }

    /** Proposes on the leader and waits until every running member has applied it. */
    void submit(Command command) {
        int leader = awaitLeader();
        long index = node(leader)
                .propose(CommandCodec.encode(Commands.envelope(command)), Duration.ofSeconds(10))
                .join()
                .position()
                .index();
        await().atMost(SOON)
                .until(() -> running.values().stream()
                        .allMatch(member -> member.state().applied().index() >= index));
    }

    void stop(int id) {
        Running member = running.remove(id);
        member.node().close();
        member.state().close();
    }

    @Override
    public void close() {
        List.copyOf(running.keySet()).forEach(this::stop);
    }
}
