package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Every refusal as RFC 9457 problem details; the only place that knows a status for an error. */
final class HttpErrorMapper {

    static final String PROBLEM = "application/problem+json";

    /** Seconds after which a temporary failure is worth another try: an election takes about one. */
    private static final long RETRY_AFTER_SECONDS = 1;

    /** Somebody has to make room first. */
    private static final long RETRY_AFTER_FULL_SECONDS = 10;

    private HttpErrorMapper() {}

    static int status(ErrorCode code) {
        return switch (code) {
            case INVALID_ARGUMENT, SCHEMA_VIOLATION, MALFORMED_CONTENT -> 400;
            case UNAUTHENTICATED -> 401;
            case PERMISSION_DENIED -> 403;
            case CONFIG_NOT_FOUND, VERSION_NOT_FOUND, NO_MATCHING_RELEASE, NOT_FOUND -> 404;
            case ALREADY_EXISTS,
                    CAS_MISMATCH,
                    CAS_REQUIRED,
                    VERSION_IN_USE,
                    CONFIG_IN_USE,
                    PROPOSAL_PENDING,
                    MEMBERSHIP_CHANGE_IN_PROGRESS,
                    OPERATION_REFUSED,
                    FEATURE_NOT_ENABLED,
                    IDEMPOTENCY_EXPIRED,
                    ROLLOUT_IN_PROGRESS,
                    ROLLOUT_STATE_CONFLICT,
                    SCHEDULE_NOT_PENDING,
                    SCHEDULE_NOT_DUE -> 409;
            case CONFIG_TOO_LARGE -> 413;
            case IDEMPOTENCY_KEY_REUSED -> 422;
            case QUOTA_EXCEEDED, RATE_LIMITED -> 429;
            case INTERNAL -> 500;
            case NO_LEADER, NO_QUORUM, METADATA_UNAVAILABLE, KMS_UNAVAILABLE, NOT_CAUGHT_UP, OVERLOADED -> 503;
            case INDETERMINATE -> 504;
            case STORAGE_FULL -> 507;
        };
    }

    static Reply reply(ConfluxError error, String traceId) {
        int status = status(error.code());
        Reply reply = new Reply(status, PROBLEM, Json.bytes(problem(error, traceId)), List.of(), -1, false, null);
        if (status == 401) {
            return reply.with("WWW-Authenticate", "Bearer realm=\"conflux\"");
        }
        if (error instanceof ConfluxError.RateLimited limited) {
            return reply.with("Retry-After", Long.toString(Math.max(1, limited.retryAfterSeconds())));
        }
        if (status == 507) {
            return reply.with("Retry-After", Long.toString(RETRY_AFTER_FULL_SECONDS));
        }
        return status == 503 ? reply.with("Retry-After", Long.toString(RETRY_AFTER_SECONDS)) : reply;
    }

    /** A refusal that only HTTP knows. */
    static Reply transport(int status, String code, String detail, String traceId) {
        return new Reply(
                status, PROBLEM, Json.bytes(head(status, code, detail, traceId, false)), List.of(), -1, false, null);
    }

    static ObjectNode problem(ConfluxError error, String traceId) {
        ObjectNode problem =
                head(status(error.code()), error.code().name(), error.message(), traceId, error.retryable());
        switch (error) {
            case ConfluxError.InvalidArgument e ->
                problem.put("field", e.field()).put("expected", e.rule());
            case ConfluxError.InvalidContent e -> violations(problem.putArray("violations"), e);
            case ConfluxError.CasMismatch e ->
                problem.put("counter", e.counter().wireName())
                        .put("expected", e.expected())
                        .put("actual", e.actual());
            case ConfluxError.CasRequired e ->
                problem.put("counter", e.counter().wireName()).put("actual", e.actual());
            case ConfluxError.TooLarge e -> problem.put("size", e.size()).put("limit", e.limit());
            case ConfluxError.QuotaExceeded e -> problem.put("quota", e.quota()).put("limit", e.limit());
            case ConfluxError.RateLimited e -> problem.put("retry_after_seconds", e.retryAfterSeconds());
            case ConfluxError.Unauthenticated e -> {}
            case ConfluxError.PermissionDenied e -> {}
            case ConfluxError.NotFound e -> {}
            case ConfluxError.AlreadyExists e -> {}
            case ConfluxError.IdempotencyKeyReused e -> {}
            case ConfluxError.IdempotencyExpired e -> {}
            case ConfluxError.Unavailable e -> {}
            case ConfluxError.Indeterminate e -> {}
            case ConfluxError.ConfigInUse e -> {
                problem.put("config_id", e.configId())
                        .put("last_fetched_at", e.lastFetchedMillis() == 0 ? null : Wire.time(e.lastFetchedMillis()))
                        .put("nodes", e.nodes())
                        .put("watchers", e.watchers());
                e.silent().forEach(problem.putArray("silent_nodes")::add);
            }
            case ConfluxError.VersionInUse e ->
                problem.put("config_id", e.configId())
                        .put("version_id", e.versionId())
                        .put("reason", e.fate().name().toLowerCase(Locale.ROOT));
            case ConfluxError.DeliveryConflict e -> {}
            case ConfluxError.Internal e -> {}
        }
        return problem;
    }

    private static ObjectNode head(int status, String code, String detail, String traceId, boolean retryable) {
        return Json.object()
                .put(
                        "type",
                        "urn:conflux:error:" + code.toLowerCase(Locale.ROOT).replace('_', '-'))
                .put("title", title(code))
                .put("status", status)
                .put("detail", detail)
                .put("code", code)
                .put("trace_id", traceId)
                .put("retryable", retryable);
    }

    private static String title(String code) {
        String words = code.toLowerCase(Locale.ROOT).replace('_', ' ');
        return Character.toUpperCase(words.charAt(0)) + words.substring(1);
    }

    private static void violations(ArrayNode target, ConfluxError.InvalidContent error) {
        for (ConfluxError.Violation violation : error.violations()) {
            target.addObject()
                    .put("path", violation.path())
                    .put("line", violation.line())
                    .put("column", violation.column())
                    .put("rule", violation.rule())
                    .put("message", violation.message());
        }
    }
}
