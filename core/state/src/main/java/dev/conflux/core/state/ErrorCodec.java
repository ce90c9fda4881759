package dev.conflux.core.state;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.VersionFate;
import dev.conflux.core.state.proto.LogProto;

/** Refusals to messages and back, with all their typed details. */
final class ErrorCodec {

    private ErrorCodec() {}

    static LogProto.ErrorValue encode(ConfluxError error) {
        var value = LogProto.ErrorValue.newBuilder();
        switch (error) {
            case ConfluxError.InvalidArgument e ->
                value.setInvalidArgument(LogProto.ErrorValue.InvalidArgument.newBuilder()
                        .setField(e.field())
                        .setValue(e.value())
                        .setRule(e.rule()));
            case ConfluxError.InvalidContent e -> {
                var content = LogProto.ErrorValue.InvalidContent.newBuilder()
                        .setCode(e.code().number());
                for (ConfluxError.Violation violation : e.violations()) {
                    content.addViolations(LogProto.ErrorValue.Violation.newBuilder()
                            .setPath(violation.path())
                            .setLine(violation.line())
                            .setColumn(violation.column())
                            .setRule(violation.rule())
                            .setMessage(violation.message()));
                }
                value.setInvalidContent(content);
            }
            case ConfluxError.Unauthenticated e ->
                value.setUnauthenticated(
                        LogProto.ErrorValue.Unauthenticated.newBuilder().setMessage(e.message()));
            case ConfluxError.PermissionDenied e ->
                value.setPermissionDenied(LogProto.ErrorValue.PermissionDenied.newBuilder()
                        .setAction(e.action())
                        .setResource(e.resource()));
            case ConfluxError.NotFound e ->
                value.setNotFound(LogProto.ErrorValue.NotFound.newBuilder()
                        .setCode(e.code().number())
                        .setWhat(e.what()));
            case ConfluxError.AlreadyExists e ->
                value.setAlreadyExists(
                        LogProto.ErrorValue.AlreadyExists.newBuilder().setWhat(e.what()));
            case ConfluxError.CasMismatch e ->
                value.setCasMismatch(LogProto.ErrorValue.CasMismatch.newBuilder()
                        .setCounter(number(e.counter()))
                        .setExpected(e.expected())
                        .setActual(e.actual()));
            case ConfluxError.CasRequired e ->
                value.setCasRequired(LogProto.ErrorValue.CasRequired.newBuilder()
                        .setCounter(number(e.counter()))
                        .setActual(e.actual()));
            case ConfluxError.TooLarge e ->
                value.setTooLarge(LogProto.ErrorValue.TooLarge.newBuilder()
                        .setWhat(e.what())
                        .setSize(e.size())
                        .setLimit(e.limit()));
            case ConfluxError.IdempotencyKeyReused e ->
                value.setIdempotencyKeyReused(
                        LogProto.ErrorValue.IdempotencyKeyReused.newBuilder().setKey(e.key()));
            case ConfluxError.IdempotencyExpired e ->
                value.setIdempotencyExpired(
                        LogProto.ErrorValue.IdempotencyExpired.newBuilder().setKey(e.key()));
            case ConfluxError.QuotaExceeded e ->
                value.setQuotaExceeded(LogProto.ErrorValue.QuotaExceeded.newBuilder()
                        .setQuota(e.quota())
                        .setLimit(e.limit()));
            case ConfluxError.RateLimited e ->
                value.setRateLimited(LogProto.ErrorValue.RateLimited.newBuilder()
                        .setWhat(e.what())
                        .setRetryAfterSeconds(e.retryAfterSeconds()));
            case ConfluxError.Unavailable e ->
                value.setUnavailable(LogProto.ErrorValue.Unavailable.newBuilder()
                        .setCode(e.code().number())
                        .setMessage(e.message()));
            case ConfluxError.Indeterminate e -> {
                var indeterminate = LogProto.ErrorValue.Indeterminate.newBuilder();
                if (e.idempotencyKey() != null) {
                    indeterminate.setIdempotencyKey(e.idempotencyKey());
                }
                value.setIndeterminate(indeterminate);
            }
            case ConfluxError.VersionInUse e ->
                value.setVersionInUse(LogProto.ErrorValue.VersionInUse.newBuilder()
                        .setConfigId(e.configId())
                        .setVersionId(e.versionId())
                        .setFate(number(e.fate())));
            case ConfluxError.ConfigInUse e ->
                value.setConfigInUse(LogProto.ErrorValue.ConfigInUse.newBuilder()
                        .setConfigId(e.configId())
                        .setLastFetchedMillis(e.lastFetchedMillis())
                        .setNodes(e.nodes())
                        .setWatchers(e.watchers())
                        .setWindowSeconds(e.windowSeconds())
                        .addAllSilent(e.silent()));
            case ConfluxError.DeliveryConflict e ->
                value.setDeliveryConflict(LogProto.ErrorValue.DeliveryConflict.newBuilder()
                        .setCode(e.code().number())
                        .setMessage(e.message()));
            case ConfluxError.Internal e ->
                value.setInternal(LogProto.ErrorValue.Internal.newBuilder().setMessage(e.message()));
        }
        return value.build();
    }

