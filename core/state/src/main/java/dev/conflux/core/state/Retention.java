package dev.conflux.core.state;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.TrashedConfig;
import dev.conflux.core.model.VersionFate;
import java.util.SortedMap;

/**
 * What may go of one config at one moment. The preview, the cycle and apply all ask this, so that they agree. A function
 * of the state and the time alone.
 */
final class Retention {

    private static final long DAY_MILLIS = 24L * 60 * 60 * 1000;

    private final Config config;
    private final GcSettings settings;
    private final RetentionPolicy policy;
    private final SortedMap<Long, VersionFate> referenced;
    /** Versions from this id are among the newest {@code count}; {@link Long#MAX_VALUE} without a rule by number. */
    private final long newestFrom;
    /** Versions made after this are younger than {@code days}; {@link Long#MAX_VALUE} without a rule by age. */
    private final long youngAfterMillis;

    private Retention(
            Config config,
            GcSettings settings,
            RetentionPolicy policy,
            SortedMap<Long, VersionFate> referenced,
            long newestFrom,
            long youngAfterMillis) {
        this.config = config;
        this.settings = settings;
        this.policy = policy;
        this.referenced = referenced;
        this.newestFrom = newestFrom;
        this.youngAfterMillis = youngAfterMillis;
    }

    static Retention of(Config config, GcSettings settings, long nowMillis, StateReads reads) {
        RetentionPolicy own = config.metadata().retention();
        RetentionPolicy policy = own.inherits() ? settings.retention() : own;
        Integer days = policy.days();
        Integer count = policy.count();
        return new Retention(
                config,
                settings,
                policy,
                VersionReferences.of(config, reads),
                count == null ? Long.MAX_VALUE : newestFrom(config.id(), count, reads),
                days == null ? Long.MAX_VALUE : nowMillis - days * DAY_MILLIS);
    }

    /** Counts versions that are there: a gap that an earlier, stricter policy left does not count. */
    private static long newestFrom(long configId, int count, StateReads reads) {
        long[] seen = {0, 1};
        reads.scan(
                StateKeys.ofConfig(StateArea.VERSIONS, configId),
                StateKeys.afterConfig(StateArea.VERSIONS, configId),
                StateReads.Order.DESCENDING,
                (key, value) -> {
                    seen[0]++;
                    seen[1] = StateKeys.longAt(key, 9);
                    return seen[0] < count;
                });
        return seen[0] < count ? 1 : seen[1];
    }

    VersionFate fate(ConfigVersion version) {
        VersionFate reference = referenced.get(version.id());
        return reference != null ? reference : policyFate(version);
    }

    /**
     * What the policy alone says. Once it keeps a version it keeps all newer ones: ids and times of creation grow
     * together.
     */
    VersionFate policyFate(ConfigVersion version) {
        if (keepsEverything()) {
            return VersionFate.NO_POLICY;
        }
        boolean byCount = version.id() >= newestFrom;
        boolean byDays = version.createdAtMillis() > youngAfterMillis;
        boolean kept = policy.strategy() == RetentionPolicy.Strategy.AND ? byCount && byDays : byCount || byDays;
        if (!kept) {
            return VersionFate.GOES;
        }
        return byCount ? VersionFate.COUNT : VersionFate.DAYS;
    }

    /** The one in force. */
    RetentionPolicy policy() {
        return policy;
    }

    boolean keepsEverything() {
        return policy.days() == null && policy.count() == null;
    }

    /** Whether the trash may let go of a config. */
    static boolean mayBeRemoved(TrashedConfig trashed, GcSettings settings, long nowMillis) {
        return trashed.purging() || nowMillis - trashed.deletedAtMillis() >= settings.trashDays() * DAY_MILLIS;
    }

    /** Release changes up to this revision may go. */
    long releaseHistoryThrough() {
        return config.releasesRevision() - settings.releaseHistory();
    }

    /** Metadata changes up to this version may go. */
    long metadataHistoryThrough() {
        return config.metadataVersion() - settings.metadataHistory();
    }
}
