package dev.conflux.protocol.http;

import dev.conflux.base.observe.Metrics;
import dev.conflux.base.observe.TraceIds;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Principal;
import dev.conflux.core.service.FetchService;
import dev.conflux.core.service.FetchService.Fetched;
import dev.conflux.core.service.Freshness;
import io.micrometer.core.instrument.Timer;
import io.vertx.core.Context;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /api/v1/fetch/config/…}: the hot path. With a token seen before, hot content and the default consistency,
 * everything happens on the event loop in one go. What must wait or compute goes to a virtual thread and comes back.
 *
 * <p>One per event loop; called only on it.
 */
final class FetchHandler {

    static final String PREFIX = "/api/v1/fetch/config/";
    private static final String BEARER = "Bearer ";

    private static final CharSequence IF_NONE_MATCH = HttpHeaders.createOptimized("if-none-match");
    private static final CharSequence CONSISTENCY = HttpHeaders.createOptimized("x-conflux-consistency");
    private static final CharSequence MIN_REVISION = HttpHeaders.createOptimized("x-conflux-min-revision");
    private static final CharSequence MAX_STALENESS = HttpHeaders.createOptimized("x-conflux-max-staleness-ms");
    private static final CharSequence TRACEPARENT = HttpHeaders.createOptimized("traceparent");

    private final HttpServices services;
    private final FetchService fetch;
    private final Responder responder;
    private final Blocking blocking;
    private final FetchHeaders headers;
    private final HeadBytes head = new HeadBytes();
    private final Measured measured;

    FetchHandler(HttpServices services, Responder responder, Blocking blocking) {
        this.services = services;
        this.fetch = services.fetch();
        this.responder = responder;
        this.blocking = blocking;
        this.headers = new FetchHeaders(responder);
        this.measured = new Measured(services.metrics());
    }

    /** How long fetches took, until the answer was handed to the socket. */
    static final class Measured {

        private final Timer served;
        private final Timer notModified;
        private final Timer refused;

        Measured(Metrics metrics) {
            served = timer(metrics, "served");
            notModified = timer(metrics, "not_modified");
            refused = timer(metrics, "refused");
        }

        private static Timer timer(Metrics metrics, String result) {
            return metrics.timer(
                    "conflux_fetch",
                    "Fetches of one config, until the answer is handed to the socket",
                    "result",
                    result);
        }

        void served(long startNanos) {
            record(served, startNanos);
        }

        void notModified(long startNanos) {
            record(notModified, startNanos);
        }

        void refused(long startNanos) {
            record(refused, startNanos);
        }

        private static void record(Timer timer, long startNanos) {
            timer.record(System.nanoTime() - startNanos, TimeUnit.NANOSECONDS);
        }
    }

    /** Lets the same be answered on a shorter way, as {@link FetchShortcut} tells. */
    void shorten(HttpConnection connection) {
        FetchShortcut.install(connection, services, measured, headers, head);
    }

    /** One fetch under way. */
    private record Fetch(
            HttpServerRequest request,
            String path,
            Labels labels,
            Freshness freshness,
            String traceId,
            long startNanos) {}

    /**
     * Only for GET and HEAD.
     *
     * @param uri path and query, starting with {@link #PREFIX}
     */
    void handle(HttpServerRequest request, String uri) {
        long start = System.nanoTime();
        MultiMap headers = request.headers();
        String traceId = TraceIds.continuing(headers.get(TRACEPARENT));
        try {
            if (uri.indexOf('?') >= 0) {
                throw Request.refusal("query", "given", "no query: labels are headers, X-Client-Label-<Key>");
            }
            String token = token(headers);
            Freshness freshness =
                    Request.freshness(headers.get(CONSISTENCY), headers.get(MIN_REVISION), headers.get(MAX_STALENESS));
            var current = new Fetch(request, path(uri), ClientLabels.of(headers), freshness, traceId, start);
            Principal principal =
                    token == null ? null : services.authenticator().cached(token);
            if (principal != null && services.gate().isOpen(freshness)) {
                serve(current, principal);
            } else {
                serveLater(current, token);
            }
        } catch (RuntimeException e) {
            fail(request, traceId, start, e);
        }
    }

    /** The same through the table of routes, which has authenticated already. */
    void handleRouted(Request routed, HttpServerRequest request) {
        handle(request, routed.target());
    }

    private static String path(String uri) {
        String path = uri.substring(PREFIX.length());
        String decoded = Paths.decoded(path);
        if (decoded == null) {
            throw Request.refusal("path", path, Dispatcher.PATH_RULE);
        }
        return decoded;
    }

    static @Nullable String token(MultiMap headers) {
        return token(headers.get(HttpHeaders.AUTHORIZATION));
    }

    /** The token in an {@code Authorization} header; null when it holds none. */
    static @Nullable String token(@Nullable String authorization) {
        return authorization != null && authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())
                ? authorization.substring(BEARER.length())
                : null;
    }

    private void serveLater(Fetch current, @Nullable String token) {
        Context context = blocking.context();
        blocking.run(
                () -> {
                    Principal principal = Dispatcher.authenticate(services, token);
                    services.gate().await(current.freshness);
                    return principal;
                },
                (principal, failure) -> context.runOnContext(_ -> {
                    if (principal == null || failure != null) {
                        fail(current.request, current.traceId, current.startNanos, Blocking.orUnknown(failure));
                    } else {
                        serveOrFail(current, principal);
                    }
                }));
    }

    private void serveOrFail(Fetch current, Principal principal) {
        try {
            serve(current, principal);
        } catch (RuntimeException e) {
            fail(current.request, current.traceId, current.startNanos, e);
        }
    }

    private void serve(Fetch current, Principal principal) {
        Fetched fetched = fetch.fetch(principal, current.path, current.labels);
        String ifNoneMatch = current.request.headers().get(IF_NONE_MATCH);
        if (ifNoneMatch != null && ETags.matches(ifNoneMatch, fetched.etag())) {
            HttpServerResponse response = current.request.response().setStatusCode(304);
            headers.state(response::putHeader, fetched, current.freshness.level(), current.traceId);
            response.end();
            measured.notModified(current.startNanos);
            return;
        }
        byte[] content = fetched.cachedContent();
        if (content != null) {
            write(current, fetched, content);
            return;
        }
        Context context = blocking.context();
        blocking.run(
                () -> fetch.content(fetched),
                (bytes, failure) -> context.runOnContext(_ -> {
                    if (bytes == null || failure != null) {
                        fail(current.request, current.traceId, current.startNanos, Blocking.orUnknown(failure));
                    } else {
                        write(current, fetched, bytes);
                    }
                }));
    }

    private void write(Fetch current, Fetched fetched, byte[] content) {
        HttpServerResponse response = current.request.response();
        if (response.closed()) {
            return;
        }
        FetchHeaders.Sink sink = response::putHeader;
        headers.state(sink, fetched, current.freshness.level(), current.traceId);
        headers.content(sink, fetched);
        if (current.request.method().equals(HttpMethod.HEAD)) {
            Responder.headOnly(response, content.length);
        } else {
            response.end(Responder.buffer(content));
        }
        measured.served(current.startNanos);
    }

    private void fail(HttpServerRequest request, String traceId, long start, Throwable failure) {
        responder.send(request, Responder.failure(failure, traceId).local(), traceId);
        measured.refused(start);
    }
}
