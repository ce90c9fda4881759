package dev.conflux.protocol.http;

import dev.conflux.base.observe.TraceIds;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.PemKeyCertOptions;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The HTTP listeners: clients on one port, shared by several server instances with an event loop each; operators on
 * another.
 */
public final class HttpProtocol implements AutoCloseable {

    /** Both loops and threads are idle long before; only a bug takes this long. */
    private static final long STOP_SECONDS = 10;

    private static final Set<String> TLS_VERSIONS = Set.of("TLSv1.3", "TLSv1.2");

    private final Vertx vertx;
    private final HttpServerConfig config;
    private final HttpServices services;
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final Semaphore permits = new Semaphore(HttpLimits.MAX_BLOCKING_REQUESTS);
    private final AtomicInteger connections = new AtomicInteger();
    private volatile int port = -1;
    private volatile int opsPort = -1;

    private HttpProtocol(Vertx vertx, HttpServerConfig config, HttpServices services) {
        this.vertx = vertx;
        this.config = config;
        this.services = services;
    }

    /**
     * Binds and serves. Blocks until it does; not to be called on an event loop.
     *
     * @param vertx stays the caller's
     * @param services must outlive the protocol
     */
    public static HttpProtocol start(Vertx vertx, HttpServerConfig config, HttpServices services) {
        var protocol = new HttpProtocol(vertx, config, services);
        try {
            protocol.deploy();
        } catch (RuntimeException e) {
            protocol.close();
            throw e;
        }
        services.metrics().gauge("conflux_http_connections", "Open client connections", protocol.connections::get);
        services.metrics()
                .gauge(
                        "conflux_watches",
                        "Open watches on this node",
                        () -> services.watch().watches());
        services.metrics()
                .gauge(
                        "conflux_revision",
                        "Cluster revision applied here",
                        () -> services.gate().revision());
        return protocol;
    }

    private void deploy() {
        // To Vert.x a negative port is a free one, shared by whoever names the same; with 0 each would get its own.
        port = bind(this::clientInstance, config.port() == 0 ? -1 : config.port(), config.instances());
        if (config.opsPort() >= 0) {
            opsPort = bind(this::opsInstance, config.opsPort() == 0 ? -2 : config.opsPort(), 1);
        }
    }

    private interface InstanceFactory {
        Instance create(int bindPort);
    }

    private int bind(InstanceFactory factory, int bindPort, int instances) {
        var bound = new AtomicInteger(bindPort);
        Supplier<Instance> supplier = () -> {
            Instance instance = factory.create(bindPort);
            instance.onBound = bound::set;
            return instance;
        };
        await(vertx.deployVerticle(supplier, new DeploymentOptions().setInstances(instances)));
        return bound.get();
    }

    private Instance clientInstance(int bindPort) {
        return new Instance(config.host(), bindPort, false);
    }

    private Instance opsInstance(int bindPort) {
        return new Instance(config.opsHost(), bindPort, true);
    }

    /** The client port in use. */
    public int port() {
        return port;
    }

    /** The ops port in use; -1 without one. */
    public int opsPort() {
        return opsPort;
    }

