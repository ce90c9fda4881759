package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import org.jspecify.annotations.Nullable;

/**
 * A command with what apply must know of the request that decided it.
 *
 * @param author name written into versions and histories
 * @param authorId number of the author in the metadata database
 * @param traceId W3C trace id of the request, 32 hex digits
 * @param idempotency null when the caller gave no key
 * @param command what was decided
 */
public record CommandEnvelope(
        String author,
        long authorId,
        String traceId,
        @Nullable IdempotencyKey idempotency,
        Command command) {

    /**
     * Makes a repetition recognisable.
     *
     * @param scope whose key it is: the principal's tenant and id; two principals never share keys
     * @param key the caller's, 1 to 128 characters
     * @param requestHash SHA-256 over method, path and body: the same key with another request is refused
     */
    public record IdempotencyKey(String scope, String key, byte[] requestHash) {

        /** Longest key accepted. */
        public static final int MAX_LENGTH = 128;
    }
}