    static ConfluxError decode(LogProto.ErrorValue value) {
        return switch (value.getErrorCase()) {
            case INVALID_ARGUMENT ->
                new ConfluxError.InvalidArgument(
                        value.getInvalidArgument().getField(),
                        value.getInvalidArgument().getValue(),
                        value.getInvalidArgument().getRule());
            case INVALID_CONTENT ->
                new ConfluxError.InvalidContent(
                        code(value.getInvalidContent().getCode()),
                        value.getInvalidContent().getViolationsList().stream()
                                .map(violation -> new ConfluxError.Violation(
                                        violation.getPath(),
                                        violation.getLine(),
                                        violation.getColumn(),
                                        violation.getRule(),
                                        violation.getMessage()))
                                .toList());
            case UNAUTHENTICATED ->
                new ConfluxError.Unauthenticated(value.getUnauthenticated().getMessage());
            case PERMISSION_DENIED ->
                new ConfluxError.PermissionDenied(
                        value.getPermissionDenied().getAction(),
                        value.getPermissionDenied().getResource());
            case NOT_FOUND ->
                new ConfluxError.NotFound(
                        code(value.getNotFound().getCode()), value.getNotFound().getWhat());
            case ALREADY_EXISTS ->
                new ConfluxError.AlreadyExists(value.getAlreadyExists().getWhat());
            case CAS_MISMATCH ->
                new ConfluxError.CasMismatch(
                        counter(value.getCasMismatch().getCounter()),
                        value.getCasMismatch().getExpected(),
                        value.getCasMismatch().getActual());
            case CAS_REQUIRED ->
                new ConfluxError.CasRequired(
                        counter(value.getCasRequired().getCounter()),
                        value.getCasRequired().getActual());
            case TOO_LARGE ->
                new ConfluxError.TooLarge(
                        value.getTooLarge().getWhat(),
                        value.getTooLarge().getSize(),
                        value.getTooLarge().getLimit());
            case IDEMPOTENCY_KEY_REUSED ->
                new ConfluxError.IdempotencyKeyReused(
                        value.getIdempotencyKeyReused().getKey());
            case IDEMPOTENCY_EXPIRED ->
                new ConfluxError.IdempotencyExpired(
                        value.getIdempotencyExpired().getKey());
            case QUOTA_EXCEEDED ->
                new ConfluxError.QuotaExceeded(
                        value.getQuotaExceeded().getQuota(),
                        value.getQuotaExceeded().getLimit());
            case RATE_LIMITED ->
                new ConfluxError.RateLimited(
                        value.getRateLimited().getWhat(), value.getRateLimited().getRetryAfterSeconds());
            case UNAVAILABLE ->
                new ConfluxError.Unavailable(
                        code(value.getUnavailable().getCode()),
                        value.getUnavailable().getMessage());
            case INDETERMINATE ->
                new ConfluxError.Indeterminate(
                        value.getIndeterminate().hasIdempotencyKey()
                                ? value.getIndeterminate().getIdempotencyKey()
                                : null);
            case VERSION_IN_USE ->
                new ConfluxError.VersionInUse(
                        value.getVersionInUse().getConfigId(),
                        value.getVersionInUse().getVersionId(),
                        fate(value.getVersionInUse().getFate()));
            case CONFIG_IN_USE ->
                new ConfluxError.ConfigInUse(
                        value.getConfigInUse().getConfigId(),
                        value.getConfigInUse().getLastFetchedMillis(),
                        value.getConfigInUse().getNodes(),
                        value.getConfigInUse().getWatchers(),
                        value.getConfigInUse().getWindowSeconds(),
                        value.getConfigInUse().getSilentList());
            case DELIVERY_CONFLICT ->
                new ConfluxError.DeliveryConflict(
                        code(value.getDeliveryConflict().getCode()),
                        value.getDeliveryConflict().getMessage());
            case INTERNAL -> new ConfluxError.Internal(value.getInternal().getMessage());
            case ERROR_NOT_SET -> throw new UnknownCommandException("error: of a kind that this version does not know");
        };
    }

    private static int number(VersionFate fate) {
        return switch (fate) {
            case GOES -> 1;
            case LATEST -> 2;
            case RELEASE_RULE -> 3;
            case ROLLBACK_TARGET -> 4;
            case COUNT -> 5;
            case DAYS -> 6;
            case NO_POLICY -> 7;
            case PLANNED -> 8;
        };
    }

    private static VersionFate fate(int number) {
        for (VersionFate fate : VersionFate.values()) {
            if (number(fate) == number) {
                return fate;
            }
        }
        throw new UnknownCommandException("fate: " + number + " (not known to this version)");
    }

    private static int number(ConfluxError.Counter counter) {
        return switch (counter) {
            case CONTENT -> 1;
            case METADATA -> 2;
            case RELEASES -> 3;
        };
    }

    private static ConfluxError.Counter counter(int number) {
        return switch (number) {
            case 1 -> ConfluxError.Counter.CONTENT;
            case 2 -> ConfluxError.Counter.METADATA;
            case 3 -> ConfluxError.Counter.RELEASES;
            default -> throw new UnknownCommandException("counter: " + number + " (expected: 1 to 3)");
        };
    }

    private static ErrorCode code(int number) {
        for (ErrorCode code : ErrorCode.values()) {
            if (code.number() == number) {
                return code;
            }
        }
        throw new UnknownCommandException("error code: " + number + " (not known to this version)");
    }
}
