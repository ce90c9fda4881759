package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/** Carries a {@link ConfluxError} through code that cannot return it. */
public final class ConfluxException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient ConfluxError error;

    public ConfluxException(ConfluxError error) {
        this(error, null);
    }

    public ConfluxException(ConfluxError error, @Nullable Throwable cause) {
        super(error.code() + ": " + error.message(), cause);
        this.error = error;
    }

    public ConfluxError error() {
        return error;
    }
}
