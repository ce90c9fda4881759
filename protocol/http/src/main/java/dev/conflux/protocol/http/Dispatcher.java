package dev.conflux.protocol.http;

import dev.conflux.base.observe.TraceIds;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Text;
import dev.conflux.core.service.Action;
import dev.conflux.core.service.Freshness;
import io.micrometer.core.instrument.Timer;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.vertx.core.Context;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Everything but the hot path: finds the route, then in this order limits, token, body, freshness, handler. One per
 * event loop; called only on it.
 */
final class Dispatcher {

    static final String PATH_RULE = "nothing percent-encoded but letters, digits, '-', '.', '_'";

    private static final Request EMPTY_PARTS =
            new Request("", "", Map.of(), Map.of(), MultiMap.caseInsensitiveMultiMap(), new byte[0], "", null, null);

    /** Whoever sits at the machine; only {@link Access.Local} routes know it. */
    private static final Principal LOCAL_OPERATOR = new Principal(0, "local-operator", true);

    private static final Set<HttpMethod> WITH_BODY = Set.of(HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH);

    private final Vertx vertx;
    private final HttpServices services;
    private final Route.Table routes;
    private final Responder responder;
    private final Blocking blocking;
    private final Map<String, Timer> timers = new HashMap<>();

    Dispatcher(Vertx vertx, HttpServices services, Route.Table routes, Responder responder, Blocking blocking) {
        this.vertx = vertx;
        this.services = services;
        this.routes = routes;
        this.responder = responder;
        this.blocking = blocking;
    }

    /** One request under way. */
    private record Exchange(
            HttpServerRequest http,
            Context context,
            String traceId,
            String target,
            String route,
            boolean localRead,
            long startNanos) {}

    void handle(HttpServerRequest http) {
        String traceId = TraceIds.continuing(http.getHeader("traceparent"));
        String target = Paths.target(http);
        int query = target.indexOf('?');
        String path = query < 0 ? target : target.substring(0, query);
        String decoded = Paths.decoded(path);
        Route.Table.Match match = decoded == null ? null : routes.find(decoded);
        Route route = match == null ? null : route(match, http.method());
        var exchange = new Exchange(
                http,
                blocking.context(),
                traceId,
                target,
                route == null ? "unmatched" : route.template(),
                route != null && readsLocally(route),
                System.nanoTime());
        if (decoded == null) {
            send(
                    exchange,
                    HttpErrorMapper.reply(
                            new ConfluxError.InvalidArgument("path", Text.excerpt(path), PATH_RULE), traceId));
        } else if (match == null) {
            send(exchange, HttpErrorMapper.transport(404, "NOT_FOUND", "nothing is at this path", traceId));
        } else if (route == null) {
            var allowed = new TreeSet<>(Set.of(HttpMethod.OPTIONS.name()));
            match.routes().keySet().forEach(method -> allowed.add(method.name()));
            if (route(match, HttpMethod.HEAD) != null) {
                allowed.add(HttpMethod.HEAD.name());
            }
            if (http.method().equals(HttpMethod.OPTIONS)) {
                send(exchange, Reply.empty(204).with("Allow", String.join(", ", allowed)));
                return;
            }
            send(
                    exchange,
                    HttpErrorMapper.transport(
                                    405,
                                    "METHOD_NOT_ALLOWED",
                                    http.method().name() + " is not allowed here (expected: " + allowed + ")",
                                    traceId)
                            .with("Allow", String.join(", ", allowed)));
        } else {
            start(exchange, route, match.parameters());
        }
    }

    /** HEAD is answered wherever GET is, but for the endless. */
    private static @Nullable Route route(Route.Table.Match match, HttpMethod method) {
        Route route = match.routes().get(method);
        if (route != null || !method.equals(HttpMethod.HEAD)) {
            return route;
        }
        Route get = match.routes().get(HttpMethod.GET);
        return get != null
                        && (get.endpoint() instanceof Route.Endpoint.Blocking
                                || get.template().startsWith(FetchHandler.PREFIX))
                ? get
                : null;
    }

    /** Its refusals, too, say how old the state was that they were decided on. */
    private static boolean readsLocally(Route route) {
        return route.method().equals(HttpMethod.GET)
                && (route.access() instanceof Access.Requires || route.access() instanceof Access.Local);
    }

