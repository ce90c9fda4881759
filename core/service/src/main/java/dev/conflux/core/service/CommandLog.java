package dev.conflux.core.service;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.base.observe.Tracing;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.RequestIds;
import dev.conflux.consensus.api.RetryPolicy;
import dev.conflux.consensus.api.RetryingProposer;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.CommandEnvelope;
import dev.conflux.core.state.CommandEnvelope.IdempotencyKey;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.FeatureLevel;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The only way to change replicated state: encodes a command, proposes it, decodes what became of it. Every command
 * carries something that makes a repetition recognisable, so an attempt whose outcome is unknown is repeated here. Blocks
 * its (virtual) thread. Safe for any number of threads.
 */
public final class CommandLog {

    /**
     * How long a write may take. Longer than an election with its retries, shorter than the usual patience of an HTTP
     * client (30 s), so that the caller still hears "indeterminate" from us.
     */
    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(10);

    private record InFlight(byte[] requestHash, CompletableFuture<Outcome> outcome) {}

    private final ConsensusNode node;
    private final RetryingProposer proposer;
    private final ConfigState state;
    private final Duration timeout;
    private final Tracing tracing;
    private final RequestIds requestIds = new RequestIds();

    /** Writes of this node that carry an idempotency key and have no answer yet; bounded by the requests in flight. */
    private final ConcurrentHashMap<String, InFlight> inFlight = new ConcurrentHashMap<>();

    /** @param state that {@code node} drives; asked for outcomes that it holds already */
    public CommandLog(ConsensusNode node, ConfigState state, Duration timeout) {
        this(node, state, timeout, Tracing.off());
    }

    /** As the other, with a span {@code propose} for each write that is sampled. */
    public CommandLog(ConsensusNode node, ConfigState state, Duration timeout, Tracing tracing) {
        this.tracing = tracing;
        this.node = node;
        this.proposer = new RetryingProposer(node, RetryPolicy.DEFAULT);
        this.state = state;
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
        Outcome outcome = idempotency == null ? once(caller, command) : keyed(caller, command, idempotency);
        return switch (outcome) {
            case Outcome.Accepted accepted -> accepted;
            case Outcome.Rejected rejected -> throw ConfluxException.of(rejected);
        };
    }

    /** Without a key of the caller's; that we may have had to repeat it is nobody's business. */
    private Outcome once(Caller caller, Command command) {
        // Read first: the entry stands behind everything that is applied here now.
        long afterIndex = state.applied().index();
        return switch (propose(caller, command, new CommandEnvelope.RequestKey(requestIds.next(), afterIndex), null)) {
            case Outcome.Accepted accepted -> new Outcome.Accepted(accepted.revision(), accepted.result(), false);
            case Outcome.Rejected rejected -> new Outcome.Rejected(rejected.revision(), rejected.error());
        };
    }

    /** Whether the outcome of this very request, or of another with its key, is stored here. */
    boolean remembers(Caller caller) {
        Caller.Idempotency idempotency = caller.idempotency();
        return idempotency != null
                && state.reader().outcome(key(caller, idempotency)).isPresent();
    }

    private static IdempotencyKey key(Caller caller, Caller.Idempotency idempotency) {
        return new IdempotencyKey("user:" + caller.principal().userId(), idempotency.key(), idempotency.requestHash());
    }

    /**
     * A duplicate of a write that is still under way here waits for its answer, and one whose outcome this node has
     * applied gets that: neither enters the log. That the outcome is there is final on every node, so no leader need be
     * asked; that it is not there means nothing, so apply asks again.
     */
    private Outcome keyed(Caller caller, Command command, Caller.Idempotency idempotency) {
        IdempotencyKey key = key(caller, idempotency);
        var mine = new InFlight(key.requestHash(), new CompletableFuture<>());
        String slot = key.scope() + '\n' + key.key();
        InFlight first = inFlight.putIfAbsent(slot, mine);
        if (first != null) {
            return awaitFirst(first, idempotency);
        }
        try {
            Outcome outcome = state.reader().outcome(key).orElseGet(() -> propose(caller, command, key, key.key()));
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
            return first.outcome.join().asReplayed();
        } catch (CompletionException e) {
            throw e.getCause() instanceof ConfluxException refusal
                    ? new ConfluxException(refusal.error(), refusal)
                    : new ConfluxException(new ConfluxError.Indeterminate(idempotency.key()), e);
        }
    }

    private Outcome propose(
            Caller caller, Command command, CommandEnvelope.DedupKey key, @Nullable String idempotencyKey) {
        try (Tracing.Open span = tracing.begin("propose", caller.traceId())) {
            try {
                return propose(caller, command, key, idempotencyKey, span);
            } catch (ConfluxException e) {
                if (span != null) {
                    span.failed(e.error().code().name());
                }
                throw e;
            }
        }
    }

    private Outcome propose(
            Caller caller,
            Command command,
            CommandEnvelope.DedupKey key,
            @Nullable String idempotencyKey,
            Tracing.@Nullable Open span) {
        int required = FeatureLevel.required(command);
        if (required > node.featureLevel()) {
            throw new ConfluxException(new ConfluxError.Unavailable(
                    ErrorCode.FEATURE_NOT_ENABLED,
                    "this needs feature level " + required + ", the cluster is at " + node.featureLevel()
                            + " (upgrade every node, then raise it: POST /_cluster/feature-level)"));
        }
        byte[] bytes = CommandCodec.encode(new CommandEnvelope(
                caller.principal().name(),
                caller.principal().userId(),
                span == null ? caller.traceId() : span.traceId(),
                key,
                command,
                span == null ? 0 : span.spanId()));
        if (bytes.length > ConsensusNode.MAX_COMMAND_BYTES) {
            throw new ConfluxException(
                    new ConfluxError.TooLarge("request", bytes.length, ConsensusNode.MAX_COMMAND_BYTES));
        }
        Committed committed;
        try {
            Failpoints.hit("write.before_propose");
            committed = proposer.propose(bytes, timeout).join();
            Failpoints.hit("write.after_commit");
        } catch (CompletionException e) {
            if (e.getCause() instanceof ConsensusException refusal) {
                throw new ConfluxException(ConsensusErrors.of(refusal, idempotencyKey), refusal);
            }
            // Whatever it was, it may have struck after the append.
            throw new ConfluxException(new ConfluxError.Indeterminate(idempotencyKey), e);
        }
        return CommandCodec.decodeOutcome(committed.result());
    }
}
