package dev.conflux.core.service;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How fresh an answer must be.
 *
 * @param minRevision the local state must contain at least this revision; 0 = any
 * @param maxStaleness only at the follower level, instead of the node's own bound; null = that one
 */
public record Freshness(
        Level level, long minRevision, @Nullable Duration maxStaleness) {

    /** See {@link dev.conflux.consensus.api.ReadLevel}, of which these are the names on the wire. */
    public enum Level {
        STALE,
        FOLLOWER,
        STRONG,
        LINEARIZABLE
    }

    /** With the node's own bound at the follower level. */
    public Freshness(Level level, long minRevision) {
        this(level, minRevision, null);
    }

    /** Whatever this node has, at once. */
    public static final Freshness ANY = new Freshness(Level.STALE, 0);
}
