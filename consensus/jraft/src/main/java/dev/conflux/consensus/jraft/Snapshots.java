package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.ConsensusException;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Taking snapshots: on request and, by the amount written since the last one, on its own. */
@SuppressWarnings("FutureReturnValueIgnored") // callbacks handle their own failures
final class Snapshots {

    private static final Logger LOG = LoggerFactory.getLogger(Snapshots.class);

    private final JRaftNode node;
    private final AtomicBoolean underWay = new AtomicBoolean();
    private volatile long notBeforeNanos;

    Snapshots(JRaftNode node) {
        this.node = node;
    }

    CompletableFuture<Long> take() {
        RunningEngine now = node.running();
        if (now == null || node.closing()) {
            return CompletableFuture.failedFuture(new ConsensusException.Unavailable("not running"));
        }
        var future = new CompletableFuture<Long>();
        now.engine().snapshot(status -> {
            if (status.isOk()) {
                try {
                    long index = EngineStorage.newestSnapshot(
                                    EngineOptions.snapshots(node.config().dataDir()))
                            .index();
                    node.adapter().snapshotIndex(index);
                    future.complete(index);
                } catch (IOException e) {
                    future.completeExceptionally(new ConsensusException.Refused("snapshot: " + e.getMessage()));
                }
            } else {
                future.completeExceptionally(new ConsensusException.Refused("snapshot: " + status));
            }
        });
        return future;
    }

    /** Takes one when enough has been written since the last; called by the housekeeper. */
    void check() {
        boolean due =
                node.adapter().bytesSinceSnapshot() >= node.config().upkeep().snapshotLogBytes()
                        || node.adapter().entriesSinceSnapshot()
                                >= node.config().upkeep().snapshotLogEntries();
        if (!due || System.nanoTime() - notBeforeNanos < 0 || !underWay.compareAndSet(false, true)) {
            return;
        }
        take().whenComplete((index, problem) -> {
            underWay.set(false);
            if (problem != null) {
                LOG.warn("snapshot_refused reason=\"{}\"", problem.getMessage());
                notBeforeNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.SNAPSHOT_RETRY_MILLIS);
            }
        });
    }
}
