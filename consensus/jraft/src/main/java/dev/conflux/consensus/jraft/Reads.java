package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.closure.ReadIndexClosure;
import com.alipay.sofa.jraft.error.RaftError;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.ReadPoint;
import io.netty.util.Timeout;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Reads of every level, and what a leader tells others of itself. Safe for any thread; completes on the timer, the
 * engine's, the apply or a connection's thread.
 */
@SuppressWarnings("FutureReturnValueIgnored") // callbacks handle their own failures
final class Reads {

    private final JRaftNode node;
    private final Freshness freshness;

    Reads(JRaftNode node) {
        this.node = node;
        this.freshness = new Freshness(System::nanoTime);
    }

    CompletableFuture<ReadPoint> readPoint(ReadLevel level, Duration timeout) {
        if (level == ReadLevel.STALE) {
            return CompletableFuture.completedFuture(point(level));
        }
        if (level == ReadLevel.FOLLOWER) {
            return followerReadPoint(node.config().followerReadLag());
        }
        ConsensusException unavailable = node.unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        return switch (level) {
            case STALE, FOLLOWER -> throw new AssertionError("answered above");
            case STRONG -> new Read(level, timeout).start(this::strong);
            case LINEARIZABLE -> new Read(level, timeout).start(this::linearizable);
        };
    }

    CompletableFuture<ReadPoint> followerReadPoint(Duration maxLag) {
        ConsensusException unavailable = node.unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        ReadPoint point = point(ReadLevel.FOLLOWER);
        return point.stalenessMillis() > maxLag.toMillis()
                ? CompletableFuture.failedFuture(new ConsensusException.NotCaughtUp(point.stalenessMillis(), maxLag))
                : CompletableFuture.completedFuture(point);
    }

    private ReadPoint point(ReadLevel level) {
        long index = node.appliedIndex();
        return new ReadPoint(level, index, level == ReadLevel.LINEARIZABLE ? 0 : staleness());
    }

    long staleness() {
        return freshness.stalenessMillis();
    }

    /** A read that is tried until it succeeds or its time is up; repeating a read harms nobody. */
    private final class Read {
        private final ReadLevel level;
        private final Duration timeout;
        private final long deadlineNanos;
        private final CompletableFuture<ReadPoint> future = new CompletableFuture<>();
        private volatile ConsensusException problem = new ConsensusException.NoLeader("none is known");
        private long pauseMillis = Limits.RETRY_MIN_MILLIS;

        Read(ReadLevel level, Duration timeout) {
            this.level = level;
            this.timeout = timeout;
            this.deadlineNanos = System.nanoTime() + timeout.toNanos();
        }

        CompletableFuture<ReadPoint> start(Consumer<Read> attempt) {
            look();
            if (!future.isDone()) {
                attempt.accept(this);
            }
            return future;
        }

        /** Ends the read when its time is up, or when this member will not be able to answer it for long. */
        private void look() {
            if (future.isDone()) {
                return;
            }
            long left = deadlineNanos - System.nanoTime();
            if (node.installing()) {
                future.completeExceptionally(new ConsensusException.NotCaughtUp(
                        "it is receiving a snapshot from its leader; ask another member"));
            } else if (left <= 0) {
                future.completeExceptionally(problem);
            } else {
                try {
                    Timeout next = node.timer()
                            .newTimeout(
                                    ignored -> look(),
                                    Math.min(left, TimeUnit.MILLISECONDS.toNanos(Limits.READ_CHECK_MILLIS)),
                                    TimeUnit.NANOSECONDS);
                    future.whenComplete((point, failure) -> next.cancel());
                } catch (IllegalStateException e) {
                    future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
                }
            }
        }

        void retry(ConsensusException why, Consumer<Read> attempt) {
            if (future.isDone()) {
                return;
            }
            problem = why;
            long pause = pauseMillis / 2 + ThreadLocalRandom.current().nextLong(pauseMillis / 2 + 1);
            pauseMillis = Math.min(pauseMillis * 2, Limits.RETRY_MAX_MILLIS);
            boolean later = node.later(
                    () -> {
                        if (!future.isDone()) {
                            attempt.accept(this);
                        }
                    },
                    pause);
            if (!later) {
                future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
            }
        }

        void whenApplied(long index) {
            problem = new ConsensusException.NotCaughtUp(index, node.appliedIndex(), timeout);
            CompletableFuture<Long> applied = node.applied().reach(index);
            applied.thenAccept(reached -> future.complete(point(level)));
            future.whenComplete((nothing, late) -> applied.cancel(false)); // its time was up: nobody waits any more
        }
    }

