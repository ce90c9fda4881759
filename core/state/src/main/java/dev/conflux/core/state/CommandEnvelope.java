package dev.conflux.core.state;

import dev.conflux.consensus.api.RequestId;
import dev.conflux.core.model.Command;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A command with what apply must know of the request that decided it.
 *
 * @param author name written into versions and histories
 * @param authorId number of the author in the metadata database
 * @param traceId W3C trace id of the request, 32 hex digits
 * @param dedupKey null = a repetition is a second command
 * @param command what was decided
 * @param traceSpan W3C id of the proposer's span, if it is sampled; 0 = it is not
 */
public record CommandEnvelope(
        String author,
        long authorId,
        String traceId,
        @Nullable DedupKey dedupKey,
        Command command,
        long traceSpan) {

    /** Not sampled. */
    public CommandEnvelope(String author, long authorId, String traceId, @Nullable DedupKey dedupKey, Command command) {
        this(author, authorId, traceId, dedupKey, command, 0);
    }

    /** Makes a repetition recognisable. */
    public sealed interface DedupKey permits IdempotencyKey, RequestKey {}

    /**
     * The caller's own key; its outcome is kept for a day.
     *
     * @param scope whose key it is; two principals never share keys; not empty
     * @param key the caller's, 1 to 128 characters
     * @param requestHash SHA-256 over method, path and body: the same key with another request is refused
     */
    public record IdempotencyKey(String scope, String key, byte[] requestHash) implements DedupKey {

        /** Longest key accepted. */
        public static final int MAX_LENGTH = 128;

        private static final int UUID_LENGTH = 36;
        private static final int UUID_TIME_DIGITS = 12;

        public IdempotencyKey {
            if (scope.isEmpty()) {
                throw new IllegalArgumentException("scope: empty (expected: whose key it is)");
            }
        }

        /** Unix milliseconds at which the key was made, if it says so: a UUID of version 7 (RFC 9562 §5.7). */
        public OptionalLong madeAtMillis() {
            if (key.length() != UUID_LENGTH || key.charAt(14) != '7') {
                return OptionalLong.empty();
            }
            long millis = 0;
            for (int i = 0, digits = 0; i < UUID_LENGTH; i++) {
                char c = key.charAt(i);
                boolean hyphen = i == 8 || i == 13 || i == 18 || i == 23;
                int digit = hyphen ? -1 : hexDigit(c);
                if (hyphen ? c != '-' : digit < 0) {
                    return OptionalLong.empty();
                }
                if (!hyphen && digits++ < UUID_TIME_DIGITS) {
                    millis = millis << 4 | digit;
                }
            }
            return OptionalLong.of(millis);
        }

        private static int hexDigit(char c) {
            if (c >= '0' && c <= '9') {
                return c - '0';
            }
            if (c >= 'a' && c <= 'f') {
                return c - 'a' + 10;
            }
            return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        }
    }

    /**
     * A node's own number for a write that came without a key; its outcome is kept for as long as the node may repeat
     * the proposal.
     *
     * @param afterIndex the node had applied this log index when it made the number
     */
    public record RequestKey(RequestId id, long afterIndex) implements DedupKey {}
}
