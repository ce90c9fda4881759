package dev.conflux.consensus.jraft;

import dev.conflux.base.observe.Metrics;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** Where the parts count; any thread. Counters are read when somebody looks, only the timers are meters themselves. */
final class Counters {

    final Timer proposalTime;
    final Timer appendTime;
    final Timer applyTime;
    private final Metrics metrics;
    private final ConcurrentHashMap<Integer, PeerTraffic> peers = new ConcurrentHashMap<>();

    final LongAdder committed = new LongAdder();
    final LongAdder refused = new LongAdder();
    final LongAdder leaderChanges = new LongAdder();

    final LongAdder proposed = new LongAdder();
    final LongAdder forwarded = new LongAdder();
    final LongAdder overloaded = new LongAdder();
    final LongAdder indeterminate = new LongAdder();
    final LongAdder appliedEntries = new LongAdder();
    final LongAdder appliedBatches = new LongAdder();
    final LongAdder replayedEntries = new LongAdder();
    final LongAdder snapshotsTaken = new LongAdder();
    final LongAdder snapshotsFailed = new LongAdder();
    final LongAdder snapshotsInstalled = new LongAdder();
    final LongAdder snapshotsRefused = new LongAdder();
    final LongAdder refusedForSpace = new LongAdder();
    final LongAdder digestsCompared = new LongAdder();
    final LongAdder divergencesFound = new LongAdder();
    final LongAdder divergencesUndecided = new LongAdder();
    final LongAdder framesSent = new LongAdder();
    final LongAdder bytesSent = new LongAdder();
    final LongAdder framesReceived = new LongAdder();
    final LongAdder connectionsRefused = new LongAdder();

    Counters(Metrics metrics) {
        this.metrics = metrics;
        proposalTime = metrics.timer("conflux_raft_proposal", "From propose to its answer on this node");
        appendTime = metrics.timer("conflux_raft_append", "Appending a batch to the log, made durable");
        applyTime = metrics.timer("conflux_raft_apply", "Applying a batch of committed entries");
    }

    Metrics metrics() {
        return metrics;
    }

    /** What is exchanged with a peer; its meters exist from the first call on. */
    PeerTraffic peer(int id) {
        return peers.computeIfAbsent(id, newId -> new PeerTraffic(newId, metrics));
    }

    JRaftMetrics snapshot(long inFlight) {
        return new JRaftMetrics(
                proposed.sum(),
                forwarded.sum(),
                overloaded.sum(),
                indeterminate.sum(),
                appliedEntries.sum(),
                appliedBatches.sum(),
                replayedEntries.sum(),
                snapshotsTaken.sum(),
                snapshotsFailed.sum(),
                snapshotsInstalled.sum(),
                snapshotsRefused.sum(),
                refusedForSpace.sum(),
                digestsCompared.sum(),
                divergencesFound.sum(),
                divergencesUndecided.sum(),
                framesSent.sum(),
                bytesSent.sum(),
                framesReceived.sum(),
                connectionsRefused.sum(),
                inFlight);
    }
}