    private void strong(Read read) {
        if (node.isLeading()) {
            if (node.adapter().leads()) {
                read.whenApplied(node.engine().getLastCommittedIndex());
            } else {
                read.retry(new ConsensusException.NoLeader("this member was just elected"), this::strong);
            }
            return;
        }
        Integer leader = node.leaderId();
        if (leader == null) {
            read.retry(new ConsensusException.NoLeader("none is known"), this::strong);
            return;
        }
        askLeader(leader, read.timeout.toMillis()).whenComplete((answer, failure) -> {
            if (failure == null && answer.outcome() == Wire.Outcome.OK) {
                read.whenApplied(answer.commitIndex());
            } else {
                read.retry(
                        new ConsensusException.NoLeader(
                                failure == null ? "node " + leader + " does not lead" : failure.toString()),
                        this::strong);
            }
        });
    }

    CompletableFuture<Wire.LeaderStateReply> askLeader(int leader, long timeoutMillis) {
        var future = new CompletableFuture<Wire.LeaderStateReply>();
        node.transport()
                .link(leader, PeerLink.Lane.CALL)
                .send(new Wire.LeaderState(), timeoutMillis, false, new ReplyHandler() {
                    @Override
                    public void reply(Object message) {
                        if (message instanceof Wire.LeaderStateReply answer) {
                            future.complete(answer);
                        } else {
                            future.completeExceptionally(new IOException("unexpected reply"));
                        }
                    }

                    @Override
                    public void failed(SendFailure failure) {
                        future.completeExceptionally(new IOException(failure.detail()));
                    }
                });
        return future;
    }

    /** Asks the leader, on the leader itself its majority, whether this member is up to date. */
    void confirmFreshness() {
        RunningEngine now = node.running();
        if (now == null || (node.leaderId() == null && !node.isLeading())) {
            return;
        }
        long asked = freshness.now();
        now.engine().readIndex(new byte[0], new ReadIndexClosure() {
            @Override
            public void run(Status status, long index, byte[] context) {
                if (status.isOk()) {
                    confirmed(asked, index);
                }
            }
        });
    }

    /** The engine calls back only once the index has been applied. */
    private void confirmed(long asked, long index) {
        node.applied().advance(index);
        freshness.confirmed(asked);
    }

    private void linearizable(Read read) {
        if (Failpoints.skips("defence.read_index")) {
            read.future.complete(point(ReadLevel.LINEARIZABLE));
            return;
        }
        long asked = freshness.now();
        node.engine().readIndex(new byte[0], new ReadIndexClosure() {
            private final AtomicBoolean called = new AtomicBoolean();

            @Override
            public void run(Status status, long index, byte[] context) {
                if (!called.compareAndSet(false, true)) {
                    return; // The engine's own timeout also fires for a closure that has failed before.
                }
                if (status.isOk()) {
                    Failpoints.hit("read.index_known");
                    confirmed(asked, index);
                    read.future.complete(point(ReadLevel.LINEARIZABLE));
                    return;
                }
                boolean stopping = status.getRaftError() == RaftError.EHOSTDOWN
                        || status.getRaftError() == RaftError.ENODESHUTDOWN
                        || status.getRaftError() == RaftError.ESTOP;
                if (stopping) {
                    read.future.completeExceptionally(new ConsensusException.Unavailable("stopping"));
                    return;
                }
                read.retry(
                        node.leaderId() == null && !node.isLeading()
                                ? new ConsensusException.NoLeader(status.toString())
                                : new ConsensusException.NoQuorum(status.toString()),
                        Reads.this::linearizable);
            }
        });
    }

    CompletableFuture<byte[]> queryMember(NodeId member, byte[] query, Duration timeout) {
        if (member.equals(node.config().nodeId())) {
            return completing(() -> node.stateMachine().query(query));
        }
        if (node.membership().member(member.value()) == null) {
            return CompletableFuture.failedFuture(
                    new ConsensusException.Refused("node " + member + " is not a member"));
        }
        var future = new CompletableFuture<byte[]>();
        node.transport()
                .link(member.value(), PeerLink.Lane.CALL)
                .send(new Wire.Query(query), timeout.toMillis(), true, new ReplyHandler() {
                    @Override
                    public void reply(Object message) {
                        if (message instanceof Wire.QueryReply answer && answer.outcome() == Wire.Outcome.OK) {
                            future.complete(answer.answer());
                        } else {
                            future.completeExceptionally(new ConsensusException.Unavailable(
                                    message instanceof Wire.QueryReply answer
                                            ? "node " + member + ": " + answer.detail()
                                            : "unexpected reply"));
                        }
                    }

                    @Override
                    public void failed(SendFailure failure) {
                        future.completeExceptionally(new ConsensusException.Unavailable(failure.detail()));
                    }
                });
        return future;
    }

    private static <T> CompletableFuture<T> completing(Supplier<T> call) {
        try {
            return CompletableFuture.completedFuture(call.get());
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    Wire.LeaderStateReply leaderState() {
        RunningEngine now = node.running();
        if (now == null
                || !node.adapter().leads()
                || !node.isLeading()
                || node.quarantine().active()) {
            return PeerRequests.notLeader();
        }
        Node engine = now.engine();
        return PeerRequests.leaderState(now.storage().term(), engine.getLastCommittedIndex(), engine.getLastLogIndex());
    }
}
