package dev.conflux.base.observe;

import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Spans, for whoever has put an OpenTelemetry SDK into the process (the Java agent, say). Without one it is {@link #on
 * off}, and then nobody should do anything for it. Any thread.
 */
public final class Tracing {

    /** Spans begun per second and process: a picture of what happens, never a load. */
    static final int MAX_SPANS_PER_SECOND = 100;

    private static final String SCOPE = "dev.conflux";

    private final @Nullable Tracer tracer;
    private final AtomicLong second = new AtomicLong(Long.MIN_VALUE);
    private final AtomicInteger begun = new AtomicInteger();

    private Tracing(@Nullable Tracer tracer) {
        this.tracer = tracer;
    }

    /** Never does anything. */
    public static Tracing off() {
        return new Tracing(null);
    }

    /** Through what the process has been started with; off when that is nothing. */
    public static Tracing ofProcess() {
        return of(GlobalOpenTelemetry.get());
    }

    /** Off when {@code openTelemetry} does nothing. */
    public static Tracing of(OpenTelemetry openTelemetry) {
        Tracer given = openTelemetry.getTracer(SCOPE);
        Class<?> nothing = OpenTelemetry.noop().getTracer(SCOPE).getClass();
        return new Tracing(given.getClass().equals(nothing) ? null : given);
    }

    public boolean on() {
        return tracer != null;
    }

    /**
     * Begins a span; null when off, not sampled or over the bound.
     *
     * @param traceId of the request, 32 hex digits; the span of a library or agent around us counts more
     */
    public @Nullable Open begin(String name, String traceId) {
        Tracer current = tracer;
        if (current == null || !withinBound()) {
            return null;
        }
        Context around = Context.current();
        Context parent = Span.fromContext(around).getSpanContext().isValid()
                ? around
                : remote(traceId, Long.parseUnsignedLong(traceId, traceId.length() / 2, traceId.length(), 16) | 1);
        Span span = current.spanBuilder(name).setParent(parent).startSpan();
        if (!span.isRecording()) {
            return null;
        }
        return new Open(span);
    }

    /**
     * Tells of something that is over.
     *
     * @param parentSpanId of {@link Open#spanId}, perhaps on another node
     * @param beginMillis Unix time
     * @param endMillis Unix time
     * @param logIndex attribute {@code conflux.log_index}
     * @param batch attribute {@code conflux.batch_size}
     */
    public void record(
            String name,
            String traceId,
            long parentSpanId,
            long beginMillis,
            long endMillis,
            long logIndex,
            int batch) {
        Tracer current = tracer;
        if (current == null) {
            return;
        }
        Span span = current.spanBuilder(name)
                .setParent(remote(traceId, parentSpanId))
                .setStartTimestamp(beginMillis, TimeUnit.MILLISECONDS)
                .startSpan();
        span.setAttribute("conflux.log_index", logIndex);
        span.setAttribute("conflux.batch_size", batch);
        span.end(Math.max(beginMillis, endMillis), TimeUnit.MILLISECONDS);
    }

    private static Context remote(String traceId, long spanId) {
        return Context.root()
                .with(Span.wrap(SpanContext.createFromRemoteParent(
                        traceId, hex(spanId), TraceFlags.getSampled(), TraceState.getDefault())));
    }

    private static String hex(long spanId) {
        String digits = Long.toHexString(spanId);
        return "0".repeat(16 - digits.length()) + digits;
    }

    private boolean withinBound() {
        long now = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime());
        if (second.getAndSet(now) != now) {
            begun.set(0);
        }
        return begun.incrementAndGet() <= MAX_SPANS_PER_SECOND;
    }

    /** A span under way. Close it once. */
    public static final class Open implements AutoCloseable {

        private final Span span;

        private Open(Span span) {
            this.span = span;
        }

        /** What a span on another node names as its parent; never 0. */
        public long spanId() {
            return Long.parseUnsignedLong(span.getSpanContext().getSpanId(), 16);
        }

        /** The trace that it belongs to, 32 hex digits. */
        public String traceId() {
            return span.getSpanContext().getTraceId();
        }

        public void failed(String why) {
            span.setStatus(StatusCode.ERROR, why);
        }

        @Override
        public void close() {
            span.end();
        }
    }
}
