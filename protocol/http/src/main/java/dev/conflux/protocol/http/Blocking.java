package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Semaphore;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Runs what may block on virtual threads, so many at a time and no more. Shared by all event loops. */
final class Blocking {

    private final Vertx vertx;
    private final ExecutorService executor;
    private final Semaphore permits;

    Blocking(Vertx vertx, ExecutorService executor, Semaphore permits) {
        this.vertx = vertx;
        this.executor = executor;
        this.permits = permits;
    }

    Context context() {
        return vertx.getOrCreateContext();
    }

    /**
     * Runs {@code work} and hands its value or failure to {@code then}, on the same virtual thread.
     *
     * @throws ConfluxException when too much is running already
     */
    <T> void run(Supplier<T> work, BiConsumer<@Nullable T, @Nullable Throwable> then) {
        if (!permits.tryAcquire()) {
            throw new ConfluxException(new ConfluxError.Unavailable(
                    ErrorCode.OVERLOADED, "this node works on its limit of requests (retry after a pause)"));
        }
        executor.execute(() -> {
            T value;
            try {
                value = work.get();
            } catch (Throwable failure) { // Errors too: the caller must hear of it, and the log does.
                permits.release();
                then.accept(null, failure);
                return;
            }
            permits.release();
            then.accept(value, null);
        });
    }

    static Throwable orUnknown(@Nullable Throwable failure) {
        return failure == null ? new IllegalStateException("no value and no failure") : failure;
    }
}
