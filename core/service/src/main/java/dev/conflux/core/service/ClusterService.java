package dev.conflux.core.service;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.MemberChange;
import dev.conflux.consensus.api.MemberProgress;
import dev.conflux.consensus.api.NewMember;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.NodeStatus;
import dev.conflux.consensus.api.Role;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import dev.conflux.core.state.StatusReport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What operators ask of the cluster. Blocks: virtual threads only. */
public final class ClusterService {

    /** How long a member may take to answer a status question: a few round trips, so that a status page stays quick. */
    private static final Duration ASK_TIMEOUT = Duration.ofMillis(500);

    /** How long leadership transfer and snapshots may take before the caller is told "indeterminate". */
    private static final Duration OPERATION_TIMEOUT = Duration.ofSeconds(30);

    /** How long a membership change is waited for before the caller is told to look at the status. */
    private static final Duration CHANGE_TIMEOUT = Duration.ofSeconds(25);

    /** A node further behind than this should get no clients. */
    private static final Duration MAX_READY_STALENESS = Duration.ofSeconds(5);

    /** Who leads. */
    public record LeaderInfo(int nodeId, String address) {}

    /** How far a membership change is; {@code warnings} are for people. */
    public record ChangeResult(boolean done, List<String> warnings) {}

    /**
     * One member; values are null when neither it nor the leader could be asked.
     *
     * @param matchedIndex highest log index that the leader knows to be durable there
     * @param lag entries of the leader's log that it lacks
     * @param featureLevel what its build understands
     */
    public record MemberStatus(
            String role,
            boolean reachable,
            String address,
            @Nullable String apiAddress,
            @Nullable Long matchedIndex,
            @Nullable Long appliedIndex,
            @Nullable Long revision,
            @Nullable Long lag,
            @Nullable String version,
            @Nullable Integer featureLevel,
            @Nullable String stateDigest) {}

    /**
     * The whole cluster as the asked node sees it.
     *
     * @param change {@code none}, or {@code add 4}, {@code remove 2} while that is in progress
     */
    public record ClusterStatus(
            String clusterId,
            long clusterEpoch,
            int nodeId,
            @Nullable Integer leaderId,
            long currentTerm,
            long commitIndex,
            long revision,
            int featureLevel,
            String change,
            SortedMap<Integer, MemberStatus> nodes,
            List<String> errors) {}

    private final ConsensusNode node;
    private final ReadGate gate;
    private final Authorizer authorizer;

    /** Asks and commands through {@code node}. */
    public ClusterService(ConsensusNode node, ReadGate gate, Authorizer authorizer) {
        this.node = node;
        this.gate = gate;
        this.authorizer = authorizer;
    }

    /** Why this node cannot serve the data plane; empty when it can. Needs no metadata database. Never blocks. */
    public Optional<String> obstacle() {
        NodeStatus status = node.status();
        if (!status.serving()) {
            return Optional.of(
                    "the node is " + wire(status.role()) + (status.leader().isEmpty() ? ", without a leader" : ""));
        }
        return status.stalenessMillis() > MAX_READY_STALENESS.toMillis()
                ? Optional.of("the node lags behind its leader")
                : Optional.empty();
    }

    /** Asks every member and the leader, in parallel and briefly. */
    public ClusterStatus status(Principal principal) {
        authorizeAdmin(principal);
        NodeStatus own = node.status();
        var asked = new TreeMap<Integer, CompletableFuture<StatusReport>>();
        CompletableFuture<List<MemberProgress>> progress = node.progress(ASK_TIMEOUT);
        for (Member member : own.members()) {
            asked.put(member.id().value(), ask(member.id()));
        }
        var errors = new ArrayList<String>();
        if (own.leader().isEmpty()) {
            errors.add("no leader is known");
        }
        var known = new HashMap<NodeId, MemberProgress>();
        try {
            progress.join().forEach(member -> known.put(member.member().id(), member));
        } catch (CompletionException e) {
            errors.add("the leader does not answer: lag is not known");
        }
        var nodes = new TreeMap<Integer, MemberStatus>();
        for (Member member : own.members()) {
            int id = member.id().value();
            StatusReport report = null;
            try {
                report = Objects.requireNonNull(asked.get(id)).join();
            } catch (CompletionException e) {
                errors.add("node " + id + " does not answer");
            }
            nodes.put(id, memberStatus(member, own, report, known.get(member.id())));
        }
        return new ClusterStatus(
                own.clusterId(),
                own.clusterEpoch(),
                own.self().value(),
                own.leader().map(NodeId::value).orElse(null),
                own.term(),
                own.commitIndex(),
                gate.revision(),
                own.featureLevel(),
                own.change()
                        .map(change -> change.kind().name().toLowerCase(Locale.ROOT) + " " + change.member())
                        .orElse("none"),
                nodes,
                errors);
    }

