package dev.conflux.core.state;

import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.MetadataChange;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.TrashedConfig;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The writes of one apply batch, laid over the store so that a command sees what earlier commands of the batch did. A
 * command's own writes can be taken back. Apply thread only.
 */
final class StateTransaction {

    /** What an undo entry says of a key that the batch had not touched. */
    private static final byte[] UNTOUCHED = {};

    private final StateStore store;
    private final ConfigCache committed;
    private final WriteBatch batch = new WriteBatch();

    /** Decoded values of the batch; an empty optional is a deletion. */
    private final Map<Long, Optional<Config>> configs = new HashMap<>();

    private final Map<VersionKey, Optional<ConfigVersion>> versions = new HashMap<>();
    private final Map<String, TenantUsage> usages = new HashMap<>();
    private final Map<Long, ConfigKey> deleted = new HashMap<>();
    private final List<ChangeEvent> events = new ArrayList<>();

    /** The same for the command in progress. */
    private final TreeMap<byte[], byte[]> undo = new TreeMap<>(Arrays::compareUnsigned);

    private final Map<Long, Optional<Config>> commandConfigs = new HashMap<>();
    private final Map<VersionKey, Optional<ConfigVersion>> commandVersions = new HashMap<>();
    private final Map<String, TenantUsage> commandUsages = new HashMap<>();
    private final List<ChangeEvent> commandEvents = new ArrayList<>();
    private final Map<Long, ConfigKey> commandDeleted = new HashMap<>();

    private final StateReads reads = new StateReads() {
        @Override
        public byte @Nullable [] get(byte[] key) {
            return StateTransaction.this.get(key);
        }

        @Override
        public void scan(byte[] from, byte[] to, StateReads.Order order, StateReads.Visitor visitor) {
            batch.scanOver(store, from, to, order, visitor);
        }
    };
    /** Whether the agenda may have changed; also true when only a refused command did. */
    private boolean agendaTouched;

    private StateMeta meta;
    private StateMeta before;
    private boolean reclaimSpace;
    private String author = "";

    StateTransaction(StateStore store, ConfigCache committed, StateMeta meta) {
        this.store = store;
        this.committed = committed;
        this.meta = meta.copy();
        this.before = this.meta;
    }

    record VersionKey(long configId, long versionId) {}

    // --- one command -----------------------------------------------------------------------------------------------

    void begin(LogPosition position, long proposedAtMillis, String commandAuthor) {
        meta.applied = position;
        meta.leaderTimeMillis = Math.max(meta.leaderTimeMillis, proposedAtMillis);
        before = meta.copy();
        author = commandAuthor;
    }

    /** Takes back everything since {@link #begin}. */
    @SuppressWarnings("ReferenceEquality") // An empty value is a value; only the mark itself means untouched.
    void rollback() {
        undo.forEach((key, prior) -> batch.revert(key, prior == UNTOUCHED ? null : prior));
        meta = before;
        before = meta.copy();
        clearCommand();
    }

    /**
     * Makes what a refused command left behind part of the batch. The digest of a revision must not depend on refusals
     * that follow it, so they count with the next revision.
     */
    void acceptRefusal(MessageDigest sha256) {
        sha256.reset();
        sha256.update(meta.refusals);
        digestEffects(sha256);
        meta.refusals = sha256.digest();
        clearCommand();
    }

    /** Makes the command's writes part of the batch and of the digest; its revision becomes the current one. */
    void accept(MessageDigest sha256) {
        meta.revision = revision();
        sha256.reset();
        sha256.update(meta.digest);
        sha256.update(StateKeys.longBytes(meta.revision));
        sha256.update(meta.refusals);
        digestEffects(sha256);
        meta.digest = sha256.digest();
        meta.refusals = StateMeta.NO_REFUSALS;
        configs.putAll(commandConfigs);
        versions.putAll(commandVersions);
        usages.putAll(commandUsages);
        events.addAll(commandEvents);
        deleted.putAll(commandDeleted);
        clearCommand();
    }

