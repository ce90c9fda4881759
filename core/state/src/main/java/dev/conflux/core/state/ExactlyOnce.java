package dev.conflux.core.state;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.state.CommandEnvelope.DedupKey;
import dev.conflux.core.state.CommandEnvelope.IdempotencyKey;
import dev.conflux.core.state.CommandEnvelope.RequestKey;
import dev.conflux.core.state.proto.StateProto;
import java.security.MessageDigest;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Remembers what became of commands that may be repeated. A key is executed once; when its outcome has been let go, it
 * is refused if it can tell its age, never executed again. Log time and order alone decide what goes, so that every node
 * lets the same go. Apply thread only, but for {@link #stored}.
 */
final class ExactlyOnce {

    private static final byte[] NO_HASH = {};

    private final StateLimits limits;
    private final OldestFirst oldestKeys = new OldestFirst(StateArea.DEDUP_ORDER);
    private final OldestFirst oldestRequests = new OldestFirst(StateArea.REQUEST_ORDER);

    ExactlyOnce(StateLimits limits) {
        this.limits = limits;
    }

    /** Forgets what was read ahead of a transaction that did not come about. */
    void clear() {
        oldestKeys.clear();
        oldestRequests.clear();
    }

    /**
     * The outcome of this key's command if there was one; null when there was none.
     *
     * @throws Refusal when the key belongs to another request, or it is unknown whether there was one
     */
    @Nullable
    Outcome earlier(@Nullable DedupKey key, StateTransaction transaction) {
        if (key == null || Failpoints.skips("defence.dedup")) {
            return null;
        }
        byte[] record = transaction.get(StateKeys.dedup(key));
        if (record != null) {
            return stored(key, record);
        }
        StateMeta meta = transaction.meta();
        switch (key) {
            case IdempotencyKey client -> refuseForgotten(client, meta);
            case RequestKey request -> {
                // Its command stands behind afterIndex, so a record can be gone only if later ones are.
                if (meta.requestEvictedThrough > request.afterIndex()) {
                    throw new Refusal(new ConfluxError.Indeterminate(null));
                }
            }
        }
        return null;
    }

    /**
     * A key is first executed at a log time of at least (its own time - skew), so its record can be gone only if the
     * horizon has reached that.
     */
    private static void refuseForgotten(IdempotencyKey key, StateMeta meta) {
        OptionalLong madeAt = key.madeAtMillis();
        if (madeAt.isEmpty()) {
            return;
        }
        if (madeAt.getAsLong() - StateLimits.KEY_SKEW_MILLIS > meta.leaderTimeMillis) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "X-Idempotency-Key",
                    key.key(),
                    "a UUID whose time is at most " + StateLimits.KEY_SKEW_MILLIS / 60_000
                            + " min ahead of the cluster's; set this client's clock"));
        }
        if (meta.dedupHorizonMillis > 0
                && madeAt.getAsLong() - StateLimits.KEY_SKEW_MILLIS <= meta.dedupHorizonMillis) {
            throw new Refusal(new ConfluxError.IdempotencyExpired(key.key()));
        }
    }

    /**
     * Reads a record.
     *
     * @throws Refusal when it is that of another request
     */
    static Outcome stored(DedupKey key, byte[] bytes) {
        StateProto.DedupValue record = StateCodec.parse(StateProto.DedupValue.parser(), bytes);
        if (key instanceof IdempotencyKey client
                && !MessageDigest.isEqual(record.getRequestHash().toByteArray(), client.requestHash())) {
            throw new Refusal(new ConfluxError.IdempotencyKeyReused(client.key()));
        }
        return CommandCodec.decodeOutcome(record.getOutcome().toByteArray());
    }

    /** Also of refusals: a delayed first attempt must not succeed after the second has been refused. */
    void remember(@Nullable DedupKey key, byte[] outcome, StateTransaction transaction) {
        if (key == null) {
            return;
        }
        StateMeta meta = transaction.meta();
        long index = meta.applied.index();
        byte[] dedupKey = StateKeys.dedup(key);
        byte[] hash = NO_HASH;
        byte[] orderKey;
        switch (key) {
            case IdempotencyKey client -> {
                hash = client.requestHash();
                orderKey = StateKeys.dedupOrder(index);
                meta.dedupCount++;
            }
            case RequestKey _ -> {
                orderKey = StateKeys.requestOrder(index);
                meta.requestCount++;
            }
        }
        transaction.put(
                dedupKey,
                StateProto.DedupValue.newBuilder()
                        .setRequestHash(StateCodec.wrap(hash))
                        .setOutcome(StateCodec.wrap(outcome))
                        .build()
                        .toByteArray());
        transaction.put(
                orderKey,
                StateProto.DedupOrderValue.newBuilder()
                        .setDedupKey(StateCodec.wrap(dedupKey))
                        .setStampMillis(transaction.nowMillis())
                        .build()
                        .toByteArray());
    }

    void evict(StateTransaction transaction) {
        StateMeta meta = transaction.meta();
        for (int i = 0; i < StateLimits.EVICTIONS_PER_COMMAND && meta.dedupCount > 0; i++) {
            boolean tooMany = meta.dedupCount > limits.dedupRecords();
            Gone gone = drop(oldestKeys, meta.dedupEvictedThrough, tooMany, limits.dedupAgeMillis(), transaction);
            if (gone == null) {
                break;
            }
            meta.dedupCount--;
            meta.dedupEvictedThrough = gone.index;
            meta.dedupHorizonMillis = gone.stampMillis;
        }
        for (int i = 0; i < StateLimits.EVICTIONS_PER_COMMAND && meta.requestCount > 0; i++) {
            boolean tooMany = meta.requestCount > limits.requestRecords();
            Gone gone =
                    drop(oldestRequests, meta.requestEvictedThrough, tooMany, limits.requestAgeMillis(), transaction);
            if (gone == null) {
                break;
            }
            meta.requestCount--;
            meta.requestEvictedThrough = gone.index;
        }
    }

    private record Gone(long index, long stampMillis) {}

    /** Removes the oldest record if there are too many or it is too old; null when it stays. */
    private static @Nullable Gone drop(
            OldestFirst oldest, long goneThrough, boolean tooMany, long maxAgeMillis, StateTransaction transaction) {
        OldestFirst.Entry entry = oldest.peek(transaction, goneThrough);
        if (entry == null) {
            return null;
        }
        StateProto.DedupOrderValue order = StateCodec.parse(StateProto.DedupOrderValue.parser(), entry.value());
        if (!tooMany && transaction.nowMillis() - order.getStampMillis() <= maxAgeMillis) {
            return null;
        }
        transaction.delete(order.getDedupKey().toByteArray());
        transaction.delete(entry.key());
        oldest.remove();
        return new Gone(entry.number(), order.getStampMillis());
    }
}
