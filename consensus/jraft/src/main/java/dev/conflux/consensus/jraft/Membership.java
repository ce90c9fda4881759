package dev.conflux.consensus.jraft;

import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsException;
import dev.conflux.consensus.api.Member;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Who may talk to whom: judges hellos against the recorded identity, and remembers what peers said of themselves for
 * {@link Bootstrap}. Safe for any thread.
 */
final class Membership {

    private final JRaftConfig config;
    private final String membership;
    private final Map<Integer, Wire.HelloReply> heard = new ConcurrentHashMap<>();
    private volatile Identity identity;

    Membership(JRaftConfig config, Identity identity) {
        this.config = config;
        this.membership = describe(config.members());
        this.identity = identity;
    }

    /** {@code 1=host:port,2=host:port}, sorted by id. */
    static String describe(List<Member> members) {
        return members.stream().map(m -> m.id() + "=" + m.address()).collect(Collectors.joining(","));
    }

    Identity identity() {
        return identity;
    }

    void become(Identity bootstrapped) {
        identity = bootstrapped;
    }

    String membership() {
        return membership;
    }

    /** What each peer last answered to our hello, by node id. */
    Map<Integer, Wire.HelloReply> heard() {
        return heard;
    }

    /**
     * Checks who came.
     *
     * @throws TlsException when the name is not a member of this cluster, or is our own
     */
    void checkMember(PeerName name) {
        if (!name.clusterName().equals(config.clusterName())) {
            throw new TlsException("certificate is for " + name + " (expected: cluster " + config.clusterName() + ")");
        }
        boolean member = config.members().stream().anyMatch(m -> m.id().value() == name.nodeId());
        if (!member || name.nodeId() == config.nodeId().value()) {
            throw new TlsException("certificate is for " + name + " (expected: another member)");
        }
    }

    /**
     * Checks who was reached.
     *
     * @throws TlsException when it is not the member we wanted
     */
    void checkCertificate(PeerName name, int expectedNodeId) {
        checkMember(name);
        if (name.nodeId() != expectedNodeId) {
            throw new TlsException("certificate is for " + name + " (expected: node " + expectedNodeId + ")");
        }
    }

    Wire.Hello hello() {
        Identity self = identity;
        return new Wire.Hello(config.clusterName(), self.clusterId(), self.nodeId(), self.storageId(), membership);
    }

    /** Answers a hello that came with a member's certificate. */
    Wire.HelloReply judge(PeerName certificate, Wire.Hello hello) {
        Identity self = identity;
        if (!hello.clusterName().equals(config.clusterName())) {
            return reply(self, Wire.Verdict.REFUSED, "cluster name " + hello.clusterName());
        }
        if (hello.nodeId() != certificate.nodeId()) {
            return reply(
                    self,
                    Wire.Verdict.REFUSED,
                    "hello of node " + hello.nodeId() + " with the certificate of node " + certificate.nodeId());
        }
        if (!self.initialised()) {
            return reply(self, Wire.Verdict.NOT_READY, "node " + self.nodeId() + " does not belong to a cluster yet");
        }
        String recorded = self.storages().get(hello.nodeId());
        if (!hello.storageId().equals(recorded)) {
            return reply(
                    self,
                    Wire.Verdict.REFUSED,
                    "node " + hello.nodeId() + " comes with storage id " + hello.storageId() + ", cluster "
                            + self.clusterId() + " knows it with " + recorded);
        }
        if (hello.clusterId().isEmpty()) {
            return reply(self, Wire.Verdict.NOT_READY, "node " + hello.nodeId() + " has not adopted the cluster yet");
        }
        if (!hello.clusterId().equals(self.clusterId())) {
            return reply(
                    self,
                    Wire.Verdict.REFUSED,
                    "cluster id " + hello.clusterId() + " (expected: " + self.clusterId() + ")");
        }
        return reply(self, Wire.Verdict.ACCEPTED, "");
    }

    /**
     * Takes a peer's answer to our hello.
     *
     * @return null when the connection may be used, else why not
     */
    @Nullable
    String heard(int peerId, Wire.HelloReply reply) {
        Identity self = identity;
        if (reply.nodeId() != peerId) {
            return "reply of node " + reply.nodeId() + " with the certificate of node " + peerId;
        }
        heard.put(peerId, reply);
        if (reply.verdict() != Wire.Verdict.ACCEPTED) {
            return reply.reason();
        }
        if (!self.initialised() || !reply.clusterId().equals(self.clusterId())) {
            return "cluster id " + reply.clusterId() + " (expected: " + self.clusterId() + ")";
        }
        String recorded = self.storages().get(peerId);
        if (!reply.storageId().equals(recorded)) {
            return "node " + peerId + " answers with storage id " + reply.storageId() + ", recorded is " + recorded;
        }
        return null;
    }

    private Wire.HelloReply reply(Identity self, Wire.Verdict verdict, String reason) {
        return new Wire.HelloReply(
                verdict, reason, self.clusterId(), self.nodeId(), self.storageId(), membership, self.storages());
    }
}
