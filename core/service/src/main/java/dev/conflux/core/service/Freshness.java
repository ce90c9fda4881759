package dev.conflux.core.service;

/**
 * How fresh an answer must be.
 *
 * @param minRevision the local state must contain at least this revision; 0 = any
 */
public record Freshness(Level level, long minRevision) {

    /** See {@link dev.conflux.consensus.api.ReadLevel}, of which these are the names on the wire. */
    public enum Level {
        STALE,
        FOLLOWER,
        STRONG,
        LINEARIZABLE
    }

    /** Whatever this node has, at once. */
    public static final Freshness ANY = new Freshness(Level.STALE, 0);
}
