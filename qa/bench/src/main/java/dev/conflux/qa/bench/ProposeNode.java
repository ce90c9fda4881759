package dev.conflux.qa.bench;

import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.base.tls.TlsIdentity;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.Role;
import dev.conflux.consensus.jraft.JRaftConfig;
import dev.conflux.consensus.jraft.JRaftNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;

/**
 * One member of the propose benchmark: the consensus component with its default settings (fsync before the
 * acknowledgement, mutual TLS 1.3 between members) under a state machine that only counts.
 */
final class ProposeNode {

    static final String CLUSTER = "bench";

    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private ProposeNode() {}

    /** Arguments: id, data directory, peers as {@code id@host:port,…}, directory of the certificates. */
    public static void main(String[] arguments) throws IOException {
        int id = Integer.parseInt(arguments[0]);
        var members = new ArrayList<Member>();
        for (String peer : arguments[2].split(",", -1)) {
            String[] parts = peer.split("@", -1);
            members.add(new Member(new NodeId(Integer.parseInt(parts[0])), parts[1], true));
        }
        TlsIdentity identity = TlsIdentity.load(DevCertificateAuthority.files(Path.of(arguments[3]), id));
        JRaftConfig config = JRaftConfig.of(CLUSTER, new NodeId(id), members, Path.of(arguments[1]), identity)
                .withBindHost("127.0.0.1");
        var line = new LifeLine();
        try (ConsensusNode node = JRaftNode.start(config, new CountingState());
                FrameServer server = FrameServer.start((command, reply) -> {
                    var _ = node.propose(command, TIMEOUT)
                            .whenComplete((committed, failure) ->
                                    reply.send(failure == null ? FrameServer.OK : FrameServer.FAILED));
                })) {
            line.say("ready " + server.port());
            for (String command = line.next(); command != null; command = line.next()) {
                line.say("leader " + (node.status().role() == Role.LEADER));
            }
            Runtime.getRuntime().halt(0); // Nothing of it is needed any more.
        }
    }
}
