package dev.conflux.consensus.testkit;

import java.util.List;

/**
 * One message that a watcher was told, or an event of its life. Frames of one watcher are in the order it saw them.
 *
 * @param watcher the watcher; it keeps its number when it connects again and goes on where it was, and gets a new one
 *     when it starts afresh
 * @param node who told it
 * @param nanos when, by the clock of the history
 * @param kind says what the rest means
 * @param revision see {@link Kind}
 * @param keys of {@link Kind#SUBSCRIBED}: the keys it follows, empty for all; else empty
 * @param changes of {@link Kind#CHANGES}: what it was told; else empty
 */
public record WatchFrame(
        int watcher, int node, long nanos, Kind kind, long revision, List<String> keys, List<Change> changes) {

    public WatchFrame {
        keys = List.copyOf(keys);
        changes = List.copyOf(changes);
    }

    /** What a frame is. */
    public enum Kind {
        /**
         * Connected, for the first time or again. {@code revision}: the one that it asked to go on after; when it asked
         * for none, the one that the server named. Everything later has to be told.
         */
        SUBSCRIBED(0),
        /** Told of all changes that {@code revision} made to its keys. */
        CHANGES(1),
        /** Told that everything up to {@code revision} has been told. */
        PROGRESS(2),
        /** Told to fetch: changes up to {@code revision} may have been left out, later ones not. */
        RESYNC(3),
        /** The connection is gone. Until the next {@code SUBSCRIBED} nothing can be told. */
        CLOSED(4),
        /** Written by the harness: it has waited long enough; everything up to {@code revision} must have been told. */
        QUIESCED(5);

        final byte tag;

        Kind(int tag) {
            this.tag = (byte) tag;
        }
    }
}
