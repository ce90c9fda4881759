package dev.conflux.core.service;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.CommandEnvelope;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The only way to change replicated state: encodes a command, proposes it, decodes what became of it. Blocks its
 * (virtual) thread. Safe for any number of threads.
 */
public final class CommandLog {

    /**
     * How long a write may take. Longer than an election with its retries, shorter than the usual patience of an HTTP
     * client (30 s), so that the caller still hears "indeterminate" from us.
     */
    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(10);

    private record InFlight(byte[] requestHash, CompletableFuture<Outcome> outcome) {}

    private final ConsensusNode node;
    private final Duration timeout;

    /** Writes of this node that carry an idempotency key and have no answer yet; bounded by the requests in flight. */
    private final ConcurrentHashMap<String, InFlight> inFlight = new ConcurrentHashMap<>();

    public CommandLog(ConsensusNode node, Duration timeout) {
        this.node = node;
        this.timeout = timeout;
    }

    /**
     * Has the command ordered and applied.
     *
     * @throws ConfluxException with whatever refused it, or with {@link ConfluxError.Indeterminate} when it may still
     *     happen
     */
    public Outcome.Accepted submit(Caller caller, Command command) {
        Caller.Idempotency idempotency = caller.idempotency();
        Outcome outcome = idempotency == null ? propose(caller, command, null) : coalesce(caller, command, idempotency);
        return switch (outcome) {
            case Outcome.Accepted accepted -> accepted;
            case Outcome.Rejected rejected -> throw new ConfluxException(rejected.error());
        };
    }

    /** A duplicate of a write that is still under way here waits for its answer instead of entering the log. */
    private Outcome coalesce(Caller caller, Command command, Caller.Idempotency idempotency) {
        var scope = "user:" + caller.principal().userId();
        var mine = new InFlight(idempotency.requestHash(), new CompletableFuture<>());
        String slot = scope + '\n' + idempotency.key();
        InFlight first = inFlight.putIfAbsent(slot, mine);
        if (first != null) {
            return awaitFirst(first, idempotency);
        }
        try {
            Outcome outcome = propose(
                    caller,
                    command,
                    new CommandEnvelope.IdempotencyKey(scope, idempotency.key(), idempotency.requestHash()));
            mine.outcome.complete(outcome);
            return outcome;
        } catch (RuntimeException | Error e) {
            mine.outcome.completeExceptionally(e);
            throw e;
        } finally {
            inFlight.remove(slot, mine);
        }
    }

    private static Outcome awaitFirst(InFlight first, Caller.Idempotency idempotency) {
        if (!Arrays.equals(first.requestHash, idempotency.requestHash())) {
            throw new ConfluxException(new ConfluxError.IdempotencyKeyReused(idempotency.key()));
        }
        try {
            return switch (first.outcome.join()) {
                case Outcome.Accepted accepted -> new Outcome.Accepted(accepted.revision(), accepted.result(), true);
                case Outcome.Rejected rejected -> rejected;
            };
        } catch (CompletionException e) {
            throw e.getCause() instanceof ConfluxException refusal
                    ? new ConfluxException(refusal.error(), refusal)
                    : new ConfluxException(new ConfluxError.Indeterminate(idempotency.key()), e);
        }
    }

    private Outcome propose(Caller caller, Command command, CommandEnvelope.@Nullable IdempotencyKey key) {
        byte[] bytes = CommandCodec.encode(new CommandEnvelope(
                caller.principal().name(), caller.principal().userId(), caller.traceId(), key, command));
        if (bytes.length > ConsensusNode.MAX_COMMAND_BYTES) {
            throw new ConfluxException(
                    new ConfluxError.TooLarge("request", bytes.length, ConsensusNode.MAX_COMMAND_BYTES));
        }
        Committed committed;
        try {
            Failpoints.hit("write.before_propose");
            committed = node.propose(bytes, timeout).join();
            Failpoints.hit("write.after_commit");
        } catch (CompletionException e) {
            if (e.getCause() instanceof ConsensusException refusal) {
                throw new ConfluxException(ConsensusErrors.of(refusal, key == null ? null : key.key()), refusal);
            }
            // Whatever it was, it may have struck after the append.
            throw new ConfluxException(new ConfluxError.Indeterminate(key == null ? null : key.key()), e);
        }
        return CommandCodec.decodeOutcome(committed.result());
    }
}
