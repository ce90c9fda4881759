package dev.conflux.protocol.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class HttpErrorMapperTest {

    private static final Path GOLDEN = Path.of("src/test/golden/problems.txt");

    @Test
    void shouldKeepStatusAndBodyOfEveryCode() throws Exception {
        var problems = new StringBuilder();
        for (ErrorCode code : ErrorCode.values()) {
            Reply reply = HttpErrorMapper.reply(sample(code), "0af7651916cd43dd8448eb211c80319c");
            problems.append(code).append(' ').append(reply.status()).append(' ').append(reply.headers());
            problems.append('\n').append(new String(reply.body(), StandardCharsets.UTF_8));
            problems.append('\n');
        }
        if (Boolean.getBoolean("golden.update")) {
            Files.createDirectories(GOLDEN.getParent());
            Files.writeString(GOLDEN, problems);
        }
        assertThat(problems.toString()).isEqualTo(Files.readString(GOLDEN));
    }

    private static ConfluxError sample(ErrorCode code) {
        return switch (code) {
            case INVALID_ARGUMENT -> new ConfluxError.InvalidArgument("limit", "0", "1 to 1000");
            case SCHEMA_VIOLATION, MALFORMED_CONTENT ->
                new ConfluxError.InvalidContent(
                        code, List.of(new ConfluxError.Violation("/a", 3, 7, "type", "must be a string")));
            case UNAUTHENTICATED -> new ConfluxError.Unauthenticated("no bearer token");
            case PERMISSION_DENIED -> new ConfluxError.PermissionDenied("read", "t/app/env/name");
            case CONFIG_NOT_FOUND, VERSION_NOT_FOUND, NO_MATCHING_RELEASE, NOT_FOUND ->
                new ConfluxError.NotFound(code, "config 7");
            case ALREADY_EXISTS -> new ConfluxError.AlreadyExists("t/app/env/name");
            case CAS_MISMATCH -> new ConfluxError.CasMismatch(ConfluxError.Counter.METADATA, 3, 5);
            case CAS_REQUIRED -> new ConfluxError.CasRequired(ConfluxError.Counter.RELEASES, 5);
            case CONFIG_TOO_LARGE -> new ConfluxError.TooLarge("content", 2_000_000, 1_048_576);
            case IDEMPOTENCY_KEY_REUSED -> new ConfluxError.IdempotencyKeyReused("key-1");
            case IDEMPOTENCY_EXPIRED -> new ConfluxError.IdempotencyExpired("key-1");
            case QUOTA_EXCEEDED -> new ConfluxError.QuotaExceeded("max_configs", 10);
            case RATE_LIMITED -> new ConfluxError.RateLimited("login", 30);
            case INDETERMINATE -> new ConfluxError.Indeterminate("key-1");
            case CONFIG_IN_USE -> new ConfluxError.ConfigInUse(7, 1_700_000_000_000L, 2, 3, 600, List.of(3));
            case ROLLOUT_IN_PROGRESS, ROLLOUT_STATE_CONFLICT, SCHEDULE_NOT_PENDING, SCHEDULE_NOT_DUE ->
                new ConfluxError.DeliveryConflict(code, "rollout 12 of config 7 is paused");
            case INTERNAL -> new ConfluxError.Internal("an internal error");
            case VERSION_IN_USE,
                    PROPOSAL_PENDING,
                    MEMBERSHIP_CHANGE_IN_PROGRESS,
                    OPERATION_REFUSED,
                    FEATURE_NOT_ENABLED,
                    NO_LEADER,
                    NO_QUORUM,
                    METADATA_UNAVAILABLE,
                    KMS_UNAVAILABLE,
                    NOT_CAUGHT_UP,
                    OVERLOADED,
                    STORAGE_FULL -> new ConfluxError.Unavailable(code, "not now");
        };
    }
}
