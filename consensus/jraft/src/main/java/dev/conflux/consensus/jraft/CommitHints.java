package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.core.BallotBox;
import com.alipay.sofa.jraft.core.NodeImpl;
import dev.conflux.consensus.api.LogPosition;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets a follower apply what the answer to a forwarded proposal says is committed. The engine tells followers of a commit
 * only with the next append or heartbeat, so a lone writer would wait a heartbeat interval to see its own write.
 *
 * <p>An answer names (index, term) of a committed entry. As soon as this member's durable log ends at or behind that
 * index in that same term, it equals the log of that term's leader up to there (Raft §5.3, Log Matching), so all of it up
 * to the index is committed, whoever leads by now. In any other case nothing is done and the leader's next message tells.
 */
final class CommitHints {

    private static final Logger LOG = LoggerFactory.getLogger(CommitHints.class);

    /** Where the engine keeps the commit index; "thread safe and tolerates disorder", as its own callers say. */
    private final BallotBox ballotBox;

    private final JRaftNode node;

    /** Guarded by this; at most {@link Limits#MAX_COMMIT_HINTS}: a member that is behind gets no entries, yet answers. */
    private final PriorityQueue<LogPosition> pending =
            new PriorityQueue<>(Comparator.comparingLong(LogPosition::index));

    private volatile boolean waiting;

    synchronized int pending() {
        return pending.size();
    }

    private final EngineStorage storage;

    CommitHints(JRaftNode node, Node engine, EngineStorage storage) {
        this.node = node;
        this.storage = storage;
        this.ballotBox = ballotBox(engine);
        storage.onDurable(this::durable);
    }

    /** The engine has no public way to it; a test and every start notice if a later version has none at all. */
    private static BallotBox ballotBox(Node engine) {
        try {
            var getter = NodeImpl.class.getDeclaredMethod("getBallotBox");
            getter.setAccessible(true);
            return (BallotBox) getter.invoke(engine);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("the engine's ballot box cannot be reached", e);
        }
    }

    /** A leader has answered that an entry is committed. */
    void committed(LogPosition position) {
        if (position.index() <= ballotBox.getLastCommittedIndex()) {
            return;
        }
        synchronized (this) {
            if (pending.size() >= Limits.MAX_COMMIT_HINTS) {
                return; // The leader's own messages will tell.
            }
            pending.add(position);
            waiting = true;
        }
        durable(storage.durable()); // read after waiting is set: an append in between has seen either
    }

    /** The durable log ends here now; called for every append. */
    private void durable(LogPosition end) {
        if (!waiting) {
            return;
        }
        LogPosition known = null;
        synchronized (this) {
            for (LogPosition next = pending.peek();
                    next != null && next.index() <= end.index();
                    next = pending.peek()) {
                pending.remove();
                if (next.term() == end.term()) {
                    known = next;
                }
            }
            waiting = !pending.isEmpty();
        }
        advance(known);
    }

    private void advance(@Nullable LogPosition known) {
        if (known == null || node.isLeading()) {
            return;
        }
        try {
            ballotBox.setLastCommittedIndex(known.index());
        } catch (IllegalArgumentException e) {
            LOG.debug("commit_hint_ignored position={}: leading by now", known, e);
        }
    }
}
