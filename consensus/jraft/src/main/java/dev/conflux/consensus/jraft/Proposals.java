package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Bounds what waits for an answer at once, and starts a {@link Proposal} for each call. Safe for any thread. */
@SuppressWarnings("FutureReturnValueIgnored") // callbacks handle their own failures
final class Proposals {

    private final JRaftNode node;
    private final AtomicLong inFlight = new AtomicLong();
    private final AtomicLong inFlightBytes = new AtomicLong();

    Proposals(JRaftNode node) {
        this.node = node;
    }

    long inFlight() {
        return inFlight.get();
    }

    CompletableFuture<Committed> propose(byte[] command, Duration timeout, boolean forwardable) {
        if (command.length > ConsensusNode.MAX_COMMAND_BYTES) {
            return CompletableFuture.failedFuture(
                    new ConsensusException.TooLarge(command.length, ConsensusNode.MAX_COMMAND_BYTES));
        }
        ConsensusException unavailable = node.unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        long count = inFlight.incrementAndGet();
        long bytes = inFlightBytes.addAndGet(command.length); // both always: what is released is what was counted
        if (count > Limits.MAX_PROPOSALS || bytes > Limits.MAX_PROPOSAL_BYTES) {
            released(command.length);
            node.counters().overloaded.increment();
            return CompletableFuture.failedFuture(new ConsensusException.Overloaded(
                    count + " proposals of " + bytes + " bytes are waiting for an answer"));
        }
        long begin = System.nanoTime();
        CompletableFuture<Committed> future =
                new Proposal(node, Envelope.Kind.COMMAND, command, timeout, forwardable).start(timeout);
        future.whenComplete((committed, problem) -> {
            released(command.length);
            count(problem);
            node.counters().proposalTime.record(System.nanoTime() - begin, TimeUnit.NANOSECONDS);
        });
        return future;
    }

    /** Overload and unknown outcomes are counted where they are found. */
    private void count(@Nullable Throwable problem) {
        if (problem == null) {
            node.counters().committed.increment();
        } else if (!(problem instanceof ConsensusException.Overloaded)
                && !(problem instanceof ConsensusException.Indeterminate)) {
            node.counters().refused.increment();
        }
    }

    long inFlightBytes() {
        return inFlightBytes.get();
    }

    private void released(int bytes) {
        inFlight.decrementAndGet();
        inFlightBytes.addAndGet(-bytes);
    }
}
