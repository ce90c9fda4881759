package dev.conflux.core.state;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.state.proto.StateProto;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The replicated state: commands in, one storage batch and one new {@link ConfigView} out.
 *
 * <p><b>Order within apply:</b> decode all entries of the batch (one that cannot be read stops the node before anything
 * is touched), apply them over the store, commit one batch (data, position, revision, time, dedup, counters, events,
 * digest), publish the view by one volatile write, tell the listeners. After a failure before or in the commit nothing
 * in memory has changed.
 *
 * <p><b>Threads:</b> as {@link StateMachine} says; {@link #view}, {@link #reader}, {@link #query} and {@link #usage} may
 * be called by any thread.
 */
public final class ConfigState implements StateMachine, AutoCloseable {

    /** The text is replicated: it must not tell what failed where, only that it failed everywhere. */
    private static final String INTERNAL = "the command could not be applied; it changed nothing";

    private final String version;
    private final StateStore store;
    private final StateLimits limits;
    private final ContentCache contents;
    private final StoreReader reader;
    private final RetentionReader retention;
    private final List<AppliedListener> listeners = new CopyOnWriteArrayList<>();

    // Owned by the apply thread.
    private final ConfigCache committed = new ConfigCache();
    private final ExactlyOnce exactlyOnce;
    private final OldestFirst oldestEvents = new OldestFirst(StateArea.EVENTS);
    private final MessageDigest sha256 = SnapshotFiles.sha256();
    private final RuleConditions.Pool conditions = new RuleConditions.Pool();
    private final Appliers appliers;
    private StateMeta meta;

    private volatile PersistentView view;
    private volatile Remembered remembered;
    private volatile ToIntFunction<ConfigKey> watchers = key -> 0;
    private volatile Agenda agenda;

    /**
     * What is kept to recognise repetitions.
     *
     * @param keys outcomes of commands with a caller's key
     * @param requests outcomes of commands with a node's own number
     */
    public record Remembered(long keys, long requests) {}

    /**
     * Opens the state that {@code store} holds, reading all configs once.
     *
     * @param store owned by the new object from now on: {@link #close} closes it
     */
    public ConfigState(StateStore store) {
        this(store, "development");
    }

    /**
     * As {@link #ConfigState(StateStore)}.
     *
     * @param version of this software, told to members that ask for a {@link StatusReport}
     */
    public ConfigState(StateStore store, String version) {
        this(store, version, StateLimits.DEFAULT, ContentCache.DEFAULT_MAX_BYTES, new Appliers());
    }

    ConfigState(StateStore store, StateLimits limits, long contentCacheBytes, Appliers appliers) {
        this(store, "development", limits, contentCacheBytes, appliers);
    }

    private ConfigState(
            StateStore store, String version, StateLimits limits, long contentCacheBytes, Appliers appliers) {
        this.store = store;
        this.version = version;
        this.limits = limits;
        this.appliers = appliers;
        exactlyOnce = new ExactlyOnce(limits);
        contents = new ContentCache(contentCacheBytes);
        meta = StateMeta.load(store);
        remembered = new Remembered(meta.dedupCount, meta.requestCount);
        agenda = Agenda.of(store, meta);
        view = rebuild();
        reader = new StoreReader(store, this::current, contents);
        retention = new RetentionReader(store);
    }

    /** The newest view. Never blocks. */
    public ConfigView view() {
        return view;
    }

    private PersistentView current() {
        return view;
    }

    /** How many outcomes are remembered. Any thread. */
    public Remembered remembered() {
        return remembered;
    }

    /** What has to be done by itself, and when. Any thread; as new as the view that listeners are told of. */
    public Agenda agenda() {
        return agenda;
    }

    /** Reads what the view does not hold. */
    public StateReader reader() {
        return reader;
    }

    /** Looks for what retention lets go. */
    public RetentionReader retention() {
        return retention;
    }

    /** Adds a listener; it hears of everything applied from now on. */
    public void addListener(AppliedListener listener) {
        listeners.add(listener);
    }

    /** What a tenant stores now. May block on the disk. */
    public TenantUsage usage(String tenant) {
        byte[] stored = store.get(StateKeys.tenant(tenant));
        return stored == null ? TenantUsage.NONE : StateCodec.usage(stored);
    }

    @Override
    public LogPosition applied() {
        return view.applied();
    }

    @Override
    public List<byte[]> apply(List<LogEntry> entries) {
        var envelopes = new ArrayList<CommandEnvelope>(entries.size());
        long last = meta.applied.index();
        for (LogEntry entry : entries) {
            if (entry.position().index() <= last) {
                throw new IllegalStateException("log index: " + entry.position() + " (expected: > " + last + ")");
            }
            last = entry.position().index();
            envelopes.add(CommandCodec.decode(entry.command()));
        }
        var results = new ArrayList<byte[]>(entries.size());
        var transaction = new StateTransaction(store, committed, meta);
        try {
            for (int i = 0; i < entries.size(); i++) {
                results.add(applyOne(entries.get(i), envelopes.get(i), transaction));
            }
            Failpoints.hit("state.before_encode");
            transaction.batch().put(StateKeys.META, transaction.meta().encode());
            var changes = new ContentChanges();
            PersistentView next = nextView(transaction, changes);
            Failpoints.hit("state.before_commit");
            store.commit(transaction.batch());
            Failpoints.hit("state.after_commit");
            publish(transaction, next, changes);
            Failpoints.hit("state.after_publish");
        } catch (Throwable e) {
            forgetReadAhead();
            throw e;
        }
        if (transaction.reclaimsSpace()) {
            store.reclaimSpace();
        }
        List<ChangeEvent> events = List.copyOf(transaction.events());
        for (AppliedListener listener : listeners) {
            listener.onApplied(view, events);
        }
        return results;
    }

    private byte[] applyOne(LogEntry entry, CommandEnvelope envelope, StateTransaction transaction) {
        transaction.begin(
                entry.position(), entry.proposedAtMillis() + Failpoints.shift("state.time"), envelope.author());
        boolean executed = false;
        ConfluxError refused;
        try {
            Outcome earlier = exactlyOnce.earlier(envelope.dedupKey(), transaction);
            if (earlier != null) {
                transaction.rollback();
                return CommandCodec.encodeOutcome(earlier.asReplayed());
            }
            executed = true;
            StateTransaction.next("revision", transaction.meta().revision);
            Result result = appliers.apply(envelope.command(), transaction);
            byte[] outcome = CommandCodec.encodeOutcome(new Outcome.Accepted(transaction.revision(), result, false));
            exactlyOnce.remember(envelope.dedupKey(), outcome, transaction);
            exactlyOnce.evict(transaction);
            evictEvents(transaction);
            transaction.accept(sha256);
            return outcome;
        } catch (Refusal e) {
            refused = e.error();
        } catch (ConfluxException e) {
            refused = e.error();
        } catch (StateStoreException | UncheckedIOException e) {
            // Of this node alone: the others go on, it must not.
            throw e;
        } catch (RuntimeException e) {
            // A bug, but of every node alike: the same entry fails everywhere, so refusing it is consistent.
            refused = new ConfluxError.Internal(INTERNAL);
            // It may have failed after its eviction, which is taken back: forget what was read ahead.
            forgetReadAhead();
        }
        transaction.rollback();
        byte[] outcome = CommandCodec.encodeOutcome(new Outcome.Rejected(transaction.meta().revision, refused));
        if (executed && envelope.dedupKey() != null) {
            exactlyOnce.remember(envelope.dedupKey(), outcome, transaction);
            exactlyOnce.evict(transaction);
            transaction.acceptRefusal(sha256);
        }
        return outcome;
    }

    private void forgetReadAhead() {
        exactlyOnce.clear();
        oldestEvents.clear();
    }

    private void evictEvents(StateTransaction transaction) {
        StateMeta now = transaction.meta();
        // Whole revisions only: a watcher that resumes must see all of a revision or be told to fetch.
        int goneRevisions = 0;
        while (now.eventCount > limits.events()
                && goneRevisions < transaction.commandEventCount() + StateLimits.EVICTIONS_PER_COMMAND) {
            OldestFirst.Entry oldest = oldestEvents.peek(transaction, now.eventsCompactedThrough);
            if (oldest == null || oldest.number() >= transaction.revision()) {
                break;
            }
            long revision = oldest.number();
            while (oldest != null && oldest.number() == revision) {
                transaction.delete(oldest.key());
                now.eventCount--;
                oldestEvents.remove();
                // The entries of one revision may straddle two read-aheads.
                oldest = oldestEvents.peek(transaction, revision - 1);
            }
            now.eventsCompactedThrough = revision;
            goneRevisions++;
        }
    }

    // --- view ------------------------------------------------------------------------------------------------------

    private PersistentView nextView(StateTransaction transaction, ContentChanges changes) {
        var builder = new PersistentView.Builder(view);
        // A name may be deleted and created again in one batch: what went goes first.
        for (ConfigKey key : transaction.deletedConfigs().values()) {
            ServedConfigRecord old = view.find(key.toString());
            if (old != null && transaction.deletedConfigs().containsKey(old.configId())) {
                builder.remove(old);
                changes.gone.addAll(List.of(old.versions()));
            }
        }
        for (Optional<Config> change : transaction.changedConfigs().values()) {
            if (change.isEmpty()) {
                continue;
            }
            Config config = change.get();
            ServedConfigRecord old = view.find(config.key().toString());
            // Deleted and restored in one batch: its record is gone already.
            if (old != null
                    && (old.configId() != config.id()
                            || transaction.deletedConfigs().containsKey(config.id()))) {
                old = null;
            }
            if (old != null && old.written().equals(config.releases())) {
                continue;
            }
            ServedConfigRecord served = serve(config, old, transaction);
            builder.put(served);
            Set<ServedVersionRecord> kept = new HashSet<>(List.of(served.versions()));
            for (ServedVersionRecord version : kept) {
                byte[] content = transaction.changedContent(
                        config.id(), version.version().id());
                if (content != null) {
                    changes.made.put(version, content);
                }
            }
            if (old != null) {
                for (ServedVersionRecord version : old.versions()) {
                    if (!kept.contains(version)) {
                        changes.gone.add(version);
                    }
                }
            }
        }
        return builder.build(transaction.meta());
    }

    /** What the content cache does once the batch is committed. */
    private static final class ContentChanges {
        private final Map<ServedVersionRecord, byte[]> made = new LinkedHashMap<>();
        private final List<ServedVersionRecord> gone = new ArrayList<>();
    }

    private ServedConfigRecord serve(
            Config config, @Nullable ServedConfigRecord old, @Nullable StateTransaction transaction) {
        var matcher = new ReleaseMatcher(config.releases(), conditions);
        List<Release> rules = matcher.rules();
        var versions = new ServedVersionRecord[rules.size()];
        Map<Long, ServedVersionRecord> made = new HashMap<>();
        for (int i = 0; i < versions.length; i++) {
            long id = rules.get(i).versionId();
            ServedVersionRecord version = made.get(id);
            if (version == null) {
                version = old == null ? null : old.version(id);
                if (version == null) {
                    version = new ServedVersionRecord(storedVersion(config.id(), id, transaction));
                }
                made.put(id, version);
            }
            versions[i] = version;
        }
        return new ServedConfigRecord(
                config.id(), config.key(), config.releases(), matcher, versions, lastFetch(config));
    }

    /** It is this node's knowledge, not the state's: a new release or a whole new state does not change it. */
    private LastFetch lastFetch(Config config) {
        @Nullable PersistentView now = view;
        ServedConfigRecord known = now == null ? null : now.find(config.key().toString());
        return known != null && known.configId() == config.id() ? known.lastFetch() : new LastFetch();
    }

    private ConfigVersion storedVersion(long configId, long versionId, @Nullable StateTransaction transaction) {
        ConfigVersion version = null;
        if (transaction != null) {
            version = transaction.version(configId, versionId);
        } else {
            byte[] stored = store.get(StateKeys.version(configId, versionId));
            version = stored == null ? null : StateCodec.version(stored);
        }
        if (version == null) {
            throw new StateStoreException(
                    "a rule of config " + configId + " names version " + versionId + ", which is not there");
        }
        return version;
    }

    private void publish(StateTransaction transaction, PersistentView next, ContentChanges changes) {
        for (Map.Entry<Long, Optional<Config>> change :
                transaction.changedConfigs().entrySet()) {
            change.getValue().ifPresentOrElse(committed::put, () -> committed.remove(change.getKey()));
        }
        transaction.changedUsages().forEach(committed::put);
        meta = transaction.meta();
        remembered = new Remembered(meta.dedupCount, meta.requestCount);
        if (transaction.agendaTouched()) {
            agenda = Agenda.of(store, meta);
        }
        changes.made.forEach(contents::keep);
        view = next;
        changes.gone.forEach(contents::drop);
    }

    private PersistentView rebuild() {
        var builder = new PersistentView.Builder();
        store.scan(StateArea.CONFIGS.from(), StateArea.CONFIGS.to(), StateReads.Order.ASCENDING, (key, value) -> {
            builder.put(serve(StateCodec.config(value), null, null));
            return true;
        });
        return builder.build(meta);
    }

    // --- the rest of the contract ----------------------------------------------------------------------------------

    @Override
    public void skipped(LogPosition position) {
        PersistentView next = view.skippedTo(position.index());
        if (next != view) {
            view = next;
            for (AppliedListener listener : listeners) {
                listener.onApplied(next, List.of());
            }
        }
    }

    /** How many watchers a config has here is told by {@code count}, from any thread. */
    public void countWatchers(ToIntFunction<ConfigKey> count) {
        watchers = count;
    }

    /** Knows {@link StatusReport#request} and {@link UseReport#request}. */
    @Override
    public byte[] query(byte[] query) {
        if (UseReport.isRequest(query)) {
            return use(UseReport.path(query)).encode();
        }
        if (!StatusReport.isRequest(query)) {
            throw new IllegalArgumentException("query: " + query.length + " bytes (expected: a status request)");
        }
        PersistentView now = view;
        return new StatusReport(now.appliedIndex(), now.revision(), now.digest(), version).encode();
    }

    private UseReport use(String path) {
        ServedConfigRecord served = view.find(path);
        return served == null
                ? new UseReport(0, 0)
                : new UseReport(served.lastFetch().second(), watchers.applyAsInt(served.key()));
    }

    @Override
    public Snapshot beginSnapshot(Path directory) throws IOException {
        Failpoints.disk("state.before_checkpoint");
        StateMeta frozen = meta.copy();
        List<String> files = store.checkpoint(directory);
        return new Snapshot() {
            @Override
            public LogPosition position() {
                return frozen.applied;
            }

            @Override
            public List<String> complete() throws IOException {
                return SnapshotFiles.seal(directory, frozen, files);
            }
        };
    }

    /**
     * {@inheritDoc}
     *
     * @throws IOException when the snapshot is not what its manifest says; the state is then as before
     */
    @Override
    public LogPosition restore(Path directory) throws IOException {
        StateProto.SnapshotManifest manifest = SnapshotFiles.verify(directory);
        store.restoreFrom(directory, SnapshotFiles.names(manifest));
        StateMeta restored = StateMeta.load(store);
        if (!restored.applied.equals(SnapshotFiles.position(manifest))
                || restored.revision != manifest.getRevision()
                || !MessageDigest.isEqual(restored.digest, manifest.getDigest().toByteArray())) {
            throw new StateStoreException("the restored state is at " + restored.applied + ", revision "
                    + restored.revision + "; its manifest says "
                    + SnapshotFiles.position(manifest) + ", revision "
                    + manifest.getRevision());
        }
        replaced(restored);
        return meta.applied;
    }

    private void replaced(StateMeta stored) {
        meta = stored;
        remembered = new Remembered(meta.dedupCount, meta.requestCount);
        agenda = Agenda.of(store, meta);
        committed.clear();
        forgetReadAhead();
        contents.clear();
        view = rebuild();
        for (AppliedListener listener : listeners) {
            listener.onRestored(view);
        }
    }

    @Override
    public void reset() throws IOException {
        store.clear();
        replaced(StateMeta.load(store));
    }

    /** Of all accepted commands, in order: kept in {@link StateArea#META}. */
    @Override
    public Optional<byte[]> digest() {
        return Optional.of(meta.digest.clone());
    }

    /** Of every key and value. */
    @Override
    public Optional<Scrub> beginScrub() {
        return Optional.of(new StateScrub(store.scrub()));
    }

    @Override
    public void close() {
        store.close();
    }
}
