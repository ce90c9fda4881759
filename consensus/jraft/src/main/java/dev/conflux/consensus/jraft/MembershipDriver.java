package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.entity.PeerId;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.MemberChange;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries a replicated membership change out, as the leader: looks at the record and at the engine's configuration, and
 * does the next step that is missing. It remembers nothing that another leader would need, so that a leader's death at
 * any step only means that the next one looks again; what became of the engine's last step is then seen, not guessed.
 * Used by the housekeeper thread only; the engine's answers come on threads of its own.
 */
@SuppressWarnings("FutureReturnValueIgnored") // callbacks handle their own failures
final class MembershipDriver {

    private static final Logger LOG = LoggerFactory.getLogger(MembershipDriver.class);
    private static final Duration STEP_TIMEOUT = Duration.ofMillis(Limits.CHANGE_DECISION_MILLIS);

    private final JRaftNode node;
    private volatile boolean busy; // a step is being carried out
    private volatile long notBeforeNanos = System.nanoTime();

    // About the node being added; only hints, lost with the leadership.
    private int watched; // node id; 0 = nobody
    private long watchedMatched;
    private long reachedNanos;
    private long watchedNanos; // since when
    private volatile long joinLimitNanos = TimeUnit.MILLISECONDS.toNanos(Limits.JOIN_LIMIT_MILLIS);
    private volatile boolean promoting; // it had caught up as a learner, and is on its way to become a voter

    MembershipDriver(JRaftNode node) {
        this.node = node;
    }

    void drive() {
        if (!node.adapter().leads() || !node.isLeading() || node.closing()) {
            watched = 0;
            return;
        }
        if (busy || System.nanoTime() - notBeforeNanos < 0) {
            return;
        }
        Optional<MemberChange> change = node.membership().current().change();
        if (change.isEmpty()) {
            watched = 0;
            return;
        }
        int id = change.get().member().value();
        PeerId peer = node.membership().enginePeer(id);
        if (peer == null) {
            return; // Gone since: the next round sees it.
        }
        List<PeerId> voters;
        List<PeerId> learners;
        try {
            voters = node.engine().listPeers();
            learners = node.engine().listLearners();
        } catch (IllegalStateException e) {
            return; // No longer the leader.
        }
        switch (change.get().kind()) {
            case ADD -> add(id, peer, voters.contains(peer), learners.contains(peer));
            case REMOVE -> remove(id, peer, voters.contains(peer), learners.contains(peer));
        }
    }

    private void add(int id, PeerId peer, boolean voter, boolean learner) {
        if (voter) {
            Failpoints.hit("member.before_added");
            replicate(new MembershipEntry.Added(id));
            return;
        }
        watch(id);
        boolean connected = node.transport().connected(id);
        if (stalled()) {
            if (learner) {
                step("drop learner " + id, (engine, done) -> engine.removeLearners(List.of(peer), done));
            } else {
                LOG.warn(
                        "member_given_up node={} reason=\"{}\"",
                        id,
                        tooLong()
                                ? "did not catch up"
                                : "not reached for " + node.config().joinStall());
                replicate(new MembershipEntry.GiveUp(id));
            }
        } else if (learner) {
            long last = node.engine().getLastLogIndex();
            boolean caughtUp = watchedMatched > 0 && watchedMatched >= last - Limits.CATCHUP_MARGIN;
            if (caughtUp
                    && node.membershipChanges().reachable(id)
                    && node.membershipChanges().quorumAfter(id, true).isEmpty()) {
                promoting = true;
                Failpoints.hit("member.before_promote");
                // The engine stops the replicator of a learner that becomes a voter in one step, and starts no other.
                step("promote " + id + ", first half", (engine, done) -> engine.removeLearners(List.of(peer), done));
            }
        } else if (connected && promoting) {
            Failpoints.hit("member.before_voter");
            step("promote " + id, (engine, done) -> engine.addPeer(peer, done));
        } else if (connected) {
            Failpoints.hit("member.before_learner");
            step("add learner " + id, (engine, done) -> engine.addLearners(List.of(peer), done));
        }
    }

    private void watch(int id) {
        long matched = node.membershipChanges().matched(id);
        if (watched != id) {
            watched = id;
            promoting = false;
            watchedMatched = 0;
            watchedNanos = System.nanoTime();
            reachedNanos = watchedNanos;
        }
        watchedMatched = Math.max(watchedMatched, matched);
        if (node.membershipChanges().reachable(id)) {
            reachedNanos = System.nanoTime(); // Fetching a large snapshot, it matches nothing for minutes.
        }
    }

    private boolean stalled() {
        return tooLong()
                || System.nanoTime() - reachedNanos > node.config().joinStall().toNanos();
    }

    /** It answers, but never gets there: a disk without room, or slower than what is written. */
    private boolean tooLong() {
        return System.nanoTime() - watchedNanos > joinLimitNanos;
    }

    /** For tests. */
    void joinLimit(Duration limit) {
        joinLimitNanos = limit.toNanos();
    }

    private void remove(int id, PeerId peer, boolean voter, boolean learner) {
        if (learner) {
            step("drop learner " + id, (engine, done) -> engine.removeLearners(List.of(peer), done));
        } else if (!voter) {
            Failpoints.hit("member.before_removed");
            replicate(new MembershipEntry.Removed(id));
        } else if (id == node.selfId()) {
            Failpoints.hit("member.before_leaving");
            busy = true;
            node.leadership().transferOwn(Optional.empty()).whenComplete((leader, problem) -> {
                LOG.info(
                        "leader_leaves node={} result=\"{}\"",
                        id,
                        problem == null ? "node " + leader + " leads" : problem.getMessage());
                finished(problem == null);
            });
        } else if (node.membershipChanges().quorumAfter(id, false).isEmpty()) {
            Failpoints.hit("member.before_removal");
            step("remove voter " + id, (engine, done) -> engine.removePeer(peer, done));
        }
    }

    @FunctionalInterface
    private interface Step {
        void on(Node engine, Closure done);
    }

    private void step(String what, Step step) {
        busy = true;
        try {
            step.on(node.engine(), status -> {
                LOG.info("membership_step what=\"{}\" result=\"{}\"", what, status.isOk() ? "done" : status);
                if (!status.isOk()) {
                    promoting = false; // Perhaps it has fallen behind: back to being a learner.
                }
                finished(status.isOk());
            });
        } catch (RuntimeException e) {
            LOG.warn("membership_step what=\"{}\" failed", what, e);
            finished(false);
        }
    }

    private void replicate(MembershipEntry entry) {
        busy = true;
        node.membershipChanges().replicate(entry, STEP_TIMEOUT).whenComplete((committed, problem) -> {
            if (problem != null) {
                LOG.warn("membership_step entry={} failed: {}", entry, problem.getMessage());
            }
            finished(problem == null);
        });
    }

    private void finished(boolean well) {
        if (!well) {
            notBeforeNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.MEMBERSHIP_RETRY_MILLIS);
        }
        busy = false;
    }
}