    private void start(Exchange exchange, Route route, Map<String, String> parameters) {
        try {
            HttpServerRequest http = exchange.http;
            Map<String, List<String>> query = query(exchange.target);
            String token = FetchHandler.token(http.headers());
            var head = new Request(
                    http.method().name(),
                    exchange.target,
                    parameters,
                    query,
                    http.headers(),
                    EMPTY_PARTS.body(),
                    exchange.traceId,
                    token,
                    null);
            if (route.access() instanceof Access.Public) {
                readBody(exchange, body -> run(exchange, route, complete(head, body, null)));
                return;
            }
            Principal known = token != null
                    ? services.authenticator().cached(token)
                    : route.access() instanceof Access.Local ? LOCAL_OPERATOR : null;
            if (known != null) {
                readBody(exchange, body -> run(exchange, route, complete(head, body, known)));
                return;
            }
            http.pause();
            blocking.run(
                    () -> authenticate(services, token),
                    (principal, failure) -> exchange.context.runOnContext(_ -> {
                        http.resume();
                        if (principal == null || failure != null) {
                            fail(exchange, Blocking.orUnknown(failure));
                        } else {
                            readBody(exchange, body -> run(exchange, route, complete(head, body, principal)));
                        }
                    }));
        } catch (RuntimeException e) {
            fail(exchange, e);
        }
    }

    static Principal authenticate(HttpServices services, @Nullable String token) {
        if (token == null) {
            throw new ConfluxException(new ConfluxError.Unauthenticated(
                    "no bearer token (log in with POST /api/v1/auth/login, then send Authorization: Bearer <token>)"));
        }
        Principal cached = services.authenticator().cached(token);
        return cached != null ? cached : services.authenticator().authenticate(token);
    }

    private static Request complete(Request head, byte[] body, @Nullable Principal principal) {
        return new Request(
                head.method(),
                head.target(),
                head.parameters(),
                head.query(),
                head.headers(),
                body,
                head.traceId(),
                head.token(),
                principal);
    }

    private static Map<String, List<String>> query(String uri) {
        int start = uri.indexOf('?');
        if (start < 0) {
            return Map.of();
        }
        try {
            return new QueryStringDecoder(
                            uri.substring(start), StandardCharsets.UTF_8, true, HttpLimits.MAX_QUERY_PARAMETERS)
                    .parameters();
        } catch (IllegalArgumentException e) {
            throw Request.refusal("query", "malformed percent-encoding", "a well-formed query");
        }
    }

    /** Collects a bounded body within a bounded time, then goes on. */
    private void readBody(Exchange exchange, Consumer<byte[]> then) {
        HttpServerRequest http = exchange.http;
        if (!WITH_BODY.contains(http.method())) {
            then.accept(EMPTY_PARTS.body());
            return;
        }
        String declared = http.getHeader("Content-Length");
        if (declared != null && tooLarge(declared)) {
            refuseBody(exchange);
            return;
        }
        if (expectsContinue(http)) {
            http.response()
                    .writeContinue(); // Only now: whoever may not write need not send what it would have written.
        }
        var collected = Buffer.buffer();
        var done = new boolean[1];
        long timer = vertx.setTimer(HttpLimits.BODY_MILLIS, _ -> {
            if (!done[0]) {
                done[0] = true;
                send(
                        exchange,
                        HttpErrorMapper.transport(
                                        408, "REQUEST_TIMEOUT", "the body did not arrive in time", exchange.traceId)
                                .with("Connection", "close"));
                closeAfterAnswer(http);
            }
        });
        http.handler(chunk -> {
            if (done[0]) {
                return;
            }
            if (collected.length() + chunk.length() > HttpLimits.MAX_BODY_BYTES) {
                done[0] = true;
                vertx.cancelTimer(timer);
                refuseBody(exchange);
                return;
            }
            collected.appendBuffer(chunk);
        });
        http.exceptionHandler(_ -> {
            done[0] = true;
            vertx.cancelTimer(timer);
        });
        http.endHandler(_ -> {
            vertx.cancelTimer(timer);
            if (!done[0]) {
                done[0] = true;
                then.accept(collected.getBytes());
            }
        });
    }

    private static boolean expectsContinue(HttpServerRequest http) {
        return http.version() != HttpVersion.HTTP_1_0 && "100-continue".equalsIgnoreCase(http.getHeader("Expect"));
    }

