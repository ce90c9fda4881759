package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.ReplicatorGroup;
import com.alipay.sofa.jraft.core.Replicator;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.util.ThreadId;
import com.alipay.sofa.jraft.util.Utils;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.MemberChange;
import dev.conflux.consensus.api.MemberProgress;
import dev.conflux.consensus.api.NewMember;
import dev.conflux.consensus.api.NodeId;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Membership changes as somebody asks for them: decided by the leader, which replicates the intent; carried out by
 * {@link MembershipDriver}; watched here. Asking twice changes nothing, so whoever does not know what came of it asks
 * again. Safe for any thread.
 */
@SuppressWarnings("FutureReturnValueIgnored") // callbacks handle their own failures
final class MembershipChanges {

    private static final long POLL_MILLIS = 20;

    private final JRaftNode node;
    private final AtomicBoolean deciding = new AtomicBoolean();

    MembershipChanges(JRaftNode node) {
        this.node = node;
    }

    CompletableFuture<MemberChange.State> add(NewMember member, Duration timeout) {
        try {
            PeerAddress.parse(member.address());
        } catch (IllegalArgumentException e) {
            return CompletableFuture.failedFuture(new ConsensusException.Refused(String.valueOf(e.getMessage())));
        }
        return start(
                new Wire.Change(Wire.Change.Kind.ADD, member.id().value(), member.address(), member.clientAddress()),
                timeout);
    }

    CompletableFuture<MemberChange.State> remove(NodeId member, Duration timeout) {
        return start(new Wire.Change(Wire.Change.Kind.REMOVE, member.value(), "", ""), timeout);
    }

    CompletableFuture<Integer> raiseFeatureLevel(int level, Duration timeout) {
        return start(new Wire.Change(Wire.Change.Kind.FEATURE_LEVEL, level, "", ""), timeout)
                .thenApply(state -> node.membership().current().featureLevel());
    }

    private CompletableFuture<MemberChange.State> start(Wire.Change change, Duration timeout) {
        ConsensusException unavailable = node.unavailable();
        return unavailable == null ? new Request(change, timeout).start() : CompletableFuture.failedFuture(unavailable);
    }

    /** One call: asks leaders until one has decided, then watches the record. */
    private final class Request {

        private final Wire.Change change;
        private final long deadlineNanos;
        private final CompletableFuture<MemberChange.State> future = new CompletableFuture<>();
        private String problem = "none is known";
        private boolean inDoubt;
        private long decidedAt = -1; // index of the decision

        Request(Wire.Change change, Duration timeout) {
            this.change = change;
            this.deadlineNanos = System.nanoTime() + timeout.toNanos();
        }

        CompletableFuture<MemberChange.State> start() {
            attempt();
            return future;
        }

        private void attempt() {
            if (timeUp()) {
                return;
            }
            Integer leader = node.leaderId();
            if (node.isLeading()) {
                decide(node.selfId(), change).thenAccept(this::decided);
            } else if (leader == null || leader == node.selfId()) {
                again("none is known");
            } else {
                ask(leader);
            }
        }

        private void ask(int leader) {
            node.transport()
                    .link(leader, PeerLink.Lane.CALL)
                    .send(change, Limits.CHANGE_DECISION_MILLIS, false, new ReplyHandler() {
                        @Override
                        public void reply(Object message) {
                            if (message instanceof Wire.ChangeReply answer) {
                                decided(answer);
                            } else {
                                again("unexpected reply");
                            }
                        }

                        @Override
                        public void failed(SendFailure failure) {
                            inDoubt |= failure.kind() != SendFailure.Kind.NOT_SENT;
                            again(failure.detail());
                        }
                    });
        }

        private void decided(Wire.ChangeReply answer) {
            switch (answer.outcome()) {
                case OK -> {
                    decidedAt = answer.index();
                    watch();
                }
                case UNAVAILABLE, TOO_LARGE, NO_SPACE ->
                    future.completeExceptionally(new ConsensusException.Refused(answer.detail()));
                case CHANGE_IN_PROGRESS ->
                    future.completeExceptionally(new ConsensusException.ChangeInProgress(answer.detail()));
                case INDETERMINATE -> {
                    inDoubt = true;
                    again(answer.detail());
                }
                case NOT_LEADER, OVERLOADED -> again(answer.detail());
            }
        }

        private void again(String why) {
            problem = why;
            later(this::attempt, Limits.RETRY_MAX_MILLIS);
        }

        private void later(Runnable task, long millis) {
            if (!node.later(task, millis)) {
                future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
            }
        }