    private static MemberStatus memberStatus(
            Member member, NodeStatus own, @Nullable StatusReport report, @Nullable MemberProgress progress) {
        boolean lagKnown = progress != null && (progress.reachable() || progress.matchedIndex() > 0);
        return new MemberStatus(
                roleOf(member, own),
                report != null,
                member.address(),
                progress == null || progress.clientAddress().isEmpty() ? null : progress.clientAddress(),
                progress == null || !lagKnown ? null : progress.matchedIndex(),
                report == null ? null : report.appliedIndex(),
                report == null ? null : report.revision(),
                progress == null || !lagKnown ? null : progress.lag(),
                report == null ? null : report.version(),
                progress == null || progress.featureLevel() == 0 ? null : progress.featureLevel(),
                report == null ? null : report.digest());
    }

    private CompletableFuture<StatusReport> ask(NodeId member) {
        return node.queryMember(member, StatusReport.request(), ASK_TIMEOUT).thenApply(StatusReport::decode);
    }

    private static String roleOf(Member member, NodeStatus own) {
        if (own.leader().filter(member.id()::equals).isPresent()) {
            return wire(Role.LEADER);
        }
        if (member.id().equals(own.self())) {
            return wire(own.role());
        }
        return wire(member.voter() ? Role.FOLLOWER : Role.LEARNER);
    }

    private static String wire(Role role) {
        return role.name().toLowerCase(Locale.ROOT);
    }

    /** The leader, if this node knows one. */
    public Optional<LeaderInfo> leader(Principal principal) {
        authorizeAdmin(principal);
        NodeStatus own = node.status();
        return own.leader()
                .flatMap(id -> own.members().stream()
                        .filter(member -> member.id().equals(id))
                        .findFirst())
                .map(member -> new LeaderInfo(member.id().value(), member.address()));
    }

    /**
     * Adds a node that runs and waits to be added; learner first, then a voter.
     *
     * @return done when it votes; otherwise the change goes on, and the status shows how far it is
     */
    public ChangeResult addNode(Principal principal, int nodeId, String apiAddress, String peerAddress) {
        authorizeAdmin(principal);
        NewMember member;
        try {
            member = new NewMember(new NodeId(nodeId), peerAddress, apiAddress);
        } catch (IllegalArgumentException e) {
            throw new ConfluxException(
                    new ConfluxError.InvalidArgument("raft_address or api_address", "unfit", "host:port"), e);
        }
        return result(await(node.addMember(member, CHANGE_TIMEOUT)));
    }

    /** Removes a node for ever; a leader hands over first. Not done when it goes on, or when it is this very node. */
    public ChangeResult removeNode(Principal principal, int nodeId) {
        authorizeAdmin(principal);
        return result(await(node.removeMember(new NodeId(nodeId), CHANGE_TIMEOUT)));
    }

    private ChangeResult result(MemberChange.State state) {
        long voters = node.status().members().stream().filter(Member::voter).count();
        return new ChangeResult(
                state == MemberChange.State.DONE,
                voters % 2 == 0
                        ? List.of("the cluster has " + voters
                                + " voters: an even number tolerates no more failures than " + (voters - 1))
                        : List.of());
    }

    /** Lets the cluster use what builds of this level understand, for ever; the level in force. */
    public int raiseFeatureLevel(Principal principal, int level) {
        authorizeAdmin(principal);
        return await(node.raiseFeatureLevel(level, CHANGE_TIMEOUT));
    }

    /** Hands leadership over; {@code target} null = to the most up-to-date follower. The new leader's id. */
    public int transferLeadership(Principal principal, @Nullable Integer target) {
        authorizeAdmin(principal);
        return await(node.transferLeadership(Optional.ofNullable(target).map(NodeId::new)))
                .value();
    }

    /** Takes a snapshot of this node now; the index that it contains. */
    public long snapshot(Principal principal) {
        authorizeAdmin(principal);
        return await(node.snapshot());
    }

    private void authorizeAdmin(Principal principal) {
        authorizer.authorize(principal, Action.ADMIN, new Resource.Everything());
    }

    private static <T> T await(CompletableFuture<T> future) {
        try {
            return future.orTimeout(OPERATION_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                    .join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof ConsensusException refusal
                    ? new ConfluxException(ConsensusErrors.of(refusal, null), refusal)
                    : new ConfluxException(new ConfluxError.Indeterminate(null), e);
        }
    }
}
