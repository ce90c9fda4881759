package dev.conflux.core.service;

import dev.conflux.core.model.Principal;
import org.jspecify.annotations.Nullable;

/** Tells who a bearer token belongs to. */
public final class Authenticator {

    /**
     * The principal if the token has been verified before and still holds; null = ask {@link #authenticate}. Lock-free,
     * no I/O: made for event loops.
     */
    public @Nullable Principal cached(String token) {
        throw new UnsupportedOperationException("being built: " + token.length());
    }

    /**
     * Verifies the token (signature, times, issuer, audience) and remembers it. CPU-bound, tens of microseconds.
     *
     * @throws dev.conflux.core.model.ConfluxException with
     *     {@link dev.conflux.core.model.ConfluxError.Unauthenticated}
     */
    public Principal authenticate(String token) {
        throw new UnsupportedOperationException("being built: " + token.length());
    }
}
