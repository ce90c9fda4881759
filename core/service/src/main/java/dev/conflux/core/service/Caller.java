package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Text;
import org.jspecify.annotations.Nullable;

/**
 * Who asks for a write, and as part of which request.
 *
 * @param traceId W3C trace id, 32 hex digits
 * @param idempotency null when the caller gave no key
 */
public record Caller(
        Principal principal, String traceId, @Nullable Idempotency idempotency) {

    /** A caller without an idempotency key. */
    public Caller(Principal principal, String traceId) {
        this(principal, traceId, null);
    }

    /**
     * Makes a repetition of the request recognisable.
     *
     * @param key 1 to 128 visible ASCII characters, chosen by the caller
     * @param requestHash SHA-256 over method, path, content type and body: the same key with another request is refused
     */
    public record Idempotency(String key, byte[] requestHash) {

        private static final int MAX_LENGTH = 128;

        public Idempotency {
            boolean valid = !key.isEmpty() && key.length() <= MAX_LENGTH;
            for (int i = 0; valid && i < key.length(); i++) {
                valid = key.charAt(i) >= ' ' && key.charAt(i) <= '~';
            }
            if (!valid) {
                throw new ConfluxException(new ConfluxError.InvalidArgument(
                        "X-Idempotency-Key", Text.excerpt(key), "1 to " + MAX_LENGTH + " visible ASCII characters"));
            }
        }
    }
}
