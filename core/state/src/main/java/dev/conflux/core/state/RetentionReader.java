package dev.conflux.core.state;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.TrashedConfig;
import dev.conflux.core.model.VersionFate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Looks for what retention lets go. Blocks on the disk: never on an event loop. Any thread. Each call reads from one
 * snapshot.
 */
public final class RetentionReader {

    /** Entries of the trash read for one page: bounded work also for a tenant with few of them. */
    public static final int MAX_TRASH_SCAN = 10_000;

    private final StateStore store;

    RetentionReader(StateStore store) {
        this.store = store;
    }

    /**
     * What one prune command may take of a config.
     *
     * @param versions oldest first
     * @param releaseChanges by their releases revision, oldest first
     * @param metadataChanges by their metadata version, oldest first
     * @param historyEntries all release and metadata changes that may go, also beyond the lists
     * @param complete nothing of this config is left for another command
     */
    public record Plan(
            Config config,
            List<ConfigVersion> versions,
            List<Long> releaseChanges,
            List<Long> metadataChanges,
            long historyEntries,
            boolean complete) {

        public Plan {
            versions = List.copyOf(versions);
            releaseChanges = List.copyOf(releaseChanges);
            metadataChanges = List.copyOf(metadataChanges);
        }

        public boolean isEmpty() {
            return versions.isEmpty() && releaseChanges.isEmpty() && metadataChanges.isEmpty();
        }
    }

    /** One version and what becomes of it. */
    public record Judged(ConfigVersion version, VersionFate fate) {}

    /**
     * A config and what becomes of it.
     *
     * @param policy the one in force, its own or the cluster's
     * @param releaseChangesThrough release changes up to this revision may go; 0 = none
     * @param metadataChangesThrough metadata changes up to this version may go; 0 = none
     */
    public record Judgement(
            Config config,
            RetentionPolicy policy,
            List<Judged> versions,
            long releaseChangesThrough,
            long metadataChangesThrough) {

        public Judgement {
            versions = List.copyOf(versions);
        }
    }

    /** The replicated state of garbage collection. */
    public GcState gc() {
        return GcCodec.read(store);
    }

    /** The largest time stamp of the log so far, Unix milliseconds: what a command applied now would be dated at least. */
    public long logTimeMillis() {
        return StateMeta.load(store).leaderTimeMillis;
    }

    /** Ids of configs above {@code after}, ascending. */
    public List<Long> configsAfter(long after, int limit) {
        var ids = new ArrayList<Long>();
        if (after == Long.MAX_VALUE) {
            return ids;
        }
        store.scan(StateKeys.config(after + 1), StateArea.CONFIGS.to(), StateReads.Order.ASCENDING, (key, value) -> {
            ids.add(StateKeys.longAt(key, 1));
            return ids.size() < limit;
        });
        return ids;
    }

    /**
     * Deleted configs by id.
     *
     * @param tenant null = all
     * @param after exclusive
     * @param limit how many; at most {@link #MAX_TRASH_SCAN} entries are looked at
     */
    public Trash trash(@Nullable String tenant, long after, int limit) {
        var found = new ArrayList<TrashedConfig>();
        long[] seen = {0, after};
        if (after < Long.MAX_VALUE) {
            store.scan(StateKeys.trash(after + 1), StateArea.TRASH.to(), StateReads.Order.ASCENDING, (key, value) -> {
                seen[0]++;
                seen[1] = StateKeys.longAt(key, 1);
                TrashedConfig trashed = GcCodec.trashed(value);
                if (tenant == null || trashed.config().key().tenant().equals(tenant)) {
                    found.add(trashed);
                }
                return found.size() < limit && seen[0] < MAX_TRASH_SCAN;
            });
        }
        return new Trash(found, seen[1], found.size() == limit || seen[0] == MAX_TRASH_SCAN);
    }

    /**
     * A part of the trash.
     *
     * @param through configs up to this id have been looked at
     * @param more whether there may be others behind it
     */
    public record Trash(List<TrashedConfig> configs, long through, boolean more) {
        public Trash {
            configs = List.copyOf(configs);
        }
    }

    public Optional<TrashedConfig> trashed(long configId) {
        return Optional.ofNullable(store.get(StateKeys.trash(configId))).map(GcCodec::trashed);
    }

    /** Whether a cycle removes it now. */
    public boolean mayBeRemoved(TrashedConfig trashed, long nowMillis) {
        return Retention.mayBeRemoved(trashed, gc().settings(), nowMillis);
    }

    /** The oldest versions of a config, in the trash or not. */
    public List<ConfigVersion> oldestVersions(long configId, int limit) {
        var found = new ArrayList<ConfigVersion>();
        store.scan(
                StateKeys.ofConfig(StateArea.VERSIONS, configId),
                StateKeys.afterConfig(StateArea.VERSIONS, configId),
                StateReads.Order.ASCENDING,
                (key, value) -> {
                    found.add(StateCodec.version(value));
                    return found.size() < limit;
                });
        return found;
    }

