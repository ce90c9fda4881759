package dev.conflux.consensus.api;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Proposes until the answer is definite, the attempts are used up or time is. Only for state machines that recognise a
 * repetition by something in the command ({@link RequestId} or a key of the caller's): after an attempt of unknown
 * outcome the very same bytes are proposed again, and the state machine answers with the outcome of the first. Finding
 * the leader is the node's own business. Any thread, never blocks.
 */
public final class RetryingProposer {

    private final ConsensusNode node;
    private final RetryPolicy policy;

    public RetryingProposer(ConsensusNode node, RetryPolicy policy) {
        this.node = node;
        this.policy = policy;
    }

    /**
     * As {@link ConsensusNode#propose}. Fails with {@link ConsensusException.Indeterminate} whenever the outcome of any
     * attempt has stayed unknown, whatever the later ones said: nothing that may have happened is told as a refusal.
     *
     * @param timeout for all attempts together
     */
    public CompletableFuture<Committed> propose(byte[] command, Duration timeout) {
        var call = new Call(command, System.nanoTime() + timeout.toNanos());
        call.attempt();
        return call.future;
    }

    private final class Call {
        private final byte[] command;
        private final long deadlineNanos;
        private final CompletableFuture<Committed> future = new CompletableFuture<>();

        // One attempt after the other: handed on by the futures in between.
        private int attempts;
        private ConsensusException.@Nullable Indeterminate doubt;

        Call(byte[] command, long deadlineNanos) {
            this.command = command;
            this.deadlineNanos = deadlineNanos;
        }

        void attempt() {
            attempts++;
            long nanos = Math.max(1, deadlineNanos - System.nanoTime());
            if (attempts < policy.attempts()) {
                nanos = Math.min(nanos, policy.attemptTimeout().toNanos());
            }
            var _ = node.propose(command, Duration.ofNanos(nanos)).whenComplete(this::answered);
        }

        private void answered(@Nullable Committed committed, @Nullable Throwable failure) {
            if (committed != null) {
                future.complete(committed);
                return;
            }
            Throwable cause =
                    failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
            switch (cause) {
                case ConsensusException.Indeterminate e -> {
                    doubt = e;
                    retry(e);
                }
                case ConsensusException.NoLeader e -> retry(e);
                case ConsensusException.NotLeader e -> retry(e);
                case ConsensusException.NoQuorum e -> retry(e);
                case ConsensusException e -> end(e);
                case null, default -> {
                    // Whatever it was, it may have struck after the append.
                    var unknown = new ConsensusException.Indeterminate(String.valueOf(cause));
                    unknown.initCause(cause);
                    doubt = unknown;
                    end(unknown);
                }
            }
        }

        private void retry(ConsensusException problem) {
            Duration pause =
                    policy.pauseAfter(attempts, ThreadLocalRandom.current().nextDouble());
            if (attempts >= policy.attempts() || deadlineNanos - System.nanoTime() <= pause.toNanos()) {
                end(problem);
                return;
            }
            CompletableFuture.delayedExecutor(pause.toNanos(), TimeUnit.NANOSECONDS)
                    .execute(this::attempt);
        }

        private void end(ConsensusException problem) {
            future.completeExceptionally(doubt == null ? problem : doubt);
        }
    }
}
