package dev.conflux.core.service;

import dev.conflux.core.model.Principal;
import java.time.Clock;
import java.util.Iterator;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Tells who a bearer token belongs to.
 *
 * <p>Verifying costs about 50 µs, so tokens that held are remembered until they expire, keyed by the whole token: only
 * verified tokens get in, so nobody can fill the map with made-up ones, and a hit compares every character. The map
 * keeps raw tokens in memory for their life; a keyed hash instead would cost more than the rest of the look-up.
 */
public final class Authenticator {

    /** About 1 KiB each. More clients than this per node verify more often, nothing worse. */
    private static final int MAX_CACHED = 20_000;
    /** When full, this many go, whichever come first: cheaper than remembering who was used last. */
    private static final int EVICTED_AT_ONCE = MAX_CACHED / 16;
    /** Sessions that logged out here; each is kept no longer than its tokens live. */
    private static final int MAX_REVOKED = 100_000;

    private final AccessTokens tokens;
    private final Clock clock;
    private final ConcurrentHashMap<String, AccessTokens.Verified> cache = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<UUID, Long> revokedUntilMillis = new ConcurrentHashMap<>();

    Authenticator(AccessTokens tokens, Clock clock) {
        this.tokens = tokens;
        this.clock = clock;
    }

    /**
     * The principal if the token has been verified before and still holds; null = ask {@link #authenticate}. Lock-free,
     * no I/O: made for event loops.
     */
    public @Nullable Principal cached(String token) {
        AccessTokens.Verified verified = cache.get(token);
        return verified != null && verified.validUntilMillis() > clock.millis() ? verified.principal() : null;
    }

    /**
     * Verifies the token (signature, times, issuer, audience) and remembers it. CPU-bound, tens of microseconds; but a
     * token that names an unknown key may wait up to a second for the metadata database, once in some seconds. So: on a
     * virtual thread.
     *
     * @throws dev.conflux.core.model.ConfluxException with
     *     {@link dev.conflux.core.model.ConfluxError.Unauthenticated}
     */
    public Principal authenticate(String token) {
        return verify(token).principal();
    }

    AccessTokens.Verified verify(String token) {
        AccessTokens.Verified verified = tokens.verify(token);
        if (revokedUntilMillis.containsKey(verified.session())) {
            throw AccessTokens.refused(null);
        }
        makeRoom();
        cache.put(token, verified);
        // A logout between the check and the put has swept the cache already: look once more.
        if (revokedUntilMillis.containsKey(verified.session())) {
            cache.remove(token);
            throw AccessTokens.refused(null);
        }
        return verified;
    }

    /** From now on no token of the session holds on this node. */
    void revoke(UUID session) {
        // Tokens of this session may be younger than the one that logged out, never older than a full life.
        long until = clock.millis()
                + tokens.life().plus(AccessTokens.CLOCK_SKEW.multipliedBy(2)).toMillis();
        if (revokedUntilMillis.size() >= MAX_REVOKED) {
            removeExpired();
        }
        if (revokedUntilMillis.size() < MAX_REVOKED) {
            revokedUntilMillis.put(session, until);
        }
        cache.values().removeIf(verified -> verified.session().equals(session));
    }

    /** Drops what has expired. Called by the upkeep thread, so that raw tokens don't outlive their use. */
    void removeExpired() {
        long now = clock.millis();
        cache.values().removeIf(verified -> verified.validUntilMillis() <= now);
        revokedUntilMillis.values().removeIf(until -> until <= now);
    }

    int cacheSize() {
        return cache.size();
    }

    private void makeRoom() {
        if (cache.mappingCount() < MAX_CACHED) {
            return;
        }
        Iterator<String> keys = cache.keySet().iterator();
        for (int i = 0; i < EVICTED_AT_ONCE && keys.hasNext(); i++) {
            keys.next();
            keys.remove();
        }
    }
}
