package dev.conflux.qa.chaos;

import org.jspecify.annotations.Nullable;

/** The harness itself could not do what it should: not a verdict about the product. */
final class ChaosException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    ChaosException(String message) {
        super(message);
    }

    ChaosException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
