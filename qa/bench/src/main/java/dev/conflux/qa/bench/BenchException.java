package dev.conflux.qa.bench;

import org.jspecify.annotations.Nullable;

/** A benchmark could not be run, or its figures would be worth nothing; the message is for a person at a terminal. */
final class BenchException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    BenchException(String message) {
        super(message);
    }

    BenchException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
