package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/** Carries a {@link ConfluxError} through code that cannot return it. */
public final class ConfluxException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient ConfluxError error;
    private final boolean replayed;

    public ConfluxException(ConfluxError error) {
        this(error, null);
    }

    public ConfluxException(ConfluxError error, @Nullable Throwable cause) {
        this(error, cause, false);
    }

    private ConfluxException(ConfluxError error, @Nullable Throwable cause, boolean replayed) {
        super(error.code() + ": " + error.message(), cause);
        this.error = error;
        this.replayed = replayed;
    }

    /** Of a command that the log refused, now or at its first attempt. */
    public static ConfluxException of(Outcome.Rejected rejected) {
        return new ConfluxException(rejected.error(), null, rejected.replayed());
    }

    /** True when this refusal is the stored answer of an earlier request with the same idempotency key. */
    public boolean replayed() {
        return replayed;
    }

    public ConfluxError error() {
        return error;
    }
}
