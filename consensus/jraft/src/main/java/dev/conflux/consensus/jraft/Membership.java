package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.util.Endpoint;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsException;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.MemberChange;
import dev.conflux.consensus.api.NodeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who is who: holds this directory's identity and the replicated {@link MembershipRecord}, judges hellos by them, and
 * remembers what peers said of themselves. Reading is safe for any thread; {@link #apply} and {@link #install} are called
 * by the apply thread, {@link #become} by the starter before there is one.
 */
final class Membership {

    private static final Logger LOG = LoggerFactory.getLogger(Membership.class);

    private final JRaftConfig config;
    private final Map<Integer, Wire.HelloReply> heard = new ConcurrentHashMap<>();
    private volatile Identity identity;
    private volatile @Nullable MembershipRecord membership;
    private volatile Map<Endpoint, Integer> ids = Map.of(); // of the record's members
    private volatile Set<PeerId> voters = Set.of();
    private volatile List<Member> members = List.of();
    private volatile Runnable changed = () -> {};
    private volatile Consumer<String> expelled = reason -> {};

    Membership(JRaftConfig config, Identity identity, @Nullable MembershipRecord membership) {
        this.config = config;
        this.identity = identity;
        if (membership != null) {
            set(membership);
        } else {
            members = listMembers();
        }
    }

    private void set(MembershipRecord next) {
        var byAddress = new HashMap<Endpoint, Integer>();
        next.members()
                .forEach((id, entry) ->
                        byAddress.put(PeerAddress.parse(entry.address()).endpoint(), id));
        membership = next;
        ids = Map.copyOf(byAddress);
        members = listMembers();
    }

    /**
     * @param newChanged told after the record has changed
     * @param newExpelled told why this node must end: it was removed, or the cluster was founded again without it
     */
    void listen(Runnable newChanged, Consumer<String> newExpelled) {
        changed = newChanged;
        expelled = newExpelled;
    }

    Identity identity() {
        return identity;
    }

    /** Null until this node belongs to a cluster. */
    @Nullable
    MembershipRecord membership() {
        return membership;
    }

    /** The record of a node that belongs to a cluster. */
    MembershipRecord current() {
        MembershipRecord known = membership;
        if (known == null) {
            throw new IllegalStateException("node " + config.nodeId() + " does not belong to a cluster yet");
        }
        return known;
    }

    /** Becomes a member, durably: the record first, because an initialised directory always has one. */
    void become(Identity member, MembershipRecord founded) throws IOException {
        founded.write(config.dataDir());
        Failpoints.disk("bootstrap.before_identity");
        member.write(config.dataDir());
        Failpoints.disk("bootstrap.after_identity");
        set(founded);
        identity = member;
        changed.run();
    }

    /**
     * Applies an entry, durably.
     *
     * @return why it had no effect; empty when it had
     */
    String apply(LogPosition position, MembershipEntry entry) throws IOException {
        MembershipRecord before = current();
        if (position.index() <= before.position().index()) {
            return "";
        }
        MembershipRecord.Applied applied = before.apply(position, entry);
        LOG.info(
                "membership position={} entry={} result=\"{}\"",
                position,
                entry,
                applied.refusal().isEmpty() ? "applied" : applied.refusal());
        replace(applied.membership());
        return applied.refusal();
    }

    /** Takes the record of a snapshot when it is newer. */
    void install(MembershipRecord fromSnapshot) throws IOException {
        if (fromSnapshot.position().index() > current().position().index()) {
            LOG.info("membership position={} from=snapshot", fromSnapshot.position());
            replace(fromSnapshot);
        }
    }

    private void replace(MembershipRecord next) throws IOException {
        if (next.featureLevel() > config.featureLevel()) {
            throw new IOException(tooOld(next.featureLevel()));
        }
        Failpoints.disk("member.before_record");
        next.write(config.dataDir());
        Failpoints.disk("member.after_record");
        set(next);
        heard.keySet().retainAll(next.members().keySet());
        changed.run();
        if (next.removed().contains(config.nodeId().value())) {
            expelled.accept(removedReason(next.clusterId()));
        }
    }

    String tooOld(int level) {
        return "UPGRADE_REQUIRED: the cluster is at feature level " + level + ", this build understands "
                + config.featureLevel() + "; start a newer version on the same directories";
    }

    private String removedReason(String clusterId) {
        return "node " + config.nodeId() + " was removed from cluster " + clusterId
                + " and its id is never accepted again. To use this machine again: empty directories, a new node id,"
                + " and add it";
    }

    private String fencedReason(long epoch) {
        return "cluster " + identity.clusterId() + " was founded again as epoch " + epoch
                + "; this directory is of epoch "
                + identity.clusterEpoch()
                + " and no longer belongs to it. To use this machine again: empty directories,"
                + " a new node id, and add it";
    }

    /** Who votes, as committed; told by the engine. */
    void voters(Set<PeerId> newVoters) {
        voters = Set.copyOf(newVoters);
        members = listMembers();
    }

    /** Everybody, sorted by id; before the first start, the static list if there is one. Cheap. */
    List<Member> members() {
        return members;
    }

    private List<Member> listMembers() {
        MembershipRecord known = membership;
        if (known == null) {
            return config.origin() instanceof Origin.Founders founders ? founders.members() : List.of();
        }
        Set<PeerId> voting = voters;
        var members = new ArrayList<Member>();
        known.members().forEach((id, entry) -> {
            boolean voter = voting.isEmpty()
                    ? !known.changes(MemberChange.Kind.ADD, id)
                    : voting.contains(PeerAddress.parse(entry.address()).peerId());
            members.add(new Member(new NodeId(id), entry.address(), voter));
        });
        return List.copyOf(members);
    }

    @Nullable
    Member member(int id) {
        for (Member member : members()) {
            if (member.id().value() == id) {
                return member;
            }
        }
        return null;
    }

    /** The member at an engine's address; null when there is none. */
    @Nullable
    Integer idOf(Endpoint endpoint) {
        return ids.get(endpoint);
    }

    /** How the engine calls a member; null when there is no such member. */
    @Nullable
    PeerId enginePeer(int id) {
        MembershipRecord known = membership;
        MembershipRecord.Entry entry = known == null ? null : known.members().get(id);
        return entry == null ? null : PeerAddress.parse(entry.address()).peerId();
    }

    /** What each node last answered to our hello, by node id. */
    Map<Integer, Wire.HelloReply> heard() {
        return heard;
    }

    /** True when a certificate is this node's own: somebody gave us our own address as a contact. */
    boolean isSelf(PeerName name) {
        return name.equals(new PeerName(config.clusterName(), config.nodeId().value()));
    }

    /**
     * Checks who came: a node of this cluster, not this one. Whether it is a member, and with the right disk, is judged
     * by its hello.
     *
     * @throws TlsException when it is not
     */
    void checkPeer(PeerName name) {
        if (!name.clusterName().equals(config.clusterName())) {
            throw new TlsException("certificate is for " + name + " (expected: cluster " + config.clusterName() + ")");
        }
        if (name.nodeId() == config.nodeId().value()) {
            throw new TlsException("certificate is for " + name + " (expected: another node)");
        }
    }

    /**
     * Checks who was reached.
     *
     * @param expectedNodeId 0 = any node of the cluster
     * @throws TlsException when it is not the one we wanted
     */
    void checkCertificate(PeerName name, int expectedNodeId) {
        checkPeer(name);
        if (expectedNodeId != 0 && name.nodeId() != expectedNodeId) {
            throw new TlsException("certificate is for " + name + " (expected: node " + expectedNodeId + ")");
        }
    }

    Wire.Hello hello() {
        Identity self = identity;
        return new Wire.Hello(
                config.clusterName(),
                self.clusterId(),
                self.clusterEpoch(),
                self.nodeId(),
                self.storageId(),
                config.address(),
                config.featureLevel(),
                expectation());
    }

    private String expectation() {
        Origin origin = config.origin();
        return origin.founders().contains(config.nodeId().value()) ? origin.expectation() : "";
    }

    /** Answers a hello that came with a certificate of this cluster. */
    Wire.HelloReply judge(PeerName certificate, Wire.Hello hello) {
        Identity self = identity;
        MembershipRecord known = membership;
        if (!hello.clusterName().equals(config.clusterName())) {
            return reply(Wire.Verdict.REFUSED, "cluster name " + hello.clusterName());
        }
        if (hello.nodeId() != certificate.nodeId()) {
            return reply(
                    Wire.Verdict.REFUSED,
                    "hello of node " + hello.nodeId() + " with the certificate of node " + certificate.nodeId());
        }
        if (!self.initialised() || known == null) {
            return reply(Wire.Verdict.NOT_READY, "node " + self.nodeId() + " does not belong to a cluster yet");
        }
        boolean sameCluster = hello.clusterId().equals(self.clusterId());
        if (!sameCluster && !hello.clusterId().isEmpty()) {
            return reply(
                    Wire.Verdict.REFUSED, "cluster id " + hello.clusterId() + " (expected: " + self.clusterId() + ")");
        }
        if (sameCluster && hello.clusterEpoch() != self.clusterEpoch()) {
            return otherEpoch(self, hello);
        }
        if (known.removed().contains(hello.nodeId())) {
            return reply(
                    Wire.Verdict.REMOVED, "node " + hello.nodeId() + " was removed from cluster " + self.clusterId());
        }
        String recorded = known.storageOf(hello.nodeId());
        if (recorded == null) {
            return reply(
                    Wire.Verdict.NOT_READY,
                    "node " + hello.nodeId() + " is not a member of cluster " + self.clusterId() + " (not yet added?)");
        }
        if (!hello.storageId().equals(recorded)) {
            return reply(
                    Wire.Verdict.REFUSED,
                    "node " + hello.nodeId() + " comes with storage id " + hello.storageId() + ", cluster "
                            + self.clusterId() + " knows it with " + recorded);
        }
        if (hello.featureLevel() < known.featureLevel()) {
            return reply(
                    Wire.Verdict.REFUSED,
                    "feature level " + hello.featureLevel() + " (expected: >= " + known.featureLevel()
                            + "); install a newer version");
        }
        if (!sameCluster) {
            return reply(Wire.Verdict.NOT_READY, "node " + hello.nodeId() + " has not adopted the cluster yet");
        }
        return reply(Wire.Verdict.ACCEPTED, "");
    }

    private Wire.HelloReply otherEpoch(Identity self, Wire.Hello hello) {
        if (hello.clusterEpoch() < self.clusterEpoch()) {
            return reply(
                    Wire.Verdict.FENCED,
                    "cluster " + self.clusterId() + " was founded again as epoch " + self.clusterEpoch());
        }
        Wire.HelloReply reply =
                reply(Wire.Verdict.REFUSED, "node " + self.nodeId() + " is of epoch " + self.clusterEpoch());
        expelled.accept(fencedReason(hello.clusterEpoch()));
        return reply;
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
        boolean sameCluster = self.initialised() && reply.clusterId().equals(self.clusterId());
        if (sameCluster && reply.verdict() == Wire.Verdict.REMOVED) {
            expelled.accept(removedReason(self.clusterId()));
        } else if (sameCluster && reply.clusterEpoch() > self.clusterEpoch()) {
            expelled.accept(fencedReason(reply.clusterEpoch()));
        }
        if (reply.verdict() != Wire.Verdict.ACCEPTED) {
            return reply.reason();
        }
        if (!sameCluster) {
            return "cluster id " + reply.clusterId() + " (expected: " + self.clusterId() + ")";
        }
        if (reply.clusterEpoch() != self.clusterEpoch()) {
            return "epoch " + reply.clusterEpoch() + " (expected: " + self.clusterEpoch() + ")";
        }
        String recorded = current().storageOf(peerId);
        if (!reply.storageId().equals(recorded)) {
            return "node " + peerId + " answers with storage id " + reply.storageId() + ", recorded is " + recorded;
        }
        return null;
    }

    private Wire.HelloReply reply(Wire.Verdict verdict, String reason) {
        Identity self = identity;
        MembershipRecord known = membership;
        return new Wire.HelloReply(
                verdict,
                reason,
                self.clusterId(),
                self.clusterEpoch(),
                self.nodeId(),
                self.storageId(),
                config.address(),
                config.featureLevel(),
                expectation(),
                self.initialised() && known != null ? known.encode() : "");
    }
}
