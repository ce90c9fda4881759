package dev.conflux.core.state;

import dev.conflux.consensus.api.LogPosition;

/**
 * How far a stored state is.
 *
 * @param applied the last command in it
 * @param digest rolling digest at {@code revision}, 64 lower-case hex digits; equal on all members at one revision
 * @param leaderTimeMillis the leader's clock at the last command, Unix milliseconds
 */
public record StateSummary(LogPosition applied, long revision, String digest, long leaderTimeMillis) {

    /**
     * Reads one value.
     *
     * @throws StateStoreException when it cannot be read, or another version wrote it
     */
    public static StateSummary of(StateReads store) {
        return of(StateMeta.load(store));
    }

    static StateSummary of(StateMeta meta) {
        return new StateSummary(meta.applied, meta.revision, meta.digestHex(), meta.leaderTimeMillis);
    }
}