        private boolean timeUp() {
            if (System.nanoTime() - deadlineNanos < 0) {
                return false;
            }
            if (decidedAt >= 0) {
                future.complete(MemberChange.State.IN_PROGRESS);
            } else {
                future.completeExceptionally(
                        inDoubt
                                ? new ConsensusException.Indeterminate(problem)
                                : new ConsensusException.NoLeader(problem));
            }
            return true;
        }

        /** The decision is replicated; its end shows in this member's own record. */
        private void watch() {
            MembershipRecord record = node.membership().current();
            if (record.position().index() >= decidedAt) {
                Optional<MemberChange.State> end;
                try {
                    end = end(record);
                } catch (ConsensusException e) {
                    future.completeExceptionally(e);
                    return;
                }
                if (end.isPresent()) {
                    future.complete(end.get());
                    return;
                }
            }
            if (!timeUp()) {
                later(this::watch, POLL_MILLIS);
            }
        }

        private Optional<MemberChange.State> end(MembershipRecord record) {
            int id = change.nodeId();
            return switch (change.kind()) {
                case ADD -> {
                    if (record.changes(MemberChange.Kind.ADD, id)) {
                        yield Optional.empty();
                    }
                    if (!record.members().containsKey(id)) {
                        throw new ConsensusException.Refused(
                                "node " + id
                                        + " could not be reached any more, or never caught up, and was given up; the membership is as it was before. See its log");
                    }
                    yield Optional.of(MemberChange.State.DONE);
                }
                case REMOVE -> {
                    if (record.removed().contains(id)) {
                        yield Optional.of(MemberChange.State.DONE);
                    }
                    Integer leader = node.leaderId();
                    boolean ownEnd = id == node.selfId() && !node.isLeading() && leader != null && leader != id;
                    yield ownEnd ? Optional.of(MemberChange.State.IN_PROGRESS) : Optional.empty();
                }
                case FEATURE_LEVEL -> Optional.of(MemberChange.State.DONE);
            };
        }
    }

    // ---- on the leader ----

    /** Decides, as the leader; completes when the intent is replicated, or at once with a refusal. */
    CompletableFuture<Wire.ChangeReply> decide(int asker, Wire.Change change) {
        if (!node.adapter().leads() || !node.isLeading() || node.quarantine().active()) {
            return CompletableFuture.completedFuture(
                    new Wire.ChangeReply(Wire.Outcome.NOT_LEADER, "node " + node.selfId() + " does not lead", 0));
        }
        if (!deciding.compareAndSet(false, true)) {
            return CompletableFuture.completedFuture(
                    new Wire.ChangeReply(Wire.Outcome.OVERLOADED, "another membership change is being decided", 0));
        }
        CompletableFuture<Wire.ChangeReply> decision;
        try {
            decision = switch (change.kind()) {
                case ADD -> decideToAdd(change);
                case REMOVE -> decideToRemove(change.nodeId());
                case FEATURE_LEVEL -> decideFeatureLevel(change.nodeId());
            };
        } catch (RuntimeException e) {
            decision = CompletableFuture.completedFuture(refused(String.valueOf(e.getMessage())));
        }
        return decision.whenComplete((reply, problem) -> deciding.set(false));
    }

    private Wire.ChangeReply refused(String why) {
        boolean busy =
                node.membership().current().inProgress().filter(why::equals).isPresent();
        return new Wire.ChangeReply(busy ? Wire.Outcome.CHANGE_IN_PROGRESS : Wire.Outcome.UNAVAILABLE, why, 0);
    }

    private static Wire.ChangeReply nothingLeft() {
        return new Wire.ChangeReply(Wire.Outcome.OK, "", 0);
    }

