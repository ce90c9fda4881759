package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Labels;
import dev.conflux.core.service.Limits;
import dev.conflux.core.service.WatchFrame;
import dev.conflux.core.service.WatchService;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Server-sent events on {@code GET /api/v1/watch}. One per event loop; called only on it. */
final class WatchStreams {

    /** Keeps proxies and our own idle timeout from closing a quiet stream, and notices a dead one. */
    private static final long HEARTBEAT_MILLIS = 15_000;

    /** Bytes buffered for a stream before its frames wait, bounded, in the watch service. */
    private static final int WRITE_QUEUE_BYTES = 64 * 1024;

    /** A stream carries one subscription. */
    private static final String SUBSCRIPTION_ID = "sse";

    private static final Buffer HEARTBEAT = Buffer.buffer(": heartbeat\n\n");

    private final Vertx vertx;
    private final HttpServices services;
    private final Responder responder;
    private final Blocking blocking;
    private final Set<Stream> streams = new HashSet<>();

    /** Watchers told the same share one frame object, so consecutive writes encode it once. */
    private @Nullable WatchFrame lastFrame;

    private Buffer lastEncoded = Buffer.buffer();

    WatchStreams(Vertx vertx, HttpServices services, Responder responder, Blocking blocking) {
        this.vertx = vertx;
        this.services = services;
        this.responder = responder;
        this.blocking = blocking;
    }

    /** Ends all streams, so that the server can stop. */
    void closeAll() {
        Set.copyOf(streams).forEach(Stream::end);
    }

    void open(Request request, HttpServerRequest http) {
        request.allowQuery(true, "key", "from_revision");
        List<String> keys = request.query().getOrDefault("key", List.of());
        if (!accepts(http.getHeader(HttpHeaders.ACCEPT))) {
            throw Request.refusal("Accept", "no text/event-stream", "text/event-stream");
        }
        Long from = request.queryNumber("from_revision");
        String lastEventId = http.getHeader("Last-Event-ID");
        if (lastEventId != null && !lastEventId.isEmpty()) {
            // A browser that reconnects repeats the address, so what it saw last counts more.
            from = Request.nonNegative("Last-Event-ID", lastEventId);
        }
        var labels = Labels.of(Limits.labels("label", request.queryLabels()));
        var wanted = new WatchService.Request(request.who(), keys, labels, from);
        CompletableFuture<Void> reached = services.watch().reach(from);
        if (reached.isDone()) {
            reached.join();
            begin(wanted, request, http);
            return;
        }
        Context context = blocking.context();
        var _ = reached.whenComplete((_, failure) -> context.runOnContext(_ -> {
            try {
                if (failure != null) {
                    throw failure;
                }
                begin(wanted, request, http);
            } catch (Throwable e) {
                responder.send(http, Responder.failure(e, request.traceId()).local(), request.traceId());
            }
        }));
    }

    private void begin(WatchService.Request wanted, Request request, HttpServerRequest http) {
        if (http.response().closed()) {
            return;
        }
        var stream = new Stream(http, request, blocking.context());
        stream.watch = services.watch().open(wanted, stream::wake);
        stream.begin();
    }

    private static boolean accepts(@Nullable String accept) {
        return accept != null && (accept.contains("text/event-stream") || accept.contains("*/*"));
    }

    /** One client. */
    private final class Stream {
        private final HttpServerResponse response;
        private final HttpVersion version;
        private final Request request;
        private final Context context;
        private final AtomicBoolean drainQueued = new AtomicBoolean();
        private WatchService.@Nullable Watch watch;
        private long heartbeat = -1;
        private boolean ended;
        private boolean begun;

        Stream(HttpServerRequest http, Request request, Context context) {
            this.response = http.response();
            this.version = http.version();
            this.request = request;
            this.context = context;
        }

        void begin() {
            response.setStatusCode(200);
            response.putHeader(HttpHeaders.CONTENT_TYPE, "text/event-stream; charset=utf-8");
            response.putHeader(HttpHeaders.CACHE_CONTROL, "no-store");
            response.putHeader("X-Accel-Buffering", "no");
            response.putHeader(
                    Responder.REVISION, responder.revisionText(services.gate().revision()));
            response.putHeader(Responder.STALENESS, responder.stalenessText());
            response.putHeader(Responder.TRACE_ID, request.traceId());
            if (version != HttpVersion.HTTP_2) {
                response.setChunked(true);
            }
            response.setWriteQueueMaxSize(WRITE_QUEUE_BYTES);
            response.closeHandler(_ -> close());
            response.exceptionHandler(_ -> close());
            response.drainHandler(_ -> drain());
            heartbeat = vertx.setPeriodic(HEARTBEAT_MILLIS, _ -> beat());
            streams.add(this);
            begun = true;
            drain();
        }

        /** From any thread; many wakes make one visit to the event loop. */
        void wake() {
            if (drainQueued.compareAndSet(false, true)) {
                context.runOnContext(_ -> {
                    drainQueued.set(false);
                    drain();
                });
            }
        }

        private void drain() {
            WatchService.Watch open = watch;
            while (begun && !ended && open != null && !response.writeQueueFull()) {
                WatchFrame frame = open.poll();
                if (frame == null) {
                    return;
                }
                response.write(encoded(frame));
                if (frame instanceof WatchFrame.Failed) {
                    end();
                }
            }
        }

        @SuppressWarnings("ReferenceEquality") // Shared frames are the same object; comparing them deeply costs more.
        private Buffer encoded(WatchFrame frame) {
            if (frame != lastFrame) {
                String json = new String(
                        Json.bytes(Wire.frame(SUBSCRIPTION_ID, frame, request.traceId())), StandardCharsets.UTF_8);
                lastEncoded = Buffer.buffer("id: " + frame.revision() + "\ndata: " + json + "\n\n");
                lastFrame = frame;
            }
            return lastEncoded.copy();
        }

        /** Also the moment to see whether the token still holds. */
        private void beat() {
            if (!response.writeQueueFull()) {
                response.write(HEARTBEAT.copy());
            }
            String token = request.token();
            if (token == null || services.authenticator().cached(token) != null) {
                return;
            }
            try {
                blocking.run(() -> services.authenticator().authenticate(token), (_, failure) -> {
                    if (failure instanceof ConfluxException refusal
                            && refusal.error() instanceof ConfluxError.Unauthenticated) {
                        context.runOnContext(_ -> fail(refusal.error()));
                    }
                });
            } catch (ConfluxException overloaded) {
                // The next beat asks again.
            }
        }

        private void fail(ConfluxError error) {
            if (!ended) {
                response.write(encoded(new WatchFrame.Failed(services.gate().revision(), error)));
                end();
            }
        }

        void end() {
            if (!ended) {
                close();
                response.end();
            }
        }

        private void close() {
            if (ended) {
                return;
            }
            ended = true;
            vertx.cancelTimer(heartbeat);
            streams.remove(this);
            if (watch != null) {
                watch.close();
            }
        }
    }
}