    private void digestEffects(MessageDigest sha256) {
        for (byte[] key : undo.keySet()) {
            byte[] value = batch.raw(key);
            updateInt(sha256, key.length);
            sha256.update(key);
            if (value == null || WriteBatch.isDeleted(value)) {
                updateInt(sha256, -1);
            } else {
                // A content counts by its hash: it was computed once, before the log.
                byte[] effect = StateArea.of(key) == StateArea.CONTENTS ? contentHash(key) : value;
                updateInt(sha256, effect.length);
                sha256.update(effect);
            }
        }
    }

    private void clearCommand() {
        undo.clear();
        commandConfigs.clear();
        commandVersions.clear();
        commandUsages.clear();
        commandEvents.clear();
        commandDeleted.clear();
    }

    private byte[] contentHash(byte[] contentKey) {
        long configId = StateKeys.longAt(contentKey, 1);
        long versionId = StateKeys.longAt(contentKey, 9);
        ConfigVersion version = version(configId, versionId);
        if (version == null) {
            throw new IllegalStateException("content without version: " + configId + "/" + versionId);
        }
        return version.hash().getBytes(StandardCharsets.ISO_8859_1);
    }

    private static void updateInt(MessageDigest sha256, int value) {
        sha256.update((byte) (value >>> 24));
        sha256.update((byte) (value >>> 16));
        sha256.update((byte) (value >>> 8));
        sha256.update((byte) value);
    }

    // --- what the batch made ---------------------------------------------------------------------------------------

    StateMeta meta() {
        return meta;
    }

    WriteBatch batch() {
        return batch;
    }

    Map<Long, Optional<Config>> changedConfigs() {
        return configs;
    }

    Map<Long, ConfigKey> deletedConfigs() {
        return deleted;
    }

    Map<String, TenantUsage> changedUsages() {
        return usages;
    }

    byte @Nullable [] changedContent(long configId, long versionId) {
        byte[] raw = batch.raw(StateKeys.content(configId, versionId));
        return raw == null || WriteBatch.isDeleted(raw) ? null : raw;
    }

    List<ChangeEvent> events() {
        return events;
    }

    boolean agendaTouched() {
        return agendaTouched;
    }

    int commandEventCount() {
        return commandEvents.size();
    }

    // --- for appliers ----------------------------------------------------------------------------------------------

    /** The revision that this command makes if it is accepted. */
    long revision() {
        return before.revision + 1;
    }

    long nowMillis() {
        return meta.leaderTimeMillis;
    }

    String author() {
        return author;
    }

    /** @throws Refusal when there is none */
    Config config(long id) {
        Config config = findConfig(id);
        if (config == null) {
            throw new Refusal(new ConfluxError.NotFound(ErrorCode.CONFIG_NOT_FOUND, "config " + id));
        }
        return config;
    }

    private @Nullable Config findConfig(long id) {
        Optional<Config> changed = commandConfigs.get(id);
        if (changed == null) {
            changed = configs.get(id);
        }
        if (changed != null) {
            return changed.orElse(null);
        }
        Config cached = committed.config(id);
        if (cached != null) {
            return cached;
        }
        byte[] stored = store.get(StateKeys.config(id));
        if (stored == null) {
            return null;
        }
        Config config = StateCodec.config(stored);
        committed.put(config);
        return config;
    }

    boolean nameExists(ConfigKey key) {
        return get(StateKeys.name(key)) != null;
    }

    @Nullable
    ConfigVersion version(long configId, long versionId) {
        var key = new VersionKey(configId, versionId);
        Optional<ConfigVersion> changed = commandVersions.get(key);
        if (changed == null) {
            changed = versions.get(key);
        }
        if (changed != null) {
            return changed.orElse(null);
        }
        byte[] stored = get(StateKeys.version(configId, versionId));
        return stored == null ? null : StateCodec.version(stored);
    }

    long nextConfigId() {
        if (meta.lastConfigId == Long.MAX_VALUE) {
            throw exhausted("config_id");
        }
        return ++meta.lastConfigId;
    }

    /** @throws Refusal at the end of the counter's range: a counter never wraps */
    static long next(String counter, long value) {
        if (value == Long.MAX_VALUE) {
            throw exhausted(counter);
        }
        return value + 1;
    }

