package dev.conflux.consensus.jraft;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.Member;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Decides, from what the peers say of themselves, when a fresh directory may become a member. Pull only: the member
 * with the lowest id makes the record once every member is there and fresh, and makes it durable before anybody can see
 * it; the others find it and adopt it. A record names each member's storage id, so it can only be adopted by the very
 * directories that were there.
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
        Map<Integer, Wire.HelloReply> heard = membership.heard();
        Wire.HelloReply founded = null;
        int fresh = 0;
        for (Member member : config.members()) {
            int id = member.id().value();
            if (id == self.nodeId()) {
                continue;
            }
            Wire.HelloReply reply = heard.get(id);
            if (reply == null) {
                continue;
            }
            if (!reply.membership().equals(membership.membership())) {
                throw new IdentityException("node " + id + " is configured with members [" + reply.membership()
                        + "], this node with [" + membership.membership()
                        + "]. All members must have the same list on the first start");
            }
            if (reply.clusterId().isEmpty()) {
                fresh++;
                continue;
            }
            checkRecorded(self, id, reply);
            if (founded != null && !founded.clusterId().equals(reply.clusterId())) {
                throw new IdentityException("node " + founded.nodeId() + " belongs to cluster " + founded.clusterId()
                        + ", node " + id + " to cluster " + reply.clusterId() + ": these are two clusters");
            }
            founded = reply;
        }
        if (founded != null) {
            return adopt(self, founded.clusterId(), founded.storages());
        }
        boolean coordinator = config.members().getFirst().id().value() == self.nodeId();
        if (!coordinator || fresh < config.members().size() - 1) {
            return null;
        }
        var storages = new TreeMap<Integer, String>();
        storages.put(self.nodeId(), self.storageId());
        heard.forEach((id, reply) -> storages.put(id, reply.storageId()));
        return adopt(self, UUID.randomUUID().toString(), storages);
    }

    /** What is still missing, for people. */
    String progress() {
        var text = new StringBuilder();
        for (Member member : config.members()) {
            int id = member.id().value();
            if (id == config.nodeId().value()) {
                continue;
            }
            Wire.HelloReply reply = membership.heard().get(id);
            text.append(text.isEmpty() ? "" : ", ").append("node ").append(id).append(' ');
            text.append(reply == null ? "not reached" : reply.clusterId().isEmpty() ? "ready" : "initialised");
        }
        return text.toString();
    }

    private void checkRecorded(Identity self, int peerId, Wire.HelloReply reply) {
        String recorded = reply.storages().get(self.nodeId());
        if (self.storageId().equals(recorded)) {
            return;
        }
        if (recorded == null) {
            throw new IdentityException("node " + peerId + " belongs to cluster " + reply.clusterId()
                    + ", which has no node " + self.nodeId() + ". Add this node to its membership first");
        }
        throw new IdentityException("data directory " + config.dataDir() + " is empty or not the right one: cluster "
                + reply.clusterId() + " knows node " + self.nodeId() + " with storage id " + recorded
                + ", this directory has " + self.storageId() + ". What this node acknowledged and voted for is in"
                + " the old directory. Restore it, or remove node " + self.nodeId()
                + " from the membership and join with a new node id");
    }

    private Identity adopt(Identity self, String clusterId, Map<Integer, String> storages) throws IOException {
        Identity adopted = self.bootstrapped(clusterId, storages, membership.membership());
        Failpoints.disk("bootstrap.before_mark");
        HighWaterMark.create(config.dataDir()); // before the identity: an initialised directory always has one
        Failpoints.disk("bootstrap.before_identity");
        adopted.write(config.dataDir());
        Failpoints.disk("bootstrap.after_identity");
        membership.become(adopted);
        return adopted;
    }
}
