package dev.conflux.core.service;

import dev.conflux.base.observe.Metrics;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.ReadPoint;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.state.AppliedListener;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.ConfigView;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/** Decides when this node's state is fresh enough to be read. Never blocks unless the method says so. */
public final class ReadGate {

    /** How long a read waits for a leader, a majority or a revision: a replication round trip many times over. */
    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(3);

    /** Reads waiting for a revision on this node; each costs a few hundred bytes and a timer. */
    private static final int MAX_WAITERS = 10_000;

    /** How old the sampled staleness may be; its age is added to the bound. */
    private static final long SAMPLE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private record Sample(long takenAtNanos, long stalenessMillis) {}

    /** Unique also when several reads wait for one revision. */
    private record Ticket(long revision, long number) implements Comparable<Ticket> {
        @Override
        public int compareTo(Ticket other) {
            int byRevision = Long.compare(revision, other.revision);
            return byRevision != 0 ? byRevision : Long.compare(number, other.number);
        }
    }

    private final ConsensusNode node;
    private final Supplier<ConfigView> currentView;
    private final Duration timeout;
    private final ConcurrentSkipListMap<Ticket, CompletableFuture<Void>> waiters = new ConcurrentSkipListMap<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicLong tickets = new AtomicLong();
    private final Map<Freshness.Level, LongAdder> answered = perLevel();
    private final Map<Freshness.Level, LongAdder> refused = perLevel();
    private volatile Sample sample;

    /** Registers itself as a listener of {@code state}. */
    public static ReadGate on(ConsensusNode node, ConfigState state, Duration timeout) {
        var gate = new ReadGate(node, state::view, timeout);
        state.addListener(gate.listener());
        return gate;
    }

    ReadGate(ConsensusNode node, Supplier<ConfigView> currentView, Duration timeout) {
        this.node = node;
        this.currentView = currentView;
        this.timeout = timeout;
        this.sample = new Sample(System.nanoTime(), node.stalenessMillis());
    }

    AppliedListener listener() {
        return new AppliedListener() {
            @Override
            public void onApplied(ConfigView view, List<ChangeEvent> events) {
                wake(view.revision());
            }

            @Override
            public void onRestored(ConfigView view) {
                wake(view.revision());
            }
        };
    }

    private static Map<Freshness.Level, LongAdder> perLevel() {
        var counts = new EnumMap<Freshness.Level, LongAdder>(Freshness.Level.class);
        for (Freshness.Level level : Freshness.Level.values()) {
            counts.put(level, new LongAdder());
        }
        return counts;
    }

    /** Registers what is counted here. */
    public void observe(Metrics metrics) {
        for (Freshness.Level level : Freshness.Level.values()) {
            read(metrics, level, "answered", answered);
            read(metrics, level, "refused", refused);
        }
    }

    private static void read(
            Metrics metrics, Freshness.Level level, String result, Map<Freshness.Level, LongAdder> counts) {
        metrics.counter(
                "conflux_reads",
                "Reads by the level that was asked for",
                counts.getOrDefault(level, new LongAdder()),
                LongAdder::sum,
                "level",
                level.name().toLowerCase(Locale.ROOT),
                "result",
                result);
    }

    private static void count(Map<Freshness.Level, LongAdder> counts, Freshness freshness) {
        LongAdder count = counts.get(freshness.level());
        if (count != null) {
            count.increment();
        }
    }

    /** The newest view, whatever its age. */
    ConfigView view() {
        return currentView.get();
    }

    /** The cluster revision that this node has applied. */
    public long revision() {
        return currentView.get().revision();
    }

    /** True when {@code freshness} is met right now, without asking anybody; counted as a read then. */
    public boolean isOpen(Freshness freshness) {
        boolean open = freshness.level() == Freshness.Level.STALE
                && (freshness.minRevision() == 0 || revision() >= freshness.minRevision());
        if (open) {
            count(answered, freshness);
        }
        return open;
    }

