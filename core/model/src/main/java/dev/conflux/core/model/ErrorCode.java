package dev.conflux.core.model;

/** Stable names of refusals. Never renamed, never reused; {@code number} is what the log stores. */
public enum ErrorCode {
    INVALID_ARGUMENT(1),
    SCHEMA_VIOLATION(2),
    MALFORMED_CONTENT(3),
    UNAUTHENTICATED(4),
    PERMISSION_DENIED(5),
    CONFIG_NOT_FOUND(6),
    VERSION_NOT_FOUND(7),
    NO_MATCHING_RELEASE(8),
    ALREADY_EXISTS(9),
    CAS_MISMATCH(10),
    CAS_REQUIRED(11),
    VERSION_IN_USE(12),
    PROPOSAL_PENDING(13),
    MEMBERSHIP_CHANGE_IN_PROGRESS(14),
    CONFIG_TOO_LARGE(15),
    IDEMPOTENCY_KEY_REUSED(16),
    QUOTA_EXCEEDED(17),
    RATE_LIMITED(18),
    NO_LEADER(19),
    NO_QUORUM(20),
    METADATA_UNAVAILABLE(21),
    KMS_UNAVAILABLE(22),
    NOT_CAUGHT_UP(23),
    INDETERMINATE(24),
    NOT_FOUND(25),
    OVERLOADED(26),
    INTERNAL(27),
    IDEMPOTENCY_EXPIRED(28),
    OPERATION_REFUSED(30),
    FEATURE_NOT_ENABLED(31),
    STORAGE_FULL(40),
    CONFIG_IN_USE(45),
    ROLLOUT_IN_PROGRESS(60),
    SCHEDULE_NOT_PENDING(61),
    SCHEDULE_NOT_DUE(62),
    ROLLOUT_STATE_CONFLICT(63);

    private final int number;

    ErrorCode(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }
}
