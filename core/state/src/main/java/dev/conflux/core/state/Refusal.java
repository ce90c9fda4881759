package dev.conflux.core.state;

import dev.conflux.core.model.ConfluxError;
import java.io.Serial;

/** Leaves an applier with a refusal. Without a stack trace: it is an answer, not a fault. */
final class Refusal extends RuntimeException {

    @Serial
    private static final long serialVersionUID = 1L;

    private final transient ConfluxError error;

    Refusal(ConfluxError error) {
        super(null, null, false, false);
        this.error = error;
    }

    ConfluxError error() {
        return error;
    }
}
