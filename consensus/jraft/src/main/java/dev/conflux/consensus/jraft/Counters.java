package dev.conflux.consensus.jraft;

import java.util.concurrent.atomic.LongAdder;

/** Where the parts count; any thread. */
final class Counters {

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