    private static Refusal exhausted(String counter) {
        return new Refusal(new ConfluxError.InvalidArgument(
                counter, Long.toString(Long.MAX_VALUE), "a counter that is not used up: create the config anew"));
    }

    void createConfig(Config config) {
        put(StateKeys.name(config.key()), StateKeys.longBytes(config.id()));
        putConfig(config);
        meta.configCount++;
        addUsage(config.key().tenant(), 1, 0, 0);
    }

    void putConfig(Config config) {
        put(StateKeys.config(config.id()), StateCodec.config(config).toByteArray());
        commandConfigs.put(config.id(), Optional.of(config));
    }

    void putVersion(String tenant, ConfigVersion version, byte[] content) {
        put(
                StateKeys.version(version.configId(), version.id()),
                StateCodec.version(version).toByteArray());
        put(StateKeys.content(version.configId(), version.id()), content);
        commandVersions.put(new VersionKey(version.configId(), version.id()), Optional.of(version));
        addUsage(tenant, 0, 1, version.sizeBytes());
    }

    void putReleaseChange(ReleaseChange change) {
        put(StateKeys.releaseChange(change.configId(), change.releasesRevision()), StateCodec.releaseChange(change));
    }

    void putMetadataChange(MetadataChange change) {
        put(StateKeys.metadataChange(change.configId(), change.metadataVersion()), StateCodec.metadataChange(change));
    }

    void addEvent(ChangeEvent event) {
        put(StateKeys.event(event.revision(), commandEvents.size()), StateCodec.event(event));
        commandEvents.add(event);
        meta.eventCount++;
    }

    void touchAgenda() {
        agendaTouched = true;
    }

    /** Removes the config with all that hangs on it. */
    void deleteConfig(Config config) {
        var sums = new long[2];
        scan(
                StateKeys.ofConfig(StateArea.VERSIONS, config.id()),
                StateKeys.afterConfig(StateArea.VERSIONS, config.id()),
                (key, value) -> {
                    ConfigVersion version = StateCodec.version(value);
                    sums[0]++;
                    sums[1] += version.sizeBytes();
                    commandVersions.put(new VersionKey(config.id(), version.id()), Optional.empty());
                    return true;
                });
        for (StateArea area : List.of(
                StateArea.VERSIONS, StateArea.CONTENTS, StateArea.RELEASE_HISTORY, StateArea.METADATA_HISTORY)) {
            var keys = new ArrayList<byte[]>();
            scan(StateKeys.ofConfig(area, config.id()), StateKeys.afterConfig(area, config.id()), (key, value) -> {
                keys.add(key);
                return true;
            });
            keys.forEach(this::delete);
        }
        delete(StateKeys.name(config.key()));
        delete(StateKeys.config(config.id()));
        commandConfigs.put(config.id(), Optional.empty());
        commandDeleted.put(config.id(), config.key());
        meta.configCount--;
        addUsage(config.key().tenant(), -1, -sums[0], -sums[1]);
    }

    @Nullable
    TrashedConfig trashed(long configId) {
        byte[] stored = get(StateKeys.trash(configId));
        return stored == null ? null : GcCodec.trashed(stored);
    }

    void putTrash(TrashedConfig trashed) {
        put(StateKeys.trash(trashed.config().id()), GcCodec.trashed(trashed));
    }

    /** The config goes, what hangs on it stays; the tenant's usage counts it still. */
    void moveToTrash(TrashedConfig trashed) {
        Config config = trashed.config();
        delete(StateKeys.name(config.key()));
        delete(StateKeys.config(config.id()));
        putTrash(trashed);
        commandConfigs.put(config.id(), Optional.empty());
        commandDeleted.put(config.id(), config.key());
        meta.configCount--;
    }

    void restoreFromTrash(Config config) {
        put(StateKeys.name(config.key()), StateKeys.longBytes(config.id()));
        putConfig(config);
        delete(StateKeys.trash(config.id()));
        meta.configCount++;
    }

    /** What {@link #removeFromTrash} took. */
    record Removed(int versions, long contentBytes, int entries, boolean complete) {}

