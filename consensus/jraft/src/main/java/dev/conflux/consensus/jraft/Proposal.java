package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.entity.Task;
import com.alipay.sofa.jraft.error.RaftError;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.LogPosition;
import io.netty.util.Timeout;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One call of {@code propose}: attempts, one after the other, until one could have appended something. From then on
 * only its own answer or {@link ConsensusException.Indeterminate} ends it.
 */
@SuppressWarnings("FutureReturnValueIgnored") // callbacks handle their own failures
final class Proposal {

    /** Message of the engine's refusal before it touches the log; with the same code it also reports a later loss. */
    private static final String NOT_LEADER_MESSAGE = "Is not leader.";

    private final JRaftNode node;
    private final Envelope.Kind kind;
    private final byte[] command;
    private final boolean forwardable;
    private final long deadlineNanos;
    private final CompletableFuture<Committed> future = new CompletableFuture<>();
    private volatile boolean inDoubt;
    private volatile @Nullable Committed committedElsewhere;
    private volatile @Nullable Integer hintedLeader; // by a member that was asked and does not lead
    private volatile String lastProblem = "none is known";
    private long pauseMillis = Limits.RETRY_MIN_MILLIS;

    Proposal(JRaftNode node, Envelope.Kind kind, byte[] command, Duration timeout, boolean forwardable) {
        this.node = node;
        this.kind = kind;
        this.command = command;
        this.forwardable = forwardable;
        this.deadlineNanos = System.nanoTime() + timeout.toNanos();
    }

