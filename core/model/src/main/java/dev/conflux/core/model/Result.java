package dev.conflux.core.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an accepted command made, enough to answer its caller again. */
public sealed interface Result {

    record ConfigCreated(Config config, ConfigVersion version) implements Result {}

    record VersionCreated(ConfigVersion version) implements Result {}

    record MetadataUpdated(Config config) implements Result {}

    record ReleasesUpdated(Config config) implements Result {}

    record Published(List<PublishedItem> items) implements Result {
        public Published {
            items = List.copyOf(items);
        }
    }

    record RolledBack(Config config, long versionId) implements Result {}

    /**
     * What a prune took.
     *
     * @param contentBytes of the versions that are gone
     */
    record VersionsPruned(long configId, int versions, long contentBytes, int historyEntries) implements Result {}

    /** A config that was in the trash. */
    record ConfigRestored(Config config) implements Result {}

    /**
     * What a removal from the trash took.
     *
     * @param complete nothing is left of the config
     */
    record TrashRemoved(long configId, int versions, long contentBytes, boolean complete) implements Result {}

    /** Garbage collection after the step. */
    record GcMoved(GcState state) implements Result {}

    record ConfigDeleted(long configId, ConfigKey key) implements Result {}

    record ScheduleChanged(Schedule schedule) implements Result {}

    record RolloutChanged(Rollout rollout, Config config) implements Result {}

    /**
     * One config of a publish, after it.
     *
     * @param promotion what makes the version the default later; null = nothing
     */
    record PublishedItem(
            Config config, ConfigVersion version, @Nullable Schedule promotion) {

        /** Without a timed promotion. */
        public PublishedItem(Config config, ConfigVersion version) {
            this(config, version, null);
        }
    }
}
