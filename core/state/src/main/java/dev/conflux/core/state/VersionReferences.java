package dev.conflux.core.state;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.VersionFate;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Which versions of a config something still needs: whatever learns to name a version adds it here. */
final class VersionReferences {

    private VersionReferences() {}

    /** Version id to the strongest reason. */
    static SortedMap<Long, VersionFate> of(Config config, StateReads reads) {
        SortedMap<Long, VersionFate> found = new TreeMap<>();
        found.put(config.latestVersionId(), VersionFate.LATEST);
        add(config.releases(), VersionFate.RELEASE_RULE, found);
        Deliveries.versions(config.id(), reads).forEach(id -> found.putIfAbsent(id, VersionFate.PLANNED));
        rollbackTargets(config, reads, found);
        return found;
    }

    private static void rollbackTargets(Config config, StateReads reads, SortedMap<Long, VersionFate> found) {
        long first = Math.max(1, config.releasesRevision() - GcSettings.MIN_RELEASE_HISTORY + 1);
        reads.scan(
                StateKeys.releaseChange(config.id(), first),
                StateKeys.afterConfig(StateArea.RELEASE_HISTORY, config.id()),
                StateReads.Order.ASCENDING,
                (key, value) -> {
                    ReleaseChange change = StateCodec.releaseChange(value);
                    add(change.before(), VersionFate.ROLLBACK_TARGET, found);
                    add(change.after(), VersionFate.ROLLBACK_TARGET, found);
                    return true;
                });
    }

    private static void add(List<Release> rules, VersionFate fate, SortedMap<Long, VersionFate> found) {
        for (Release rule : rules) {
            found.putIfAbsent(rule.versionId(), fate);
        }
    }
}