    /** Takes the oldest versions and history entries, a bounded number; with the last of them the config. */
    Removed removeFromTrash(TrashedConfig trashed) {
        Config config = trashed.config();
        int limit = Command.PruneVersions.MAX_PRUNED;
        var versionsGone = new ArrayList<ConfigVersion>();
        scan(
                StateKeys.ofConfig(StateArea.VERSIONS, config.id()),
                StateKeys.afterConfig(StateArea.VERSIONS, config.id()),
                (key, value) -> {
                    versionsGone.add(StateCodec.version(value));
                    return versionsGone.size() < limit;
                });
        deleteVersions(config, versionsGone);
        int entries = 0;
        boolean complete = versionsGone.size() < limit;
        for (StateArea area : List.of(StateArea.RELEASE_HISTORY, StateArea.METADATA_HISTORY)) {
            var keys = new ArrayList<byte[]>();
            scan(StateKeys.ofConfig(area, config.id()), StateKeys.afterConfig(area, config.id()), (key, value) -> {
                keys.add(key);
                return keys.size() < limit;
            });
            keys.forEach(this::delete);
            entries += keys.size();
            complete &= keys.size() < limit;
        }
        if (complete) {
            delete(StateKeys.trash(config.id()));
            addUsage(config.key().tenant(), -1, 0, 0);
        } else {
            putTrash(new TrashedConfig(config, trashed.deletedAtMillis(), trashed.deletedBy(), true));
        }
        long bytes = versionsGone.stream().mapToLong(ConfigVersion::sizeBytes).sum();
        return new Removed(versionsGone.size(), bytes, entries, complete);
    }

    /** Removes versions that nothing refers to. */
    void deleteVersions(Config config, List<ConfigVersion> gone) {
        long bytes = 0;
        for (ConfigVersion version : gone) {
            delete(StateKeys.version(config.id(), version.id()));
            delete(StateKeys.content(config.id(), version.id()));
            commandVersions.put(new VersionKey(config.id(), version.id()), Optional.empty());
            bytes += version.sizeBytes();
        }
        if (!gone.isEmpty()) {
            addUsage(config.key().tenant(), 0, -gone.size(), -bytes);
        }
    }

    GcState gc() {
        return GcCodec.read(reads);
    }

    void putGc(GcState gc) {
        put(StateKeys.GC, GcCodec.state(gc).toByteArray());
    }

    /** Once this batch is stored, the store gives back the space of what has been deleted. */
    void reclaimSpace() {
        reclaimSpace = true;
    }

    boolean reclaimsSpace() {
        return reclaimSpace;
    }

    private void addUsage(String tenant, long moreConfigs, long moreVersions, long moreBytes) {
        TenantUsage usage = commandUsages.get(tenant);
        if (usage == null) {
            usage = usages.get(tenant);
        }
        if (usage == null) {
            usage = committed.usage(tenant);
        }
        if (usage == null) {
            byte[] stored = store.get(StateKeys.tenant(tenant));
            usage = stored == null ? TenantUsage.NONE : StateCodec.usage(stored);
        }
        TenantUsage changed = usage.plus(moreConfigs, moreVersions, moreBytes);
        commandUsages.put(tenant, changed);
        put(StateKeys.tenant(tenant), StateCodec.usage(changed));
    }

    // --- raw access ------------------------------------------------------------------------------------------------

    byte @Nullable [] get(byte[] key) {
        byte[] raw = batch.raw(key);
        if (raw != null) {
            return WriteBatch.isDeleted(raw) ? null : raw;
        }
        return store.get(key);
    }

    void scan(byte[] from, byte[] to, StateReads.Visitor visitor) {
        batch.scanOver(store, from, to, StateReads.Order.ASCENDING, visitor);
    }

    /** The store with this batch laid over it. */
    StateReads reads() {
        return reads;
    }

    void put(byte[] key, byte[] value) {
        remember(key);
        batch.put(key, value);
    }

    void delete(byte[] key) {
        remember(key);
        batch.delete(key);
    }

    private void remember(byte[] key) {
        byte[] prior = batch.raw(key);
        undo.putIfAbsent(key, prior == null ? UNTOUCHED : prior);
    }
}