    private CompletableFuture<Wire.ChangeReply> decideToAdd(Wire.Change change) {
        MembershipRecord record = node.membership().current();
        int id = change.nodeId();
        MembershipRecord.Entry known = record.members().get(id);
        if (known != null && known.address().equals(change.address())) {
            return CompletableFuture.completedFuture(nothingLeft());
        }
        String refusal = record.refusal(new MembershipEntry.Add(id, change.address(), "", change.clientAddress()));
        if (refusal.isEmpty()) {
            refusal = quorumAfter(id, true);
        }
        if (!refusal.isEmpty()) {
            return CompletableFuture.completedFuture(refused(refusal));
        }
        PeerAddress address = PeerAddress.parse(change.address());
        node.membership().heard().remove(id);
        node.transport().contacts(Map.of(address, id));
        var contacted = new CompletableFuture<Wire.HelloReply>();
        awaitCandidate(
                id, contacted, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.CANDIDATE_CONTACT_MILLIS));
        return contacted
                .whenComplete((reply, problem) -> node.transport().contacts(Map.of()))
                .thenCompose(reply -> {
                    String unfit = unfit(reply, change);
                    return unfit.isEmpty()
                            ? propose(new MembershipEntry.Add(
                                    id, change.address(), reply.storageId(), change.clientAddress()))
                            : CompletableFuture.completedFuture(refused(unfit));
                })
                .exceptionally(problem -> refused("node " + id + " cannot be reached at " + change.address()
                        + " within " + Limits.CANDIDATE_CONTACT_MILLIS
                        + " ms. Start it with empty directories, configured to join, and try again"));
    }

    private void awaitCandidate(int id, CompletableFuture<Wire.HelloReply> contacted, long deadline) {
        Wire.HelloReply reply = node.membership().heard().get(id);
        if (reply != null) {
            contacted.complete(reply);
        } else if (System.nanoTime() - deadline >= 0
                || !node.later(() -> awaitCandidate(id, contacted, deadline), POLL_MILLIS)) {
            contacted.completeExceptionally(new ConsensusException.Unavailable("not reached"));
        }
    }

    /** Why the node that answered must not be added; empty when it may. */
    private String unfit(Wire.HelloReply reply, Wire.Change change) {
        Identity self = node.membership().identity();
        int id = change.nodeId();
        if (!reply.clusterId().isEmpty() && !reply.clusterId().equals(self.clusterId())) {
            return "node " + id + " belongs to cluster " + reply.clusterId() + ", this is " + self.clusterId()
                    + ". Give it empty directories";
        }
        if (!reply.clusterId().isEmpty() && reply.clusterEpoch() != self.clusterEpoch()) {
            return "node " + id + " is of epoch " + reply.clusterEpoch() + ", the cluster of epoch "
                    + self.clusterEpoch() + ". Give it empty directories";
        }
        if (reply.clusterId().isEmpty() && !reply.expectation().isEmpty()) {
            return "node " + id + " is configured to found a cluster with " + reply.expectation()
                    + ". Configure it to join one";
        }
        if (!reply.address().equals(change.address())) {
            return "node " + id + " says that it is reached at " + reply.address() + ", not at " + change.address();
        }
        int level = node.membership().current().featureLevel();
        return reply.featureLevel() >= level
                ? ""
                : "node " + id + " understands feature level " + reply.featureLevel() + " (expected: >= " + level
                        + "); install a newer version";
    }

    private CompletableFuture<Wire.ChangeReply> decideToRemove(int id) {
        MembershipRecord record = node.membership().current();
        if (record.removed().contains(id) || record.changes(MemberChange.Kind.REMOVE, id)) {
            return CompletableFuture.completedFuture(nothingLeft());
        }
        var remove = new MembershipEntry.Remove(id);
        String refusal = record.refusal(remove);
        if (refusal.isEmpty()) {
            refusal = quorumAfter(id, false);
        }
        return refusal.isEmpty() ? propose(remove) : CompletableFuture.completedFuture(refused(refusal));
    }

    private CompletableFuture<Wire.ChangeReply> decideFeatureLevel(int level) {
        MembershipRecord record = node.membership().current();
        if (level == record.featureLevel()) {
            return CompletableFuture.completedFuture(nothingLeft());
        }
        var raise = new MembershipEntry.FeatureLevel(level);
        String refusal = record.refusal(raise);
        for (int id : record.members().keySet()) {
            if (refusal.isEmpty() && featureLevelOf(id) < level) {
                int known = featureLevelOf(id);
                refusal = "feature level " + level + ": node " + id
                        + (known == 0 ? " is not connected" : " understands only " + known)
                        + ". Every member has to run a build that understands it";
            }
        }
        return refusal.isEmpty() ? propose(raise) : CompletableFuture.completedFuture(refused(refusal));
    }

    /** What a member's build understands; 0 = not known at the moment. */
    private int featureLevelOf(int id) {
        if (id == node.selfId()) {
            return node.config().featureLevel();
        }
        Wire.HelloReply reply = node.membership().heard().get(id);
        return reply == null || !node.transport().connected(id) ? 0 : reply.featureLevel();
    }

    private CompletableFuture<Wire.ChangeReply> propose(MembershipEntry entry) {
        Failpoints.hit("member.before_intent");
        return replicate(entry, Duration.ofMillis(Limits.CHANGE_DECISION_MILLIS))
                .handle((committed, problem) -> {
                    if (problem == null) {
                        String refusal = new String(committed.result(), StandardCharsets.UTF_8);
                        return refusal.isEmpty()
                                ? new Wire.ChangeReply(
                                        Wire.Outcome.OK,
                                        "",
                                        committed.position().index())
                                : refused(refusal);
                    }
                    Throwable cause = problem instanceof CompletionException && problem.getCause() != null
                            ? problem.getCause()
                            : problem;
                    boolean nothing = cause instanceof ConsensusException known && known.hadNoEffect();
                    return new Wire.ChangeReply(
                            nothing ? Wire.Outcome.NOT_LEADER : Wire.Outcome.INDETERMINATE,
                            String.valueOf(cause.getMessage()),
                            0);
                });
    }

    /** Only on the leader. The result is empty, or why the entry had no effect. */
    CompletableFuture<Committed> replicate(MembershipEntry entry, Duration timeout) {
        return new Proposal(node, Envelope.Kind.MEMBERSHIP, entry.encode(), timeout, false).start(timeout);
    }

    /**
     * Whether a change leaves a majority of members that are really there.
     *
     * @return why not; empty when it does
     */
    String quorumAfter(int id, boolean added) {
        int voters = 0;
        int reachable = 0;
        var missing = new ArrayList<Integer>();
        for (MemberProgress progress : ownMembers()) {
            int member = progress.member().id().value();
            if (member != id && progress.member().voter()) {
                voters++;
                if (progress.reachable()) {
                    reachable++;
                } else {
                    missing.add(member);
                }
            }
        }
        if (added) {
            voters++;
            reachable++; // Not reached, it will not become a voter.
        }
        int majority = voters / 2 + 1;
        return reachable >= majority
                ? ""
                : "afterwards " + majority + " of " + voters + " voters are needed, but only " + reachable
                        + " can be reached (not: " + missing + "). Bring them back, or remove them first";
    }

    /** As a leader: what it knows of everybody. */
    Wire.ProgressReply ownProgress() {
        return node.adapter().leads() && node.isLeading()
                ? new Wire.ProgressReply(Wire.Outcome.OK, ownMembers())
                : new Wire.ProgressReply(Wire.Outcome.NOT_LEADER, List.of());
    }

    private List<MemberProgress> ownMembers() {
        MembershipRecord record = node.membership().current();
        RunningEngine now = Objects.requireNonNull(node.running());
        long last = now.engine().getLastLogIndex();
        var all = new ArrayList<MemberProgress>();
        for (Member member : node.membership().members()) {
            int id = member.id().value();
            MembershipRecord.Entry entry = record.members().get(id);
            boolean self = id == node.selfId();
            long matched = self ? now.storage().durable().index() : matched(id);
            all.add(new MemberProgress(
                    member,
                    entry == null ? "" : entry.clientAddress(),
                    self || reachable(id),
                    matched,
                    Math.max(0, last - matched),
                    featureLevelOf(id)));
        }
        return all;
    }

    /** The engine counts only what has been acknowledged as matching. */
    long matched(int id) {
        PeerId peer = node.membership().enginePeer(id);
        ReplicatorGroup group = replicators();
        ThreadId replicator = peer == null || group == null ? null : group.getReplicator(peer);
        return replicator == null ? 0 : Math.max(0, Replicator.getNextIndex(replicator) - 1);
    }

    /** Answered this leader within an election timeout. */
    boolean reachable(int id) {
        PeerId peer = node.membership().enginePeer(id);
        ReplicatorGroup group = replicators();
        if (peer == null || group == null || !node.transport().connected(id)) {
            return false;
        }
        long silence = Utils.monotonicMs() - group.getLastRpcSendTimestamp(peer);
        return silence <= node.config().electionTimeout().toMillis();
    }

    private @Nullable ReplicatorGroup replicators() {
        EngineRpcClient client = node.transport().engineClient();
        return client == null || client.replicatorGroups().isEmpty()
                ? null
                : client.replicatorGroups().getLast();
    }

    CompletableFuture<List<MemberProgress>> progress(Duration timeout) {
        ConsensusException unavailable = node.unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        if (node.isLeading()) {
            return CompletableFuture.completedFuture(ownMembers());
        }
        Integer leader = node.leaderId();
        if (leader == null) {
            return CompletableFuture.failedFuture(new ConsensusException.NoLeader("none is known"));
        }
        var future = new CompletableFuture<List<MemberProgress>>();
        node.transport()
                .link(leader, PeerLink.Lane.CALL)
                .send(new Wire.Progress(), timeout.toMillis(), false, new ReplyHandler() {
                    @Override
                    public void reply(Object message) {
                        if (message instanceof Wire.ProgressReply answer && answer.outcome() == Wire.Outcome.OK) {
                            future.complete(answer.members());
                        } else {
                            future.completeExceptionally(new ConsensusException.NotLeader(null));
                        }
                    }

                    @Override
                    public void failed(SendFailure failure) {
                        future.completeExceptionally(new ConsensusException.Unavailable(failure.detail()));
                    }
                });
        return future;
    }
}
