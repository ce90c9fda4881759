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
        if (inFlight.incrementAndGet() > Limits.MAX_PROPOSALS
                || inFlightBytes.addAndGet(command.length) > Limits.MAX_PROPOSAL_BYTES) {
            long count = inFlight.get();
            released(command.length, count <= Limits.MAX_PROPOSALS);
            node.counters().overloaded.increment();
            return CompletableFuture.failedFuture(
                    new ConsensusException.Overloaded(count + " proposals are waiting for an answer"));
        }
        long begin = System.nanoTime();
        CompletableFuture<Committed> future =
                new Proposal(node, Envelope.Kind.COMMAND, command, timeout, forwardable).start(timeout);
        future.whenComplete((committed, problem) -> {
            released(command.length, true);
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

    private void released(int bytes, boolean counted) {
        inFlight.decrementAndGet();
        if (counted) {
            inFlightBytes.addAndGet(-bytes);
        }
    }
}
