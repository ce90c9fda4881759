package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.ReplicatorGroup;
import com.alipay.sofa.jraft.core.Replicator;
import com.alipay.sofa.jraft.util.ThreadId;
import com.codahale.metrics.Gauge;
import dev.conflux.base.observe.Metrics;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeStatus;
import dev.conflux.consensus.api.ReadPoint;
import dev.conflux.consensus.api.Role;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;

/** What this member knows of itself, as meters that are read when somebody looks: nothing on the way of a proposal. */
final class EngineMeters {

    private final JRaftNode node;
    private final Metrics metrics;
    private final Proposals proposals;
    private final ThreadPoolExecutor rpcExecutor;
    private final Set<Integer> metered = new HashSet<>(); // one thread after the other

    EngineMeters(JRaftNode node, Metrics metrics, Proposals proposals, ThreadPoolExecutor rpcExecutor) {
        this.node = node;
        this.metrics = metrics;
        this.proposals = proposals;
        this.rpcExecutor = rpcExecutor;
    }

    /** Once, when the engine runs. */
    void register() {
        status("conflux_raft_term", "Current term", NodeStatus::term);
        status("conflux_raft_is_leader", "1 = this node leads", status -> status.role() == Role.LEADER ? 1 : 0);
        for (Role role : Role.values()) {
            metrics.gauge(
                    "conflux_raft_role",
                    "1 for the role that this node has, 0 for the others",
                    () -> node.status().role() == role ? 1 : 0,
                    "role",
                    role.name().toLowerCase(Locale.ROOT));
        }
        status("conflux_raft_commit_index", "Highest log index known to be committed", NodeStatus::commitIndex);
        status("conflux_raft_applied_index", "Highest log index applied", NodeStatus::appliedIndex);
        status("conflux_raft_last_log_index", "Highest log index in this node's log", NodeStatus::lastLogIndex);
        status(
                "conflux_raft_apply_queue_entries",
                "Committed entries that wait to be applied",
                status -> Math.max(0, status.commitIndex() - status.appliedIndex()));
        status(
                "conflux_raft_staleness_seconds",
                "How far behind the leader this node may be; NaN before a leader has been heard",
                status -> status.stalenessMillis() == ReadPoint.UNKNOWN_STALENESS
                        ? Double.NaN
                        : status.stalenessMillis() / 1e3);
        counter(
                "conflux_raft_leader_changes",
                "Times that this node began to lead, or to follow a leader",
                node.counters().leaderChanges);
        proposals();
        snapshots();
        counter("conflux_raft_applied_entries", "Entries applied", node.counters().appliedEntries);
        counter(
                "conflux_raft_replayed_entries",
                "Entries skipped after a restart because the state held them already",
                node.counters().replayedEntries);
        counter(
                "conflux_peer_connections_refused",
                "Peer connections closed because of certificate, identity or protocol",
                node.counters().connectionsRefused);
        metrics.gauge(
                "conflux_raft_rpc_queue",
                "Requests of peers that wait for a thread",
                () -> rpcExecutor.getQueue().size());
        rings();
        followMembers();
    }

    /** Where the engine's threads find their work; it refuses, or takes itself for broken, when one is full. */
    private void rings() {
        ring("propose", "jraft-node-impl-disruptor");
        ring("log", "jraft-log-manager-disruptor");
        ring("apply", "jraft-fsm-caller-disruptor");
        ring("read", "jraft-read-only-service-disruptor");
    }

    private void ring(String label, String engineName) {
        metrics.gauge(
                "conflux_raft_ring_entries",
                "Waiting in one of the engine's queues",
                () -> {
                    RunningEngine now = node.running();
                    return now == null
                            ? Double.NaN
                            : engineGauge(now, engineName + ".buffer-size")
                                    - engineGauge(now, engineName + ".remaining-capacity");
                },
                "ring",
                label);
    }

    private static double engineGauge(RunningEngine now, String name) {
        Gauge<?> gauge =
                now.engine().getNodeMetrics().getMetricRegistry().getGauges().get(name);
        return gauge != null && gauge.getValue() instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    /** Gives members that have come since a gauge of their own; that of one who has gone says NaN. */
    void followMembers() {
        for (Member member : node.membership().members()) {
            int id = member.id().value();
            if (id != node.selfId() && metered.add(id)) {
                metrics.gauge(
                        "conflux_raft_replication_lag_entries",
                        "Entries that a follower has not acknowledged; NaN on followers",
                        () -> lag(id),
                        "peer",
                        Integer.toString(id));
            }
        }
    }

    private void proposals() {
        Counters counters = node.counters();
        outcome("committed", counters.committed);
        outcome("refused", counters.refused);
        outcome("overloaded", counters.overloaded);
        outcome("indeterminate", counters.indeterminate);
        counter("conflux_raft_proposals_forwarded", "Attempts sent to the leader", counters.forwarded);
        metrics.gauge("conflux_raft_proposals_in_flight", "Proposals that wait for an answer", proposals::inFlight);
        metrics.gauge(
                "conflux_raft_proposals_in_flight_bytes",
                "Commands of proposals that wait for an answer",
                proposals::inFlightBytes);
    }

    private void outcome(String outcome, LongAdder count) {
        metrics.counter(
                "conflux_raft_proposals",
                "Proposals by what became of them",
                count,
                LongAdder::sum,
                "outcome",
                outcome);
    }

    private void snapshots() {
        StateMachineAdapter adapter = node.adapter();
        snapshotResult("taken", node.counters().snapshotsTaken);
        snapshotResult("failed", node.counters().snapshotsFailed);
        snapshotResult("installed", node.counters().snapshotsInstalled);
        metrics.gauge(
                "conflux_raft_snapshot_index", "Log index that the newest snapshot contains", adapter::snapshotIndex);
        metrics.gauge(
                "conflux_raft_snapshot_age_seconds",
                "Since the newest snapshot was taken or received; NaN without one",
                () -> adapter.snapshotAtMillis() == 0
                        ? Double.NaN
                        : (System.currentTimeMillis() - adapter.snapshotAtMillis()) / 1e3);
        metrics.gauge(
                "conflux_raft_snapshot_last_duration_seconds",
                "How long the last snapshot taken here took",
                () -> adapter.snapshotMillis() / 1e3);
        metrics.gauge(
                "conflux_raft_snapshot_size_bytes", "Size of the last snapshot taken here", adapter::snapshotBytes);
        metrics.gauge(
                "conflux_raft_snapshot_pending_bytes",
                "Commands applied since the newest snapshot",
                adapter::bytesSinceSnapshot);
    }

    private void snapshotResult(String result, LongAdder count) {
        metrics.counter("conflux_raft_snapshots", "Snapshots by result", count, LongAdder::sum, "result", result);
    }

    private void status(String name, String help, ToDoubleFunction<NodeStatus> value) {
        metrics.gauge(name, help, () -> value.applyAsDouble(node.status()));
    }

    private void counter(String name, String help, LongAdder count) {
        metrics.counter(name, help, count, LongAdder::sum);
    }

    private double lag(int peerId) {
        RunningEngine now = node.running();
        var client = node.transport().engineClient();
        if (now == null || client == null || !now.leads()) {
            return Double.NaN;
        }
        for (ReplicatorGroup group : client.replicatorGroups()) {
            ThreadId replicator = group.getReplicator(node.membership().enginePeer(peerId));
            if (replicator != null) {
                long next = Replicator.getNextIndex(replicator);
                return next == 0 ? Double.NaN : Math.max(0, now.engine().getLastLogIndex() - next + 1);
            }
        }
        return Double.NaN;
    }
}
