package dev.conflux.core.service;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.NodeStatus;
import dev.conflux.consensus.api.Role;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import dev.conflux.core.state.StatusReport;
import java.time.Duration;
import java.util.ArrayList;
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

    /** Grows with what nodes of one cluster must agree on; see docs/operations. */
    private static final int FEATURE_LEVEL = 1;

    /** A node further behind than this should get no clients. */
    private static final Duration MAX_READY_STALENESS = Duration.ofSeconds(5);

    /** Who leads. */
    public record LeaderInfo(int nodeId, String address) {}

    /** One member as the asked node sees it; values are null when it could not be asked. */
    public record MemberStatus(
            String role,
            boolean reachable,
            String address,
            @Nullable Long appliedIndex,
            @Nullable Long revision,
            @Nullable Long lag,
            @Nullable String version,
            @Nullable String stateDigest) {}

    /** The whole cluster as the asked node sees it. */
    public record ClusterStatus(
            String clusterId,
            int nodeId,
            @Nullable Integer leaderId,
            long currentTerm,
            long commitIndex,
            long revision,
            int featureLevel,
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

    /** Asks every member, in parallel and briefly. */
    public ClusterStatus status(Principal principal) {
        authorizeAdmin(principal);
        NodeStatus own = node.status();
        var asked = new TreeMap<Integer, CompletableFuture<StatusReport>>();
        for (Member member : own.members()) {
            asked.put(member.id().value(), ask(member.id()));
        }
        var nodes = new TreeMap<Integer, MemberStatus>();
        var errors = new ArrayList<String>();
        for (Member member : own.members()) {
            int id = member.id().value();
            try {
                StatusReport report = Objects.requireNonNull(asked.get(id)).join();
                nodes.put(
                        id,
                        new MemberStatus(
                                roleOf(member, own),
                                true,
                                member.address(),
                                report.appliedIndex(),
                                report.revision(),
                                Math.max(0, own.commitIndex() - report.appliedIndex()),
                                report.version(),
                                report.digest()));
            } catch (CompletionException e) {
                nodes.put(
                        id,
                        new MemberStatus(roleOf(member, own), false, member.address(), null, null, null, null, null));
                errors.add("node " + id + " does not answer");
            }
        }
        if (own.leader().isEmpty()) {
            errors.add("no leader is known");
        }
        return new ClusterStatus(
                own.clusterId(),
                own.self().value(),
                own.leader().map(NodeId::value).orElse(null),
                own.term(),
                own.commitIndex(),
                gate.revision(),
                FEATURE_LEVEL,
                nodes,
                errors);
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

    /** Hands leadership over; {@code target} null = to the most up-to-date follower. */
    public void transferLeadership(Principal principal, @Nullable Integer target) {
        authorizeAdmin(principal);
        await(node.transferLeadership(Optional.ofNullable(target).map(NodeId::new)));
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