    /**
     * The oldest that may go.
     *
     * @param afterVersion versions up to this id need not be looked at again
     * @param limit of each kind
     * @param nowMillis the time by which ages count
     * @return empty when the config is not there
     */
    public Optional<Plan> plan(long configId, long afterVersion, int limit, long nowMillis) {
        try (StateStore.Snapshot snapshot = store.snapshot()) {
            byte[] stored = snapshot.get(StateKeys.config(configId));
            if (stored == null) {
                return Optional.empty();
            }
            Config config = StateCodec.config(stored);
            Retention retention = Retention.of(config, GcCodec.read(snapshot).settings(), nowMillis, snapshot);
            List<ConfigVersion> versions = versions(retention, configId, afterVersion, limit + 1, snapshot);
            List<Long> releases =
                    oldest(StateArea.RELEASE_HISTORY, configId, retention.releaseHistoryThrough(), limit + 1, snapshot);
            List<Long> metadata = oldest(
                    StateArea.METADATA_HISTORY, configId, retention.metadataHistoryThrough(), limit + 1, snapshot);
            return Optional.of(new Plan(
                    config,
                    versions.subList(0, Math.min(limit, versions.size())),
                    releases.subList(0, Math.min(limit, releases.size())),
                    metadata.subList(0, Math.min(limit, metadata.size())),
                    entries(releases, retention.releaseHistoryThrough())
                            + entries(metadata, retention.metadataHistoryThrough()),
                    versions.size() <= limit && releases.size() <= limit && metadata.size() <= limit));
        }
    }

    private static List<ConfigVersion> versions(
            Retention retention, long configId, long after, int limit, StateReads reads) {
        var found = new ArrayList<ConfigVersion>();
        if (retention.keepsEverything()) {
            return found;
        }
        reads.scan(
                StateKeys.version(configId, after + 1),
                StateKeys.afterConfig(StateArea.VERSIONS, configId),
                StateReads.Order.ASCENDING,
                (key, value) -> {
                    ConfigVersion version = StateCodec.version(value);
                    if (retention.policyFate(version) != VersionFate.GOES) {
                        return false;
                    }
                    if (retention.fate(version) == VersionFate.GOES) {
                        found.add(version);
                    }
                    return found.size() < limit;
                });
        return found;
    }

    private static List<Long> oldest(StateArea area, long configId, long through, int limit, StateReads reads) {
        var found = new ArrayList<Long>();
        if (through < 1) {
            return found;
        }
        byte[] to = StateKeys.version(configId, through + 1);
        to[0] = area.prefix();
        reads.scan(StateKeys.ofConfig(area, configId), to, StateReads.Order.ASCENDING, (key, value) -> {
            found.add(StateKeys.longAt(key, 9));
            return found.size() < limit;
        });
        return found;
    }

    /** Entries are numbered without gaps, and only the oldest ever go. */
    private static long entries(List<Long> oldest, long through) {
        return oldest.isEmpty() ? 0 : through - oldest.getFirst() + 1;
    }

    /**
     * The versions of a config with their fates, oldest first.
     *
     * @param after versions up to this id are left out
     * @param limit how many
     * @return empty when the config is not there
     */
    public Optional<Judgement> judge(long configId, long after, int limit, long nowMillis) {
        try (StateStore.Snapshot snapshot = store.snapshot()) {
            byte[] stored = snapshot.get(StateKeys.config(configId));
            if (stored == null) {
                return Optional.empty();
            }
            Config config = StateCodec.config(stored);
            Retention retention = Retention.of(config, GcCodec.read(snapshot).settings(), nowMillis, snapshot);
            var found = new ArrayList<Judged>();
            snapshot.scan(
                    StateKeys.version(configId, after + 1),
                    StateKeys.afterConfig(StateArea.VERSIONS, configId),
                    StateReads.Order.ASCENDING,
                    (key, value) -> {
                        ConfigVersion version = StateCodec.version(value);
                        found.add(new Judged(version, retention.fate(version)));
                        return found.size() < limit;
                    });
            return Optional.of(new Judgement(
                    config,
                    retention.policy(),
                    found,
                    through(StateArea.RELEASE_HISTORY, configId, retention.releaseHistoryThrough(), snapshot),
                    through(StateArea.METADATA_HISTORY, configId, retention.metadataHistoryThrough(), snapshot)));
        }
    }

    private static long through(StateArea area, long configId, long through, StateReads reads) {
        return oldest(area, configId, through, 1, reads).isEmpty() ? 0 : through;
    }
}