    /** Stops accepting, ends watches, lets requests in flight finish, bounded. Idempotent. */
    @Override
    public void close() {
        for (String deployment : Set.copyOf(vertx.deploymentIDs())) {
            if (deployments.remove(deployment)) {
                await(vertx.undeploy(deployment).otherwiseEmpty());
            }
        }
        executor.shutdown();
        try {
            if (!executor.awaitTermination(STOP_SECONDS, TimeUnit.SECONDS)) {
                executor.shutdownNow();
            }
        } catch (InterruptedException e) {
            executor.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }

    private final Set<String> deployments = ConcurrentHashMap.newKeySet();

    private static <T> T await(Future<T> future) {
        return future.toCompletionStage().toCompletableFuture().join();
    }

    private HttpServerOptions options(String host, int bindPort) {
        var options = new HttpServerOptions()
                .setHost(host)
                .setPort(bindPort)
                .setTcpNoDelay(true)
                .setAcceptBacklog(1024)
                .setIdleTimeout(HttpLimits.IDLE_SECONDS)
                .setMaxInitialLineLength(HttpLimits.MAX_LINE_BYTES)
                .setMaxHeaderSize(HttpLimits.MAX_HEADER_BYTES)
                .setHandle100ContinueAutomatically(false)
                .setCompressionSupported(false)
                .setDecompressionSupported(false)
                .setHttp2ClearTextEnabled(true);
        options.getInitialSettings()
                .setMaxConcurrentStreams(HttpLimits.MAX_STREAMS_PER_CONNECTION)
                .setMaxHeaderListSize(HttpLimits.MAX_HEADER_BYTES);
        HttpServerConfig.Tls tls = config.tls();
        if (tls != null) {
            options.setSsl(true)
                    .setUseAlpn(true)
                    .setEnabledSecureTransportProtocols(TLS_VERSIONS)
                    .setKeyCertOptions(new PemKeyCertOptions()
                            .setCertPath(tls.certificateChain().toString())
                            .setKeyPath(tls.privateKey().toString()));
        }
        return options;
    }

    /** One server instance on one event loop. */
    private final class Instance extends VerticleBase {
        private final String host;
        private final int bindPort;
        private final boolean ops;
        private Consumer<Integer> onBound = _ -> {};
        private Optional<HttpServer> server = Optional.empty();
        private Optional<WatchStreams> watches = Optional.empty();

        Instance(String host, int bindPort, boolean ops) {
            this.host = host;
            this.bindPort = bindPort;
            this.ops = ops;
        }

        @Override
        public Future<?> start() {
            deployments.add(deploymentID());
            var responder = new Responder(services.gate());
            var blocking = new Blocking(vertx, executor, permits);
            var fetch = new FetchHandler(services, responder, blocking);
            var streams = new WatchStreams(vertx, services, responder, blocking);
            watches = Optional.of(streams);
            Route.Table table = ops
                    ? Routes.operations(services, config.opsOnLoopback())
                    : Routes.client(services, fetch, streams, config.opsOnMainPort());
            var dispatcher = new Dispatcher(vertx, services, table, responder, blocking);
            HttpServer created = vertx.createHttpServer(options(host, bindPort))
                    .requestHandler(ops ? dispatcher::handle : request -> route(request, fetch, dispatcher))
                    .connectionHandler(connection -> {
                        if (admitted(connection) && !ops) {
                            fetch.shorten(connection);
                        }
                    })
                    .invalidRequestHandler(request -> invalid(request, responder));
            server = Optional.of(created);
            return created.listen().onSuccess(bound -> onBound.accept(bound.actualPort()));
        }

        private boolean admitted(HttpConnection connection) {
            if (connections.incrementAndGet() > config.maxConnections()) {
                connections.decrementAndGet();
                connection.close();
                return false;
            }
            connection.closeHandler(_ -> connections.decrementAndGet());
            return true;
        }

        @Override
        public Future<?> stop() {
            watches.ifPresent(WatchStreams::closeAll);
            return server.map(running -> running.shutdown(config.shutdownGrace().toMillis(), TimeUnit.MILLISECONDS))
                    .orElseGet(Future::succeededFuture);
        }
    }

    private static void route(HttpServerRequest request, FetchHandler fetch, Dispatcher dispatcher) {
        String uri = request.uri();
        if (request.method().equals(HttpMethod.GET) && uri.startsWith(FetchHandler.PREFIX)) {
            fetch.handle(request, uri);
        } else {
            dispatcher.handle(request);
        }
    }

    /** What is no HTTP, or exceeds the limits of lines and headers. */
    private static void invalid(HttpServerRequest request, Responder responder) {
        String traceId = TraceIds.next();
        responder.send(
                request,
                HttpErrorMapper.transport(
                                400, "INVALID_ARGUMENT", "not an acceptable HTTP request, or too long", traceId)
                        .with("Connection", "close"),
                traceId);
        request.connection().close();
    }
}
