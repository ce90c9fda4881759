package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.service.Freshness;
import dev.conflux.core.service.ReadGate;
import io.netty.buffer.Unpooled;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.internal.buffer.BufferInternal;
import java.util.Arrays;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes answers with the headers that every answer carries. One per event loop; called only on it. */
final class Responder {

    private static final Logger LOG = LoggerFactory.getLogger(Responder.class);

    static final CharSequence REVISION = HttpHeaders.createOptimized("X-Conflux-Revision");
    static final CharSequence STALENESS = HttpHeaders.createOptimized("X-Conflux-Staleness-Ms");
    static final CharSequence LEVEL = HttpHeaders.createOptimized("X-Conflux-Consistency");
    static final CharSequence TRACE_ID = HttpHeaders.createOptimized("X-Trace-Id");
    private static final CharSequence NOSNIFF_NAME = HttpHeaders.createOptimized("X-Content-Type-Options");
    private static final CharSequence NOSNIFF = HttpHeaders.createOptimized("nosniff");

    /** Staleness is nearly always this small. */
    private static final int PREPARED_NUMBERS = 1024;

    private static final String[] NUMBERS = new String[PREPARED_NUMBERS];

    static {
        Arrays.setAll(NUMBERS, Integer::toString);
    }

    private static final CharSequence STALE = HttpHeaders.createOptimized("stale");
    private static final CharSequence FOLLOWER = HttpHeaders.createOptimized("follower");
    private static final CharSequence STRONG = HttpHeaders.createOptimized("strong");
    private static final CharSequence LINEARIZABLE = HttpHeaders.createOptimized("linearizable");

    private final ReadGate gate;
    private long lastRevision = -1;
    private String lastRevisionText = "";

    Responder(ReadGate gate) {
        this.gate = gate;
    }

    /** The same string for the same revision: it changes rarely compared with requests. */
    String revisionText(long revision) {
        if (revision != lastRevision) {
            lastRevision = revision;
            lastRevisionText = Long.toString(revision);
        }
        return lastRevisionText;
    }

    /** Always a number: before a leader has been heard the bound is the largest there is. */
    String stalenessText() {
        long millis = gate.stalenessMillis();
        if (millis >= 0 && millis < PREPARED_NUMBERS) {
            return NUMBERS[(int) millis];
        }
        return Long.toString(millis);
    }

    static CharSequence levelText(Freshness.Level level) {
        return switch (level) {
            case STALE -> STALE;
            case FOLLOWER -> FOLLOWER;
            case STRONG -> STRONG;
            case LINEARIZABLE -> LINEARIZABLE;
        };
    }

    /** Without copying. */
    static Buffer buffer(byte[] bytes) {
        return BufferInternal.buffer(Unpooled.wrappedBuffer(bytes));
    }

    void send(HttpServerRequest request, Reply reply, String traceId) {
        HttpServerResponse response = request.response();
        if (response.ended() || response.closed() || response.headWritten()) {
            return;
        }
        response.setStatusCode(reply.status());
        response.putHeader(REVISION, revisionText(reply.revision() < 0 ? gate.revision() : reply.revision()));
        response.putHeader(TRACE_ID, traceId);
        response.putHeader(NOSNIFF_NAME, NOSNIFF);
        if (reply.localRead()) {
            response.putHeader(STALENESS, stalenessText());
        }
        if (reply.level() != null) {
            response.putHeader(LEVEL, levelText(reply.level()));
        }
        if (reply.contentType() != null) {
            response.putHeader(HttpHeaders.CONTENT_TYPE, reply.contentType());
        }
        for (Reply.Header header : reply.headers()) {
            response.putHeader(header.name(), header.value());
        }
        if (reply.status() == 204 || reply.status() == 304) {
            response.end();
        } else if (request.method().equals(HttpMethod.HEAD)) {
            headOnly(response, reply.body().length);
        } else {
            response.end(buffer(reply.body()));
        }
    }

    /** Ends an answer to HEAD, which says how long the one to GET would be. */
    static void headOnly(HttpServerResponse response, int length) {
        response.putHeader(HttpHeaders.CONTENT_LENGTH, Integer.toString(length));
        response.end();
    }

    /** Whatever went wrong, as a problem. Details of bugs go to the log under the trace id, never to the caller. */
    static Reply failure(Throwable failure, String traceId) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof ConfluxException refusal) {
            if (refusal.error() instanceof ConfluxError.Internal) {
                LOG.error("request_failed trace_id={}", traceId, refusal);
            }
            Reply reply = HttpErrorMapper.reply(refusal.error(), traceId);
            return refusal.replayed() ? reply.with("X-Idempotent-Replay", "true") : reply;
        }
        LOG.error("request_failed trace_id={}", traceId, cause);
        return HttpErrorMapper.reply(
                new ConfluxError.Internal("an internal error; the operator finds it under trace id " + traceId),
                traceId);
    }
}
