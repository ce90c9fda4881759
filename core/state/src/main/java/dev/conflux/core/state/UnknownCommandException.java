package dev.conflux.core.state;

/**
 * Bytes that this version cannot read: written by a newer version, or damaged. Out of {@code apply} it stops the node
 * before it touches anything of the batch: skipping what others apply would be divergence.
 */
public final class UnknownCommandException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public UnknownCommandException(String message) {
        super(message);
    }

    public UnknownCommandException(String message, Throwable cause) {
        super(message, cause);
    }
}
