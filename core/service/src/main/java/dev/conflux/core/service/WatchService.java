package dev.conflux.core.service;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Namespace;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Text;
import dev.conflux.core.state.AppliedListener;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.ConfigView;
import dev.conflux.core.state.ReleaseMatcher;
import dev.conflux.core.state.StateReader;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells watchers what changes for them, from the durable event log: a watcher that resumes misses nothing and is told
 * nothing twice, on any node.
 *
 * <p><b>Threads.</b> One dispatcher thread owns the index of live watches and the place in the event log up to which
 * they have been told ({@code live}). A watch that resumes first reads the log on a virtual thread of its own; when it
 * has caught up it is handed to the dispatcher, which reads the last few events for it and adds it to the index in one
 * step, so nothing falls between. Each watch has a bounded queue that its transport empties.
 */
public final class WatchService implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(WatchService.class);

    /** Frames waiting for a slow consumer, before it is told to fetch instead. */
    static final int QUEUE_LIMIT = 128;

    /** Watches of this node; an idle one costs a few kilobytes. */
    private static final int MAX_WATCHES = 100_000;

    /** Applied batches waiting for the dispatcher; beyond it, it reads the event log instead. */
    private static final int INBOX_LIMIT = 1024;

    /** Events read from the log at a time. */
    private static final int READ_BATCH = 512;

    /** How often a quiet watch is told how far it is. */
    public static final Duration DEFAULT_PROGRESS_INTERVAL = Duration.ofSeconds(10);

    /** What a watcher asks for. */
    public record Request(
            Principal principal,
            List<String> keys,
            Labels labels,
            @Nullable Long fromRevision) {}

    /** What waits for the dispatcher. */
    private sealed interface Message {
        record Applied(long revision, List<ChangeEvent> events) implements Message {}

        record Restored(long revision) implements Message {}

        record Attach(Watch watch) implements Message {}

        record Detach(Watch watch) implements Message {}
    }

    /** One subscription. {@link #poll} and {@link #close} may be called from any thread. */
    public final class Watch implements AutoCloseable {

        private final Principal principal;
        private final Set<ConfigKey> keys;
        private final Set<Namespace> namespaces;
        private final Labels labels;
        private final Runnable onReady;
        private final ArrayDeque<WatchFrame> queue = new ArrayDeque<>();
        private final AtomicBoolean closed = new AtomicBoolean();
        private boolean signalled;

        /** All changes up to here have been told or skipped; owned by the replaying thread, then by the dispatcher. */
        private long position;

        private Watch(
                Principal principal, Set<ConfigKey> keys, Set<Namespace> namespaces, Labels labels, Runnable onReady) {
            this.principal = principal;
            this.keys = keys;
            this.namespaces = namespaces;
            this.labels = labels;
            this.onReady = onReady;
        }

        /**
         * The next frame; null when there is none now, and {@code onReady} will be called when there is. After
         * {@link WatchFrame.Failed} nothing follows.
         */
        public @Nullable WatchFrame poll() {
            synchronized (queue) {
                WatchFrame next = queue.poll();
                signalled = next != null;
                return next;
            }
        }

        private void tell(WatchFrame frame) {
            synchronized (queue) {
                if (queue.size() >= QUEUE_LIMIT) {
                    queue.clear();
                    queue.add(new WatchFrame.Resync(frame.revision(), "the consumer is too slow"));
                    if (frame instanceof WatchFrame.Failed) {
                        queue.add(frame);
                    }
                } else {
                    queue.add(frame);
                }
                if (signalled) {
                    return;
                }
                signalled = true;
            }
            onReady.run();
        }

        private boolean covers(ConfigKey key) {
            return keys.contains(key) || namespaces.contains(key.namespace());
        }

        /** Ends it. Idempotent. */
        @Override
        public void close() {
            if (closed.compareAndSet(false, true)) {
                count.decrementAndGet();
                requests.add(new Message.Detach(this));
                wakeDispatcher();
            }
        }
    }

    /** An event with its rules compiled, once for all watches. */
    private record Prepared(ChangeEvent event, ReleaseMatcher before, ReleaseMatcher after) {
        static Prepared of(ChangeEvent event) {
            return new Prepared(event, new ReleaseMatcher(event.before()), new ReleaseMatcher(event.after()));
        }

        private static @Nullable Long versionFor(ReleaseMatcher rules, Labels labels) {
            int index = rules.match(labels);
            return index < 0 ? null : (Long) rules.rules().get(index).versionId();
        }
    }

    private final StateReader reader;
    private final ReadGate gate;
    private final Authorizer authorizer;
    private final long progressNanos;

    /** From the apply thread, which never waits. */
    private final ArrayBlockingQueue<Message> inbox = new ArrayBlockingQueue<>(INBOX_LIMIT);

    /** The inbox was full: something is only in the event log. */
    private final AtomicBoolean inboxOverflowed = new AtomicBoolean();

    /** From watchers; bounded by {@link #MAX_WATCHES}. */
    private final LinkedBlockingQueue<Message> requests = new LinkedBlockingQueue<>();

    private final AtomicInteger count = new AtomicInteger();
    private final Thread dispatcher;
    private volatile boolean running = true;

    /** Written by the dispatcher. */
    private final Map<ConfigKey, Set<Watch>> byKey = new ConcurrentHashMap<>();

    /** Written by the dispatcher. */
    private final Map<Namespace, Set<Watch>> byNamespace = new ConcurrentHashMap<>();

    /** Owned by the dispatcher. */
    private final Set<Watch> attached = new LinkedHashSet<>();

    /** Every attached watch has been told all changes up to here. Written by the dispatcher. */
    private volatile long live;

    /** Registers itself as a listener of {@code state}; the caller closes it. */
    public static WatchService on(ConfigState state, ReadGate gate, Authorizer authorizer, Duration progressInterval) {
        var service = new WatchService(state.reader(), gate, authorizer, progressInterval);
        state.addListener(service.listener());
        state.countWatchers(service::watchers);
        service.start();
        return service;
    }

    WatchService(StateReader reader, ReadGate gate, Authorizer authorizer, Duration progressInterval) {
        this.reader = reader;
        this.gate = gate;
        this.authorizer = authorizer;
        this.progressNanos = progressInterval.toNanos();
        this.dispatcher = Thread.ofPlatform().name("watch-dispatcher").daemon().unstarted(this::dispatch);
    }

    /** After the listener is registered, so that what is applied meanwhile is found in the log or in the inbox. */
    void start() {
        live = gate.revision();
        dispatcher.start();
    }

    AppliedListener listener() {
        return new AppliedListener() {
            @Override
            public void onApplied(ConfigView view, List<ChangeEvent> events) {
                offer(new Message.Applied(view.revision(), events));
            }

            @Override
            public void onRestored(ConfigView view) {
                offer(new Message.Restored(view.revision()));
            }
        };
    }

    private void offer(Message message) {
        if (!inbox.offer(message)) {
            inboxOverflowed.set(true);
        }
        wakeDispatcher();
    }

    private void wakeDispatcher() {
        LockSupport.unpark(dispatcher);
    }

    /** Watches open on this node. */
    public int watches() {
        return count.get();
    }

    /**
     * Completes when {@link #open} accepts this revision: at once unless this node is behind it. Fails with a {@link
     * ConfluxException} when the whole cluster is, or when this node cannot find out in time.
     */
    public CompletableFuture<Void> reach(@Nullable Long fromRevision) {
        return fromRevision == null || fromRevision <= gate.revision()
                ? CompletableFuture.completedFuture(null)
                : gate.open(new Freshness(Freshness.Level.LINEARIZABLE, 0)).thenRun(() -> refuseFuture(fromRevision));
    }

    /** No node has handed it out, so whoever names it would silently miss what comes before it. */
    private void refuseFuture(@Nullable Long fromRevision) {
        long now = gate.revision();
        if (fromRevision != null && fromRevision > now) {
            throw Limits.refusal("from_revision", fromRevision.toString(), "at most the cluster's revision, " + now);
        }
    }

    /**
     * Opens a watch. The first frame is {@link WatchFrame.Subscribed}.
     *
     * @param onReady called from any thread when {@link Watch#poll} has something again; must not block
     * @throws ConfluxException when a key is invalid or may not be read, or this node has not reached the revision
     */
    public Watch open(Request request, Runnable onReady) {
        if (request.keys().isEmpty()) {
            throw Limits.refusal("keys", "none", "1 to " + Limits.MAX_WATCH_KEYS);
        }
        Limits.atMost("keys", Limits.MAX_WATCH_KEYS, request.keys());
        Long from = request.fromRevision();
        if (from != null && from < 0) {
            throw Limits.refusal("from_revision", from.toString(), "a revision seen before");
        }
        refuseFuture(from);
        var keys = new HashSet<ConfigKey>();
        var namespaces = new HashSet<Namespace>();
        for (String key : request.keys()) {
            parse(request.principal(), key, keys, namespaces);
        }
        Labels labels = Labels.of(Limits.labels("labels", request.labels().toMap()));
        if (count.incrementAndGet() > MAX_WATCHES) {
            count.decrementAndGet();
            throw new ConfluxException(new ConfluxError.Unavailable(
                    ErrorCode.OVERLOADED, "this node has its limit of " + MAX_WATCHES + " watches"));
        }
        var watch = new Watch(request.principal(), keys, namespaces, labels, onReady);
        watch.position = from == null ? gate.revision() : from;
        watch.tell(new WatchFrame.Subscribed(watch.position));
        if (watch.position < gate.revision()) {
            Thread.startVirtualThread(() -> replay(watch));
        } else {
            requests.add(new Message.Attach(watch));
            wakeDispatcher();
        }
        return watch;
    }

    private void parse(Principal principal, String key, Set<ConfigKey> keys, Set<Namespace> namespaces) {
        String[] parts = key.split("/", -1);
        if (parts.length != 4) {
            throw Limits.refusal("key", Text.excerpt(key), "tenant/app/env/name or tenant/app/env/*");
        }
        var namespace = new Namespace(parts[0], parts[1], parts[2]);
        if (parts[3].equals("*")) {
            authorizer.authorize(principal, Action.READ, new Resource.OfNamespace(namespace));
            namespaces.add(namespace);
        } else {
            var config = new ConfigKey(namespace, parts[3]);
            authorizer.authorize(principal, Action.READ, new Resource.OfConfig(config));
            keys.add(config);
        }
    }

    /** Reads the log up to the present, then hands over. */
    private void replay(Watch watch) {
        try {
            Failpoints.hit("watch.before_replay");
            catchUp(watch, gate.revision());
            requests.add(new Message.Attach(watch));
            wakeDispatcher();
        } catch (RuntimeException e) {
            LOG.error("watch_replay_failed position={}", watch.position, e);
            watch.tell(new WatchFrame.Resync(gate.revision(), "the history could not be read"));
            watch.position = gate.revision();
            requests.add(new Message.Attach(watch));
            wakeDispatcher();
        }
    }

    /** Tells the watch everything after its position, at least up to {@code target}. */
    private void catchUp(Watch watch, long target) {
        while (watch.position < target && !watch.closed.get()) {
            if (watch.position < reader.eventsCompactedThrough()) {
                watch.tell(new WatchFrame.Resync(target, "the history before this revision is gone"));
                watch.position = target;
                return;
            }
            Failpoints.hit("watch.before_read");
            List<ChangeEvent> events = reader.events(watch.position, READ_BATCH);
            if (watch.position < reader.eventsCompactedThrough()) {
                continue; // Compacted while we read: what we hold may have a hole.
            }
            forEachRevision(events, (revision, prepared) -> {
                deliver(watch, revision, prepared, new HashMap<>());
                watch.position = Math.max(watch.position, revision);
            });
            if (events.size() < READ_BATCH) {
                watch.position = Math.max(watch.position, target);
            }
        }
    }

    private interface RevisionConsumer {
        void accept(long revision, List<Prepared> events);
    }

    private static void forEachRevision(List<ChangeEvent> events, RevisionConsumer consumer) {
        int at = 0;
        while (at < events.size()) {
            long revision = events.get(at).revision();
            var group = new ArrayList<Prepared>();
            while (at < events.size() && events.get(at).revision() == revision) {
                group.add(Prepared.of(events.get(at++)));
            }
            consumer.accept(revision, group);
        }
    }

    /**
     * Tells one watch what one revision changes for it, if anything.
     *
     * @param shared frames already made for this revision, so that equal ones are one object
     */
    private void deliver(
            Watch watch, long revision, List<Prepared> events, Map<List<WatchFrame.Item>, WatchFrame.Change> shared) {
        if (revision <= watch.position || watch.closed.get()) {
            return;
        }
        var items = new ArrayList<WatchFrame.Item>(1);
        for (Prepared prepared : events) {
            ChangeEvent event = prepared.event;
            if (!watch.covers(event.key())) {
                continue;
            }
            if (!authorizer.allows(watch.principal, Action.READ, new Resource.OfConfig(event.key()))) {
                if (watch.keys.contains(event.key())) {
                    fail(watch, revision, event.key());
                    return;
                }
                continue;
            }
            WatchFrame.Item item = itemFor(prepared, watch.labels);
            if (item != null) {
                items.add(item);
            }
        }
        Failpoints.hit("watch.before_tell");
        if (!items.isEmpty()) {
            watch.tell(shared.computeIfAbsent(items, same -> new WatchFrame.Change(revision, same)));
        }
    }

    private static void fail(Watch watch, long revision, ConfigKey key) {
        watch.tell(new WatchFrame.Failed(
                revision,
                new ConfluxError.PermissionDenied(Action.READ.name().toLowerCase(Locale.ROOT), key.toString())));
        watch.close();
    }

    /** Null when this watcher's answer stays the same. */
    private static WatchFrame.@Nullable Item itemFor(Prepared prepared, Labels labels) {
        Long had = Prepared.versionFor(prepared.before, labels);
        Long gets = Prepared.versionFor(prepared.after, labels);
        if (Objects.equals(had, gets)) {
            return null;
        }
        ChangeEvent event = prepared.event;
        if (gets == null) {
            return new WatchFrame.Item(true, event.key(), 0, null, null, event.timestampMillis());
        }
        ChangeEvent.VersionSummary summary = event.versions().get(gets);
        return new WatchFrame.Item(
                false,
                event.key(),
                gets,
                summary == null ? null : summary.hash(),
                summary == null ? null : summary.description(),
                event.timestampMillis());
    }

    private void dispatch() {
        long nextProgress = System.nanoTime() + progressNanos;
        while (running) {
            try {
                boolean busy = handleOne();
                if (System.nanoTime() - nextProgress >= 0) {
                    tellProgress();
                    nextProgress = System.nanoTime() + progressNanos;
                } else if (!busy) {
                    LockSupport.parkNanos(this, Math.max(1, nextProgress - System.nanoTime()));
                }
            } catch (RuntimeException e) {
                LOG.error("watch_dispatch_failed live={}", live, e);
                resyncAll(gate.revision(), "an internal error");
            }
        }
    }

    private boolean handleOne() {
        Message message = inbox.poll();
        if (message == null && inboxOverflowed.compareAndSet(true, false)) {
            readLog(gate.revision());
            return true;
        }
        if (message == null) {
            message = requests.poll();
        }
        switch (message) {
            case null -> {
                return false;
            }
            case Message.Applied(long revision, List<ChangeEvent> events) -> {
                forEachRevision(events, this::tellAll);
                live = Math.max(live, revision);
            }
            case Message.Restored(long revision) -> resyncAll(revision, "the node was restored from a snapshot");
            case Message.Attach(Watch watch) -> attach(watch);
            case Message.Detach(Watch watch) -> detach(watch);
        }
        return true;
    }

    /** For what did not fit into the inbox. */
    private void readLog(long target) {
        while (live < target) {
            if (live < reader.eventsCompactedThrough()) {
                resyncAll(target, "this node is too slow");
                return;
            }
            List<ChangeEvent> events = reader.events(live, READ_BATCH);
            forEachRevision(events, this::tellAll);
            if (events.size() < READ_BATCH) {
                live = Math.max(live, target);
            }
        }
    }

    private void tellAll(long revision, List<Prepared> events) {
        if (revision <= live) {
            return;
        }
        var concerned = new LinkedHashSet<Watch>();
        for (Prepared prepared : events) {
            concerned.addAll(byKey.getOrDefault(prepared.event.key(), Set.of()));
            concerned.addAll(byNamespace.getOrDefault(prepared.event.key().namespace(), Set.of()));
        }
        var shared = new HashMap<List<WatchFrame.Item>, WatchFrame.Change>();
        for (Watch watch : concerned) {
            deliver(watch, revision, events, shared);
        }
        live = revision;
    }

    private void attach(Watch watch) {
        if (watch.closed.get()) {
            return;
        }
        catchUp(watch, live);
        attached.add(watch);
        watch.keys.forEach(
                key -> byKey.computeIfAbsent(key, _ -> new LinkedHashSet<>()).add(watch));
        watch.namespaces.forEach(namespace -> byNamespace
                .computeIfAbsent(namespace, _ -> new LinkedHashSet<>())
                .add(watch));
    }

    private void detach(Watch watch) {
        if (!attached.remove(watch)) {
            return;
        }
        watch.keys.forEach(key -> byKey.computeIfPresent(key, (_, set) -> without(set, watch)));
        watch.namespaces.forEach(namespace -> byNamespace.computeIfPresent(namespace, (_, set) -> without(set, watch)));
    }

    private static @Nullable Set<Watch> without(Set<Watch> set, Watch watch) {
        set.remove(watch);
        return set.isEmpty() ? null : set;
    }

    private void tellProgress() {
        for (Watch watch : attached) {
            if (watch.position < live) {
                watch.position = live;
                watch.tell(new WatchFrame.Progress(live));
            }
        }
    }

    private void resyncAll(long revision, String reason) {
        live = Math.max(live, revision);
        for (Watch watch : attached) {
            watch.position = Math.max(watch.position, revision);
            watch.tell(new WatchFrame.Resync(revision, reason));
        }
    }

    /** How many watches a change of this config would concern; roughly, while some come and go. Any thread. */
    int watchers(ConfigKey key) {
        return byKey.getOrDefault(key, Set.of()).size()
                + byNamespace.getOrDefault(key.namespace(), Set.of()).size();
    }

    /** Ends the dispatcher; watches are told nothing more. */
    @Override
    public void close() {
        running = false;
        wakeDispatcher();
        try {
            dispatcher.join(TimeUnit.SECONDS.toMillis(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