    CompletableFuture<Committed> start(Duration timeout) {
        Timeout timer;
        try {
            timer = node.timer().newTimeout(ignored -> timeUp(), timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (IllegalStateException e) {
            return CompletableFuture.failedFuture(new ConsensusException.Unavailable("stopped"));
        }
        future.whenComplete((committed, problem) -> timer.cancel());
        attempt();
        return future;
    }

    private void timeUp() {
        Committed known = committedElsewhere;
        if (known != null) {
            future.complete(known); // This member is far behind; that the write is committed is true all the same.
        } else if (inDoubt) {
            indeterminate("no answer in time");
        } else {
            future.completeExceptionally(new ConsensusException.NoLeader(lastProblem));
        }
    }

    private void attempt() {
        if (future.isDone()) {
            return;
        }
        if (node.leadsOrWill()) {
            // A change of membership may be what makes room.
            String noSpace = kind == Envelope.Kind.COMMAND ? node.space().refusal() : null;
            if (noSpace == null) {
                append();
            } else {
                refusedForSpace(noSpace);
            }
            return;
        }
        if (!forwardable) {
            future.completeExceptionally(new ConsensusException.NotLeader(node.leaderMember()));
            return;
        }
        Integer leaderId = hintedLeader != null ? hintedLeader : node.leaderId();
        hintedLeader = null;
        if (leaderId == null || leaderId == node.selfId()) {
            retry("none is known");
            return;
        }
        forward(leaderId);
    }

    private void refusedForSpace(String why) {
        if (!node.space().handingOver()) {
            noSpace(why);
        } else if (forwardable) {
            retry(why);
        } else {
            future.completeExceptionally(new ConsensusException.NotLeader(null));
        }
    }

    private void noSpace(String why) {
        node.counters().refusedForSpace.increment();
        future.completeExceptionally(new ConsensusException.NoSpace(why));
    }

    private void append() {
        Failpoints.hit("propose.before_append");
        inDoubt = true;
        node.counters().proposed.increment();
        try {
            node.engine().apply(new Task(new Envelope(kind, node.wallClockMillis(), command).encode(), new Appended()));
        } catch (IllegalStateException e) {
            notAppended(); // Thrown before anything is queued.
            future.completeExceptionally(new ConsensusException.Unavailable("stopping"));
        }
    }

    /** What the engine calls when the entry is applied, or cannot be. */
    final class Appended implements Closure {

        void applied(LogPosition position, byte[] result) {
            future.complete(new Committed(position, result));
        }

        @Override
        public void run(Status status) {
            if (status.isOk()) {
                indeterminate("applied without a result"); // cannot happen: the adapter calls applied
                return;
            }
            RaftError error = status.getRaftError();
            String message = String.valueOf(status.getErrorMsg());
            if (error == RaftError.EPERM && message.equals(NOT_LEADER_MESSAGE)) {
                notAppended();
                if (forwardable) {
                    retry(message);
                } else {
                    future.completeExceptionally(new ConsensusException.NotLeader(node.leaderMember()));
                }
            } else if (error == RaftError.EBUSY && message.contains("transferring")) {
                notAppended();
                if (forwardable) {
                    retry(message);
                } else {
                    future.completeExceptionally(new ConsensusException.NotLeader(null));
                }
            } else if (error == RaftError.EBUSY) {
                notAppended(); // The engine is full before it appends.
                overloaded(message);
            } else if (error == RaftError.ENODESHUTDOWN) {
                notAppended();
                future.completeExceptionally(new ConsensusException.Unavailable("stopping"));
            } else {
                indeterminate(error + ": " + message);
            }
        }
    }

    private void forward(int leaderId) {
        PeerLink link = node.transport().link(leaderId, PeerLink.Lane.CALL);
        long remaining = remainingMillis();
        if (remaining <= 0) {
            return; // The timer ends it.
        }
        Failpoints.hit("propose.before_forward");
        inDoubt = true;
        node.counters().proposed.increment();
        node.counters().forwarded.increment();
        var request = new Wire.Propose((int) Math.min(Integer.MAX_VALUE, remaining), command);
        link.send(request, remaining, true, new ReplyHandler() {
            @Override
            public void reply(Object message) {
                if (message instanceof Wire.ProposeReply answer) {
                    answered(answer);
                } else {
                    indeterminate("unexpected reply");
                }
            }

            @Override
            public void failed(SendFailure failure) {
                switch (failure.kind()) {
                    case NOT_SENT -> {
                        notAppended();
                        retry(failure.detail());
                    }
                    case LOST, TIMED_OUT -> indeterminate(failure.detail());
                }
            }
        });
    }

    private void answered(Wire.ProposeReply answer) {
        Failpoints.hit("propose.forward_answered");
        switch (answer.outcome()) {
            case OK -> committedElsewhere(new Committed(answer.position(), answer.result()));
            case NOT_LEADER -> {
                notAppended();
                hintedLeader = node.isMember(answer.leaderHint()) ? (Integer) answer.leaderHint() : null;
                retry(answer.detail());
            }
            case OVERLOADED -> {
                notAppended();
                overloaded(answer.detail());
            }
            case UNAVAILABLE, CHANGE_IN_PROGRESS -> {
                notAppended();
                retry(answer.detail());
            }
            case NO_SPACE -> {
                notAppended();
                noSpace(answer.detail());
            }
            case TOO_LARGE -> {
                notAppended();
                future.completeExceptionally(new ConsensusException.TooLarge(
                        command.length, dev.conflux.consensus.api.ConsensusNode.MAX_COMMAND_BYTES));
            }
            case INDETERMINATE -> indeterminate(answer.detail());
        }
    }

    /** Waits, as long as the caller does, until this member shows what it says has been written. */
    private void committedElsewhere(Committed committed) {
        committedElsewhere = committed;
        node.committedElsewhere(committed.position());
        CompletableFuture<Long> shown =
                node.applied().reach(committed.position().index());
        shown.thenAccept(index -> future.complete(committed));
        future.whenComplete((nothing, problem) -> shown.cancel(false)); // its time was up: nobody waits any more
    }

    private void retry(String problem) {
        lastProblem = problem;
        long pause = pauseMillis / 2 + ThreadLocalRandom.current().nextLong(pauseMillis / 2 + 1);
        pauseMillis = Math.min(pauseMillis * 2, Limits.RETRY_MAX_MILLIS);
        if (remainingMillis() <= pause) {
            return; // The timer ends it.
        }
        if (!node.later(this::attempt, pause)) {
            future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
        }
    }

    private void notAppended() {
        inDoubt = false;
    }

    private void overloaded(String detail) {
        node.counters().overloaded.increment();
        future.completeExceptionally(new ConsensusException.Overloaded(detail));
    }

    private void indeterminate(@Nullable String detail) {
        if (future.completeExceptionally(new ConsensusException.Indeterminate(String.valueOf(detail)))) {
            node.counters().indeterminate.increment();
        }
    }

    private long remainingMillis() {
        return TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
    }
}
