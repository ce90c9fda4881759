package dev.conflux.core.service;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxError;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a watcher is told, free of any transport. */
public sealed interface WatchFrame {

    /** The cluster revision that the frame is about; a watcher resumes from the last one it has seen. */
    long revision();

    /** The watch is on: every later change after {@code revision} will be told. */
    record Subscribed(long revision) implements WatchFrame {}

    /** Everything that one revision changed for this watcher. One instance is shared by watchers told the same. */
    record Change(long revision, List<Item> changes) implements WatchFrame {
        public Change {
            changes = List.copyOf(changes);
        }
    }

    /** Everything up to {@code revision} has been told. */
    record Progress(long revision) implements WatchFrame {}

    /** Changes up to {@code revision} may have been missed: fetch, then go on from it. */
    record Resync(long revision, String reason) implements WatchFrame {}

    /** The watch has ended. */
    record Failed(long revision, ConfluxError error) implements WatchFrame {}

    /**
     * One config of a change.
     *
     * @param newVersion what this watcher now gets; 0 when nothing
     * @param hash of that version; null when nothing
     * @param description of that version; null when nothing
     */
    record Item(
            boolean deleted,
            ConfigKey key,
            long newVersion,
            @Nullable String hash,
            @Nullable String description,
            long timestampMillis) {}
}