    /**
     * Refused before its body was read, a request must not go on sending for ever. One that waits to be told to go on
     * may send its body all the same, or not: nobody could tell it from the next request (RFC 9110 §10.1.1).
     */
    private static boolean hasEndlessBody(HttpServerRequest http) {
        if (expectsContinue(http)) {
            return true;
        }
        String length = http.getHeader("Content-Length");
        return length == null ? http.getHeader("Transfer-Encoding") != null : tooLarge(length);
    }

    private static boolean tooLarge(String contentLength) {
        try {
            return Long.parseLong(contentLength) > HttpLimits.MAX_BODY_BYTES;
        } catch (NumberFormatException e) {
            return true;
        }
    }

    private void refuseBody(Exchange exchange) {
        send(
                exchange,
                HttpErrorMapper.reply(
                        new ConfluxError.TooLarge("body", HttpLimits.MAX_BODY_BYTES + 1L, HttpLimits.MAX_BODY_BYTES),
                        exchange.traceId));
        if (exchange.http.version() == HttpVersion.HTTP_2) {
            closeAfterAnswer(exchange.http);
        }
    }

    /** The rest of the body is not worth reading. */
    private void closeAfterAnswer(HttpServerRequest http) {
        if (http.version() == HttpVersion.HTTP_2) {
            http.response().reset(0x8); // CANCEL, RFC 9113 §7; the answer has been sent already.
        } else {
            // Not at once: closing with unread input resets the connection and may take the answer with it.
            vertx.setTimer(HttpLimits.LINGER_MILLIS, _ -> http.connection().close());
        }
    }

    private void run(Exchange exchange, Route route, Request request) {
        try {
            switch (route.endpoint()) {
                case Route.Endpoint.Streaming(Route.StreamHandler handler) -> handler.open(request, exchange.http);
                case Route.Endpoint.Blocking(var handler) ->
                    blocking.run(
                            () -> {
                                Freshness.Level level = awaitFreshness(route, request);
                                try {
                                    return handler.apply(request).at(level);
                                } catch (RuntimeException e) {
                                    return Responder.failure(e, exchange.traceId)
                                            .at(level);
                                }
                            },
                            (reply, failure) -> {
                                Reply answer = reply != null && failure == null
                                        ? reply
                                        : Responder.failure(Blocking.orUnknown(failure), exchange.traceId);
                                exchange.context.runOnContext(_ -> send(exchange, answer));
                            });
            }
        } catch (RuntimeException e) {
            fail(exchange, e);
        }
    }

    /** On reads of replicated state, the level that is met; null on others, and on writes: the log orders them. */
    private Freshness.@Nullable Level awaitFreshness(Route route, Request request) {
        if (!(route.method().equals(HttpMethod.GET)
                && route.access() instanceof Access.Requires(Action action)
                && action != Action.ADMIN)) {
            return null;
        }
        Freshness freshness = Request.freshness(
                request.headers().get("X-Conflux-Consistency"),
                request.headers().get("X-Conflux-Min-Revision"),
                request.headers().get("X-Conflux-Max-Staleness-Ms"));
        services.gate().await(freshness);
        return freshness.level();
    }

    private void fail(Exchange exchange, Throwable failure) {
        send(exchange, Responder.failure(failure, exchange.traceId));
    }

    private void send(Exchange exchange, Reply reply) {
        HttpServerRequest http = exchange.http;
        boolean endless = http.version() != HttpVersion.HTTP_2 && !http.isEnded() && hasEndlessBody(http);
        Reply closing = endless ? reply.with("Connection", "close") : reply;
        responder.send(http, exchange.localRead ? closing.local() : closing, exchange.traceId);
        if (endless) {
            closeAfterAnswer(http);
        }
        timer(exchange, reply.status()).record(System.nanoTime() - exchange.startNanos, TimeUnit.NANOSECONDS);
    }

    private Timer timer(Exchange exchange, int status) {
        String method = exchange.http.method().name();
        String key = method + exchange.route + status;
        Timer timer = timers.get(key);
        if (timer == null) {
            boolean unmatched = exchange.route.equals("unmatched");
            timer = services.metrics()
                    .timer(
                            "conflux_http_requests",
                            "Requests by route, until the answer is handed to the socket",
                            "method",
                            unmatched ? "any" : method,
                            "path",
                            exchange.route,
                            "status",
                            Integer.toString(status));
            // Methods are invented by callers: only matched routes have few of them.
            if (!unmatched) {
                timers.put(key, timer);
            }
        }
        return timer;
    }
}
