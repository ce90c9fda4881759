package dev.conflux.consensus.api;

import java.util.List;
import java.util.Optional;

/**
 * What this member knows of itself and the cluster, without asking anybody.
 *
 * @param clusterId agreed on once at bootstrap
 * @param self this member
 * @param role what it is doing
 * @param leader the leader it follows, if it knows one
 * @param term its current term
 * @param commitIndex highest index it knows to be committed
 * @param appliedIndex highest index it has applied
 * @param lastLogIndex highest index in its log
 * @param snapshotIndex highest index covered by its newest snapshot
 * @param members everyone in the membership, sorted by id
 * @param change the membership change in progress, if there is one
 * @param clusterEpoch 1, plus one for every time the cluster was founded again from a survivor
 * @param featureLevel what the whole cluster may use: commands that need more must not be proposed
 * @param stalenessMillis see {@link ReadPoint#stalenessMillis}
 */
public record NodeStatus(
        String clusterId,
        NodeId self,
        Role role,
        Optional<NodeId> leader,
        long term,
        long commitIndex,
        long appliedIndex,
        long lastLogIndex,
        long snapshotIndex,
        List<Member> members,
        Optional<MemberChange> change,
        long clusterEpoch,
        int featureLevel,
        long stalenessMillis) {

    public NodeStatus {
        members = List.copyOf(members);
    }

    /** True when writes can be appended here and applied entries keep up: what readiness asks. */
    public boolean serving() {
        return role == Role.LEADER || ((role == Role.FOLLOWER || role == Role.LEARNER) && leader.isPresent());
    }
}
