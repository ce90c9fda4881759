package dev.conflux.tool.local;

import org.jspecify.annotations.Nullable;

/** The local cluster could not do what was asked; the message is for a person at a terminal. */
public final class LocalException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public LocalException(String message) {
        super(message);
    }

    public LocalException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
