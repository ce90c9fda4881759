package dev.conflux.consensus.jraft;

import dev.conflux.base.failpoint.Failpoints;
import java.io.IOException;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Decides, from what other nodes say of themselves, when a fresh directory may become a member. Pull only: the founder
 * with the lowest id makes the record once every founder is there and fresh, and makes it durable before anybody can see
 * it; the others, and whoever is added later, find it and adopt it. A record names each member's storage id, so it can
 * only be adopted by the very directories that were there.
 */
final class Bootstrap {

    private final JRaftConfig config;
    private final Membership membership;

    Bootstrap(JRaftConfig config, Membership membership) {
        this.config = config;
        this.membership = membership;
    }

    /**
     * Looks once.
     *
     * @return the identity to continue with, made durable; null while waiting
     * @throws IdentityException when this directory must not join
     */
    @Nullable
    Identity step() throws IOException {
        Identity self = membership.identity();
        SortedSet<Integer> founders = config.origin().founders();
        boolean founder = founders.contains(self.nodeId());
        MembershipRecord found = null;
        int fresh = 0;
        for (var entry : new TreeMap<>(membership.heard()).entrySet()) {
            int id = entry.getKey();
            Wire.HelloReply reply = entry.getValue();
            boolean bothFound =
                    founder && founders.contains(id) && !reply.expectation().isEmpty();
            if (bothFound && !reply.expectation().equals(config.origin().expectation())) {
                throw new IdentityException("node " + id + " is configured with members [" + reply.expectation()
                        + "], this node with [" + config.origin().expectation()
                        + "]. All members must have the same list on the first start");
            }
            if (reply.clusterId().isEmpty()) {
                fresh += bothFound ? 1 : 0;
                continue;
            }
            MembershipRecord offered = MembershipRecord.decode(reply.membership(), "membership record of node " + id);
            if (found != null && !found.clusterId().equals(offered.clusterId())) {
                throw new IdentityException("node " + id + " belongs to cluster " + offered.clusterId()
                        + ", another one to cluster " + found.clusterId() + ": these are two clusters");
            }
            checkRecorded(self, id, offered, founder);
            if (offered.storageOf(self.nodeId()) != null && (found == null || newer(offered, found))) {
                found = offered;
            }
        }
        if (found != null) {
            return adopt(self, found);
        }
        if (!founder || founders.first() != self.nodeId() || fresh < founders.size() - 1) {
            return null;
        }
        return adopt(self, found(self, founders));
    }

    private static boolean newer(MembershipRecord a, MembershipRecord b) {
        return a.clusterEpoch() != b.clusterEpoch()
                ? a.clusterEpoch() > b.clusterEpoch()
                : a.position().compareTo(b.position()) > 0;
    }

    private MembershipRecord found(Identity self, SortedSet<Integer> founders) {
        var members = new TreeMap<Integer, MembershipRecord.Entry>();
        members.put(self.nodeId(), new MembershipRecord.Entry(config.address(), self.storageId(), ""));
        int level = config.featureLevel(); // what all founders understand
        for (int id : founders) {
            Wire.HelloReply reply = membership.heard().get(id);
            if (id == self.nodeId() || reply == null) {
                continue;
            }
            PeerAddress.parse(reply.address());
            for (var other : members.entrySet()) {
                if (other.getValue().address().equals(reply.address())) {
                    throw new IdentityException("nodes " + other.getKey() + " and " + id + " both say that they are at "
                            + reply.address() + ". Give each node its own address");
                }
            }
            members.put(id, new MembershipRecord.Entry(reply.address(), reply.storageId(), ""));
            level = Math.min(level, reply.featureLevel());
        }
        return MembershipRecord.founded(UUID.randomUUID().toString(), level, members);
    }

    /** What is still missing, for people. */
    String progress() {
        var text = new StringBuilder();
        Map<Integer, Wire.HelloReply> heard = new TreeMap<>(membership.heard());
        var ids = config.origin().founders();
        ids.addAll(heard.keySet());
        ids.remove(config.nodeId().value());
        for (int id : ids) {
            Wire.HelloReply reply = heard.get(id);
            text.append(text.isEmpty() ? "" : ", ").append("node ").append(id).append(' ');
            text.append(
                    reply == null
                            ? "not reached"
                            : reply.clusterId().isEmpty()
                                    ? "ready"
                                    : "member of cluster " + reply.clusterId()
                                            + " and waiting for this node to be added");
        }
        return text.isEmpty() ? "nobody reached" : text.toString();
    }

    private void checkRecorded(Identity self, int peerId, MembershipRecord offered, boolean founder) {
        if (offered.removed().contains(self.nodeId())) {
            throw new IdentityException("node " + self.nodeId() + " was removed from cluster " + offered.clusterId()
                    + " and its id is never accepted again. Take a new node id, and add it");
        }
        String recorded = offered.storageOf(self.nodeId());
        if (self.storageId().equals(recorded)) {
            return;
        }
        if (recorded != null) {
            throw new IdentityException("data directory " + config.dataDir()
                    + " is empty or not the right one: cluster "
                    + offered.clusterId() + " knows node " + self.nodeId() + " with storage id " + recorded
                    + ", this directory has " + self.storageId() + ". What this node acknowledged and voted for is in"
                    + " the old directory. Restore it, or remove node " + self.nodeId()
                    + " from the membership and join with a new node id");
        }
        if (founder) {
            throw new IdentityException("node " + peerId + " belongs to cluster " + offered.clusterId()
                    + ", which has no node " + self.nodeId()
                    + ". This node is configured to found a cluster; configure it"
                    + " to join one, and add it");
        }
    }

    private Identity adopt(Identity self, MembershipRecord founded) throws IOException {
        if (founded.featureLevel() > config.featureLevel()) {
            throw new IdentityException(membership.tooOld(founded.featureLevel()));
        }
        String recorded = founded.members().get(self.nodeId()) == null
                ? ""
                : founded.members().get(self.nodeId()).address();
        if (!recorded.equals(config.address())) {
            throw new IdentityException(
                    "cluster " + founded.clusterId() + " knows node " + self.nodeId() + " at address " + recorded
                            + ", it is configured with " + config.address() + ". Correct one of the two");
        }
        Failpoints.disk("bootstrap.before_mark");
        HighWaterMark.create(config.dataDir()); // before the identity: an initialised directory always has one
        Identity adopted = self.memberOf(founded.clusterId(), founded.clusterEpoch());
        membership.become(adopted, founded);
        return adopted;
    }
}
