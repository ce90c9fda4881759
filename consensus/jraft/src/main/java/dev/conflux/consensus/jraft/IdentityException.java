package dev.conflux.consensus.jraft;

/**
 * This data directory must not run as this member: starting it could lose acknowledged writes or vote twice. The
 * message says what is known and what to do. Never worth a retry.
 */
public final class IdentityException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public IdentityException(String message) {
        super(message);
    }

    public IdentityException(String message, Throwable cause) {
        super(message, cause);
    }
}
