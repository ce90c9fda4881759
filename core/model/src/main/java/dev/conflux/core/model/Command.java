package dev.conflux.core.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What can be decided: one log entry each. Every expectation is checked again when it is applied. */
public sealed interface Command {

    /** Creates a config and its version 1. Refused when the name exists. */
    record CreateConfig(
            ConfigKey key, Metadata metadata, NewVersion initial, List<PlannedRelease> releases, String comment)
            implements Command {
        public CreateConfig {
            releases = List.copyOf(releases);
        }
    }

    /** Adds a version without releasing it. */
    record CreateVersion(
            long configId, NewVersion version, @Nullable Long casContent) implements Command {}

    /** Replaces the metadata fields that the patch names. */
    record UpdateMetadata(
            long configId, MetadataPatch patch, @Nullable Long casMetadata) implements Command {}

    /** Replaces all release rules. */
    record UpdateReleases(
            long configId,
            List<PlannedRelease> releases,
            String comment,
            @Nullable Long casReleases) implements Command {
        public UpdateReleases {
            releases = List.copyOf(releases);
        }
    }

    /** Creates versions and releases them, for one or many configs: one revision, all or nothing. */
    record Publish(List<PublishItem> items, String comment) implements Command {
        public Publish {
            items = List.copyOf(items);
        }
    }

    /** Serves an earlier version again. */
    record Rollback(
            long configId,
            long targetVersionId,
            RollbackMode mode,
            String comment,
            @Nullable Long casReleases) implements Command {}

    /** Removes the config, its versions and histories. The id is never used again. */
    record DeleteConfig(long configId) implements Command {}

    /** What happens to a config's rules later, or step by step. */
    sealed interface Delivery extends Command permits ScheduleCommand, RolloutCommand {}

    /**
     * Removes versions and history entries that retention lets go; refused as a whole when one of them has to stay.
     *
     * @param cycle the cycle that this is part of, by its start; it becomes the running one
     * @param versionIds at most {@link #MAX_PRUNED}
     * @param releaseChanges by their releases revision; at most {@link #MAX_PRUNED}
     * @param metadataChanges by their metadata version; at most {@link #MAX_PRUNED}
     */
    record PruneVersions(
            long configId, long cycle, List<Long> versionIds, List<Long> releaseChanges, List<Long> metadataChanges)
            implements Command {

        /** Small enough that a publish that waits behind it waits for less than a millisecond. */
        public static final int MAX_PRUNED = 100;

        public PruneVersions {
            versionIds = List.copyOf(versionIds);
            releaseChanges = List.copyOf(releaseChanges);
            metadataChanges = List.copyOf(metadataChanges);
        }
    }

    /** Deletes a config so that it can come back, and what follows. */
    record Trash(long configId, TrashStep step) implements Command {}

    /** See {@link Trash}. */
    sealed interface TrashStep {
        /** The config goes; its name is free, its versions and histories stay in the trash. */
        record MoveIn() implements TrashStep {}

        /** It comes back under its old id; refused when its name is taken. */
        record Restore() implements TrashStep {}

        /** It never comes back: the next garbage collection, which begins at once, removes it. */
        record Purge() implements TrashStep {}

        /**
         * A part of what is in the trash is removed, oldest first, at most {@link PruneVersions#MAX_PRUNED} of each
         * kind; refused unless it is expired or to be purged.
         *
         * @param cycle as in {@link PruneVersions}
         * @param deletedAtMillis of the entry that is meant: it may have been restored and deleted again
         */
        record Remove(long cycle, long deletedAtMillis) implements TrashStep {}
    }

    /** One step of a garbage collection that is not about a config. */
    record Gc(GcStep step) implements Command {}

    /** See {@link Gc}. */
    sealed interface GcStep {
        /** What the cluster keeps from now on. */
        record Configure(GcSettings settings) implements GcStep {}

        /** Somebody wants a cycle now. */
        record RequestCycle() implements GcStep {}

        /**
         * The leader has come to the end.
         *
         * @param cycle by its start; it need not have pruned anything
         * @param problem why it did not do everything; empty = it did
         */
        record End(long cycle, String problem) implements GcStep {}
    }

    /**
     * One config of a publish.
     *
     * @param configId the config
     * @param plan what becomes of the rules
     * @param makeDefaultAfterMinutes by log time; makes a {@link Schedule} in the same step. null = not
     */
    record PublishItem(
            long configId,
            NewVersion version,
            ReleasePlan plan,
            @Nullable Long casContent,
            @Nullable Long casReleases,
            @Nullable Integer makeDefaultAfterMinutes) {

        /** Without a timed promotion. */
        public PublishItem(
                long configId,
                NewVersion version,
                ReleasePlan plan,
                @Nullable Long casContent,
                @Nullable Long casReleases) {
            this(configId, version, plan, casContent, casReleases, null);
        }
    }

    /** How a publish changes the rules. */
    sealed interface ReleasePlan {

        /** The new version becomes the default rule's; every other rule stays as it is. */
        record MakeDefault() implements ReleasePlan {}

        /** The whole rule set is replaced. */
        record Replace(List<PlannedRelease> releases) implements ReleasePlan {
            public Replace {
                releases = List.copyOf(releases);
            }
        }

        /** One rule is put above the others; a rule with the same labels, bucket and salt is replaced. */
        record AddRule(PlannedRelease rule) implements ReleasePlan {}
    }

    /**
     * A rule whose version may be the one that the same command creates.
     *
     * @param rule its {@code versionId} is ignored when {@code newVersion}
     * @param newVersion true: serve the version created by this command
     */
    record PlannedRelease(Release rule, boolean newVersion) {

        public static PlannedRelease existing(Release rule) {
            return new PlannedRelease(rule, false);
        }
    }

    /** See {@link Rollback}. */
    enum RollbackMode {
        /** All rules are replaced by one default rule. */
        EMERGENCY,
        /** Only the default rule changes; canaries stay. */
        STABLE_ONLY
    }
}
