package dev.conflux.core.model;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Why something was refused: data, free of any transport. Each protocol maps it once, at its edge. */
public sealed interface ConfluxError {

    ErrorCode code();

    /** For the caller: what, which value, which rule, what next. Never a secret, never content. */
    String message();

    /** May the very same request succeed later without being changed? */
    default boolean retryable() {
        return switch (code()) {
            case NO_LEADER,
                    NO_QUORUM,
                    METADATA_UNAVAILABLE,
                    KMS_UNAVAILABLE,
                    NOT_CAUGHT_UP,
                    INDETERMINATE,
                    RATE_LIMITED,
                    OVERLOADED,
                    STORAGE_FULL -> true;
            default -> false;
        };
    }

    /** A field's value breaks a rule. */
    record InvalidArgument(String field, String value, String rule) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.INVALID_ARGUMENT;
        }

        @Override
        public String message() {
            return field + ": " + value + " (expected: " + rule + ")";
        }
    }

    /** Content that cannot be parsed, or breaks its schema; all places at once. */
    record InvalidContent(ErrorCode code, List<Violation> violations) implements ConfluxError {
        public InvalidContent {
            violations = List.copyOf(violations);
        }

        @Override
        public String message() {
            return violations.size() + " violation(s); first: "
                    + violations.getFirst().message();
        }
    }

    /** One place in content. */
    record Violation(String path, int line, int column, String rule, String message) {}

    record Unauthenticated(String message) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.UNAUTHENTICATED;
        }
    }

    record PermissionDenied(String action, String resource) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.PERMISSION_DENIED;
        }

        @Override
        public String message() {
            return "not allowed: " + action + " on " + resource + " (ask a tenant admin for a role that grants it)";
        }
    }

    /** The thing named does not exist, or is somebody else's. */
    record NotFound(ErrorCode code, String what) implements ConfluxError {
        @Override
        public String message() {
            return "not found: " + what;
        }
    }

    record AlreadyExists(String what) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.ALREADY_EXISTS;
        }

        @Override
        public String message() {
            return "already exists: " + what;
        }
    }

    /** Which of a config's three counters a check-and-set is about. */
    enum Counter {
        CONTENT("content", "cas"),
        METADATA("metadata", "cas_metadata"),
        RELEASES("releases", "cas_releases");

        private final String wireName;
        private final String parameter;

        Counter(String wireName, String parameter) {
            this.wireName = wireName;
            this.parameter = parameter;
        }

        public String wireName() {
            return wireName;
        }

        public String parameter() {
            return parameter;
        }
    }

    record CasMismatch(Counter counter, long expected, long actual) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.CAS_MISMATCH;
        }

        @Override
        public String message() {
            return counter.parameter() + ": " + expected + " (the " + counter.wireName() + " counter is at " + actual
                    + "; read it again, merge, retry)";
        }
    }

    record CasRequired(Counter counter, long actual) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.CAS_REQUIRED;
        }

        @Override
        public String message() {
            return counter.parameter() + ": missing (this config requires it; the " + counter.wireName()
                    + " counter is at " + actual + ")";
        }
    }

    /** A version that something still needs. */
    record VersionInUse(long configId, long versionId, VersionFate fate) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.VERSION_IN_USE;
        }

        @Override
        public String message() {
            return "version " + versionId + " of config " + configId + " stays: "
                    + switch (fate) {
                        case LATEST -> "it is the latest";
                        case RELEASE_RULE -> "a release rule serves it";
                        case PLANNED -> "a schedule, a rollout or a proposal names it";
                        case ROLLBACK_TARGET -> "a rollback may need it";
                        case COUNT -> "the retention policy keeps it by number";
                        case DAYS -> "the retention policy keeps it by age";
                        case NO_POLICY -> "no retention policy lets it go";
                        case GOES -> "it was not asked for";
                    };
        }
    }

    /**
     * Somebody may still need the config that was to be deleted.
     *
     * @param lastFetchedMillis Unix milliseconds, to the second; 0 = not within the window
     * @param nodes on which it was fetched within the window
     * @param watchers that are connected now
     * @param silent members that could not be asked
     */
    record ConfigInUse(
            long configId, long lastFetchedMillis, int nodes, int watchers, int windowSeconds, List<Integer> silent)
            implements ConfluxError {

        public ConfigInUse {
            silent = List.copyOf(silent);
        }

        @Override
        public ErrorCode code() {
            return ErrorCode.CONFIG_IN_USE;
        }

        @Override
        public String message() {
            var why = new ArrayList<String>();
            if (nodes > 0) {
                why.add("it was last fetched at " + Instant.ofEpochMilli(lastFetchedMillis) + " and is in use on "
                        + nodes + " node(s)");
            }
            if (watchers > 0) {
                why.add(watchers + " watcher(s) are connected");
            }
            if (!silent.isEmpty()) {
                why.add("node(s) " + silent + " cannot be asked");
            }
            return "config " + configId + ": " + String.join("; ", why)
                    + " (deleted only when nobody fetched it within " + windowSeconds
                    + " s; force=true deletes it all the same)";
        }
    }

    record TooLarge(String what, long size, long limit) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.CONFIG_TOO_LARGE;
        }

        @Override
        public String message() {
            return what + ": " + size + " bytes (limit: " + limit + ")";
        }
    }

    record IdempotencyKeyReused(String key) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.IDEMPOTENCY_KEY_REUSED;
        }

        @Override
        public String message() {
            return "idempotency key " + Text.excerpt(key)
                    + " was used for another request (use a new key for a new request)";
        }
    }

    /** The key is too old to know whether its write happened; it was not done now. */
    record IdempotencyExpired(String key) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.IDEMPOTENCY_EXPIRED;
        }

        @Override
        public String message() {
            return "idempotency key " + Text.excerpt(key) + " is older than what the cluster remembers: whether its"
                    + " write happened is unknown, and it was not done now (read, then use a new key; check this"
                    + " client's clock)";
        }
    }

    record QuotaExceeded(String quota, long limit) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.QUOTA_EXCEEDED;
        }

        @Override
        public String message() {
            return quota + ": limit " + limit + " reached";
        }
    }

    record RateLimited(String what, long retryAfterSeconds) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.RATE_LIMITED;
        }

        @Override
        public String message() {
            return what + ": too many requests (retry after " + retryAfterSeconds + " s)";
        }
    }

    /** A part that is needed cannot serve now; nothing happened. */
    record Unavailable(ErrorCode code, String message) implements ConfluxError {}

    /** The write may have happened. */
    record Indeterminate(@Nullable String idempotencyKey) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.INDETERMINATE;
        }

        @Override
        public String message() {
            return idempotencyKey == null
                    ? "the write may or may not have happened: read before you repeat it; with an idempotency key a"
                            + " repetition is safe"
                    : "the write may or may not have happened: repeat it with the same idempotency key";
        }
    }

    /** What was asked for does not fit the state that a schedule or rollout is in. */
    record DeliveryConflict(ErrorCode code, String message) implements ConfluxError {}

    /** A bug of ours; details are in the log under the trace id. */
    record Internal(String message) implements ConfluxError {
        @Override
        public ErrorCode code() {
            return ErrorCode.INTERNAL;
        }
    }
}