    /**
     * Upper bound of how far this node may be behind the leader, in milliseconds; {@link Long#MAX_VALUE} when no leader
     * has been heard since start.
     */
    public long stalenessMillis() {
        long now = System.nanoTime();
        Sample last = sample;
        long age = now - last.takenAtNanos;
        if (age > SAMPLE_NANOS || age < 0) {
            last = new Sample(now, node.stalenessMillis());
            sample = last;
        }
        return last.stalenessMillis;
    }

    /**
     * Completes when {@code freshness} is met; fails with a {@link ConfluxException} when it cannot be within the time
     * limit. Callbacks must not block.
     */
    public CompletableFuture<Void> open(Freshness freshness) {
        if (isOpen(freshness)) {
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> fresh = freshness.level() == Freshness.Level.STALE
                ? CompletableFuture.completedFuture(null)
                : readPoint(freshness).handle(ReadGate::pointOrRefusal);
        CompletableFuture<Void> there =
                freshness.minRevision() == 0 ? fresh : fresh.thenCompose(ok -> reach(freshness.minRevision()));
        return there.whenComplete((ok, failure) -> count(failure == null ? answered : refused, freshness));
    }

    /** As {@link #open}, blocking the (virtual) thread. */
    public void await(Freshness freshness) {
        try {
            open(freshness).join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof ConfluxException refusal ? new ConfluxException(refusal.error(), refusal) : e;
        }
    }

    private CompletableFuture<ReadPoint> readPoint(Freshness freshness) {
        Duration maxStaleness = freshness.maxStaleness();
        return freshness.level() == Freshness.Level.FOLLOWER && maxStaleness != null
                ? node.followerReadPoint(maxStaleness)
                : node.readPoint(levelOf(freshness), timeout);
    }

    private static Void pointOrRefusal(ReadPoint point, Throwable failure) {
        if (failure == null) {
            return done();
        }
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        throw cause instanceof ConsensusException refusal
                ? new ConfluxException(ConsensusErrors.of(refusal, null), refusal)
                : new CompletionException(cause);
    }

    @SuppressWarnings("NullAway") // Void has no other value.
    private static Void done() {
        return null;
    }

    private CompletableFuture<Void> reach(long revision) {
        if (revision() >= revision) {
            return CompletableFuture.completedFuture(null);
        }
        if (waiting.incrementAndGet() > MAX_WAITERS) {
            waiting.decrementAndGet();
            return CompletableFuture.failedFuture(new ConfluxException(new ConfluxError.Unavailable(
                    ErrorCode.OVERLOADED, "too many reads wait for a revision on this node")));
        }
        var ticket = new Ticket(revision, tickets.incrementAndGet());
        var reached = new CompletableFuture<Void>();
        waiters.put(ticket, reached);
        CompletableFuture<Void> answer = reached.orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
                .handle((ok, failure) -> {
                    waiters.remove(ticket);
                    waiting.decrementAndGet();
                    if (failure instanceof TimeoutException) {
                        throw new ConfluxException(new ConfluxError.Unavailable(
                                ErrorCode.NOT_CAUGHT_UP,
                                "this node is at revision " + revision() + " and did not reach " + revision + " within "
                                        + timeout.toMillis() + " ms"));
                    }
                    return done();
                });
        if (revision() >= revision) {
            // It was applied between the first look and the registration: nobody else may wake us.
            reached.complete(done());
        }
        return answer;
    }

    /** Runs on the apply thread, so the waiters' callbacks run elsewhere. */
    private void wake(long revision) {
        if (waiters.isEmpty()) {
            return;
        }
        var reached = waiters.headMap(new Ticket(revision, Long.MAX_VALUE), true);
        if (!reached.isEmpty()) {
            Thread.startVirtualThread(() -> reached.values().forEach(waiter -> waiter.complete(done())));
        }
    }

    private static ReadLevel levelOf(Freshness freshness) {
        return switch (freshness.level()) {
            case STALE -> ReadLevel.STALE;
            case FOLLOWER -> ReadLevel.FOLLOWER;
            case STRONG -> ReadLevel.STRONG;
            case LINEARIZABLE -> ReadLevel.LINEARIZABLE;
        };
    }
}
