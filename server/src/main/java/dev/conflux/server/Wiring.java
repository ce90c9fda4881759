package dev.conflux.server;

import dev.conflux.adapter.gates.AllowedHosts;
import dev.conflux.adapter.gates.HttpGateProbe;
import dev.conflux.adapter.postgres.EmbeddedPostgres;
import dev.conflux.adapter.postgres.PostgresMetadataStore;
import dev.conflux.adapter.postgres.PostgresUrl;
import dev.conflux.adapter.rocksdb.RocksStateStore;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.base.observe.Metrics;
import dev.conflux.base.observe.Tracing;
import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsFiles;
import dev.conflux.base.tls.TlsIdentity;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.StateMachine;
import dev.conflux.consensus.jraft.Halt;
import dev.conflux.consensus.jraft.IdentityException;
import dev.conflux.consensus.jraft.JRaftConfig;
import dev.conflux.consensus.jraft.JRaftNode;
import dev.conflux.core.service.AuthSettings;
import dev.conflux.core.service.Authentication;
import dev.conflux.core.service.Authorizer;
import dev.conflux.core.service.ClusterService;
import dev.conflux.core.service.CommandLog;
import dev.conflux.core.service.ConfigService;
import dev.conflux.core.service.DeliveryRunner;
import dev.conflux.core.service.DirectoryArchive;
import dev.conflux.core.service.FetchService;
import dev.conflux.core.service.GarbageCollector;
import dev.conflux.core.service.GcService;
import dev.conflux.core.service.PublishService;
import dev.conflux.core.service.ReadGate;
import dev.conflux.core.service.ReleaseService;
import dev.conflux.core.service.RolloutService;
import dev.conflux.core.service.ScheduleService;
import dev.conflux.core.service.SearchService;
import dev.conflux.core.service.TracedStateMachine;
import dev.conflux.core.service.TrashService;
import dev.conflux.core.service.VersionService;
import dev.conflux.core.service.WatchService;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.FeatureLevel;
import dev.conflux.core.state.StateStoreException;
import dev.conflux.protocol.http.HttpProtocol;
import dev.conflux.protocol.http.HttpServerConfig;
import dev.conflux.protocol.http.HttpServices;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The composition root: every {@code new} of a part stands here, and every part is closed here, in the reverse order of
 * its opening. {@link #start} and {@link #close} may be called by different threads.
 */
final class Wiring implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Wiring.class);

    /** The version that the cluster status shows; the jar's manifest has it. */
    private static final String VERSION =
            Objects.requireNonNullElse(Wiring.class.getPackage().getImplementationVersion(), "development");

    /** How long a write may take before its fate is unknown; several elections fit in. */
    private static final Duration WRITE_TIMEOUT = Duration.ofSeconds(5);

    private final ServerConfig config;
    private final @Nullable String bootstrapPassword;
    private final Deque<Part> parts = new ArrayDeque<>();
    private volatile boolean starting = true;
    private volatile boolean closed; // written under the lock of close()

    private record Part(String name, AutoCloseable closeable) {}

    /** @param bootstrapPassword of the first super-admin; null = make one */
    Wiring(ServerConfig config, @Nullable String bootstrapPassword) {
        this.config = config;
        this.bootstrapPassword = bootstrapPassword;
    }

    /**
     * Opens everything; returns when the client port listens. The cluster may still be looking for its members.
     *
     * @param failed told when this node turns out not to belong to its cluster, after this method has returned
     */
    void start(Consumer<Throwable> failed) throws IOException {
        Path dataDir = config.storage().dataDir();
        open("data directory", DataDirectory.lock(dataDir));
        Metrics metrics = open("metrics", new Metrics());

        PostgresMetadataStore metadata = open("metadata store", metadataStore(dataDir));
        Authentication authentication = open("authentication", authentication(metadata, dataDir));

        ConfigState state = openState(dataDir.resolve("state"));
        starting = false;
        Failpoints.disk("server.before_consensus");
        Tracing tracing = Tracing.ofProcess();
        StateMachine machine = tracing.on() ? new TracedStateMachine(state, tracing) : state;
        JRaftNode node = open("consensus", JRaftNode.start(consensus(dataDir), machine, metrics));
        observe(metrics, node);

        var authorizer = new Authorizer();
        var commands = new CommandLog(node, state, WRITE_TIMEOUT, tracing);
        ReadGate gate = ReadGate.on(node, state, ReadGate.DEFAULT_TIMEOUT);
        gate.observe(metrics);
        observe(metrics, state);
        GarbageCollector collector = open(
                "garbage collection",
                GarbageCollector.start(
                        node,
                        state,
                        commands,
                        Optional.ofNullable(config.gc().archiveDir()).map(DirectoryArchive::new),
                        config.gc().collector(),
                        Clock.systemUTC()));
        collector.observe(metrics);
        HttpGateProbe gates = open(
                "gates",
                new HttpGateProbe(
                        new AllowedHosts(config.rollouts().gateHosts()),
                        config.rollouts().gateTimeout()));
        var services = new HttpServices(
                authentication.authenticator(),
                authentication.service(),
                authorizer,
                gate,
                new FetchService(gate, state.reader(), authorizer),
                new ConfigService(commands, state.reader(), authorizer, gate),
                new VersionService(commands, state.reader(), authorizer, gate),
                new ReleaseService(commands, state.reader(), authorizer, gate),
                new PublishService(commands, state.reader(), authorizer, gate),
                new ScheduleService(commands, state.reader(), authorizer, gate),
                new RolloutService(commands, state.reader(), authorizer, gate, gates),
                open("watch", WatchService.on(state, gate, authorizer, WatchService.DEFAULT_PROGRESS_INTERVAL)),
                new ClusterService(node, gate, authorizer),
                new GcService(commands, state, collector, gate, authorizer, Clock.systemUTC()),
                new TrashService(
                        node, commands, state, authorizer, gate, config.gc().deleteProtection(), Clock.systemUTC()),
                new SearchService(state.reader(), authorizer),
                metrics);
        DeliveryRunner deliveries = open(
                "deliveries",
                DeliveryRunner.start(
                        state, node, commands, gates, config.rollouts().gateInterval(), Clock.systemUTC()));
        deliveries.observe(metrics);
        Vertx vertx = vertx();
        open(
                "event loops",
                () -> vertx.close().toCompletionStage().toCompletableFuture().join());
        Failpoints.disk("server.before_listen");
        open("http", HttpProtocol.start(vertx, http(), services));
        log.info("listening on {}:{}", config.server().host(), config.server().port());
        // On a thread of its own: whoever completes this is a thread that close() waits for.
        var _ = node.ready()
                .whenCompleteAsync(
                        (ready, failure) -> {
                            if (failure != null && !closed) {
                                failed.accept(
                                        failure instanceof CompletionException && failure.getCause() != null
                                                ? failure.getCause()
                                                : failure);
                            }
                        },
                        task -> Thread.ofPlatform().daemon().name("ready").start(task));
    }

    private static void observe(Metrics metrics, ConfigState state) {
        String help = "Outcomes remembered to recognise repeated writes";
        metrics.gauge("conflux_dedup_records", help, () -> state.remembered().keys(), "kind", "key");
        metrics.gauge("conflux_dedup_records", help, () -> state.remembered().requests(), "kind", "request");
    }

    /** What tells of a disk or a state that is not as it should be. */
    private static void observe(Metrics metrics, JRaftNode node) {
        metrics.gauge(
                "conflux_raft_divergences_found",
                "Members found to differ from a majority, since this node started, while it led",
                () -> node.metrics().divergencesFound());
        metrics.gauge(
                "conflux_raft_divergences_undecided",
                "Comparisons of states without a majority, since this node started, while it led: alarm",
                () -> node.metrics().divergencesUndecided());
        metrics.gauge(
                "conflux_raft_digests_compared",
                "Comparisons of states since this node started, while it led",
                () -> node.metrics().digestsCompared());
        metrics.gauge(
                "conflux_raft_snapshots_refused",
                "Received snapshots that differed from their manifest, since this node started",
                () -> node.metrics().snapshotsRefused());
        metrics.gauge(
                "conflux_raft_refused_for_space",
                "Writes refused because disk space is low, since this node started",
                () -> node.metrics().refusedForSpace());
    }

    @Override
    public synchronized void close() {
        closed = true;
        while (!parts.isEmpty()) {
            Failpoints.hit("server.before_close_part");
            Part part = parts.pop();
            try {
                part.closeable().close();
            } catch (Exception e) {
                log.warn("closing {} failed", part.name(), e);
            }
        }
    }

    /** Takes charge of a part; closes it at once when everything is being closed already. */
    private synchronized <T extends AutoCloseable> T open(String name, T part) throws IOException {
        parts.push(new Part(name, part));
        if (closed) {
            close();
            throw new IOException("stopped while starting");
        }
        return part;
    }

    private ConfigState openState(Path directory) throws IOException {
        try {
            RocksStateStore store = open("state store", new RocksStateStore(directory, this::haltDamaged));
            return open("state", new ConfigState(store, VERSION));
        } catch (StateStoreException e) {
            throw new StateStoreException(e.getMessage() + ". " + howToHeal(), e);
        }
    }

    /** The bytes on this disk are wrong: other nodes have the right ones, so this one must not go on answering. */
    private void haltDamaged(StateStoreException failure) {
        if (starting || closed) {
            return; // It is thrown to somebody who ends the process anyway.
        }
        String reason = failure.getMessage() + ". " + howToHeal();
        log.error("halt reason=\"{}\"", reason, failure);
        Halt.PROCESS.halt(reason, failure);
    }

    private String howToHeal() {
        ServerConfig.Storage storage = config.storage();
        return "If it fails again after a restart, while the other members are well: stop this node, delete "
                + storage.dataDir().resolve("state") + ", "
                + storage.dataDir().resolve("raft").resolve("snapshots") + " and " + storage.walDir()
                + " and nothing else, and start it: it takes no part until it has everything from the leader again."
                + " An only member has to be restored from a backup";
    }

    private PostgresMetadataStore metadataStore(Path dataDir) throws IOException {
        Secret url = config.database().url();
        if (url != null) {
            return PostgresMetadataStore.open(PostgresUrl.parse(url.value()));
        }
        EmbeddedPostgres embedded = open(
                "embedded PostgreSQL",
                EmbeddedPostgres.start(EmbeddedPostgres.Settings.in(
                        dataDir.resolve("postgres"), config.database().embeddedPort())));
        return PostgresMetadataStore.open(embedded.url());
    }

    private Authentication authentication(PostgresMetadataStore metadata, Path dataDir) {
        AuthSettings defaults = AuthSettings.defaults(dataDir, bootstrapPassword);
        return new Authentication(
                metadata,
                new AuthSettings(
                        dataDir,
                        config.tokenTtl(),
                        defaults.refreshTokenLife(),
                        defaults.issuer(),
                        defaults.audience(),
                        bootstrapPassword),
                Clock.systemUTC());
    }

    private JRaftConfig consensus(Path dataDir) {
        ServerConfig.Cluster cluster = config.cluster();
        return JRaftConfig.of(
                        cluster.name(),
                        new NodeId(cluster.nodeId()),
                        cluster.address().hostAndPort(),
                        cluster.origin(),
                        dataDir.resolve("raft"),
                        peerIdentity(cluster))
                .withFeatureLevel(FeatureLevel.SUPPORTED)
                .withHalt(Wiring::halt)
                .withBindHost(cluster.bindHost())
                .withLogDir(config.storage().walDir())
                .withElectionTimeout(cluster.electionTimeout(), cluster.heartbeatInterval())
                .withUpkeep(config.storage().upkeep());
    }

    /** A supervisor restarts what halted; a node that is no member any more is for a person to look at. */
    private static void halt(String reason, @Nullable Throwable cause) {
        Runtime.getRuntime().halt(cause instanceof IdentityException ? Main.EXIT_IDENTITY : Halt.EXIT_CODE);
    }

    private static TlsIdentity peerIdentity(ServerConfig.Cluster cluster) {
        ServerConfig.PeerTls files = cluster.tls();
        return files == null
                ? new DevCertificateAuthority("Conflux throw-away CA")
                        .issue(new PeerName(cluster.name(), cluster.nodeId()))
                : TlsIdentity.load(new TlsFiles(files.certFile(), files.keyFile(), files.caFile()));
    }

    /** Event loops for the listeners only: services run on virtual threads, so the worker pools stay tiny. */
    private Vertx vertx() {
        return Vertx.vertx(new VertxOptions()
                .setEventLoopPoolSize(eventLoops())
                .setWorkerPoolSize(1)
                .setInternalBlockingPoolSize(1)
                // A machine at its limit would only add stack traces to its load.
                .setBlockedThreadCheckInterval(TimeUnit.HOURS.toMillis(1))
                .setPreferNativeTransport(true)
                .setFileSystemOptions(
                        new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)));
    }

    private int eventLoops() {
        int wanted = config.server().eventLoops();
        return wanted == 0 ? HttpServerConfig.defaultInstances() : wanted;
    }

    private HttpServerConfig http() {
        ServerConfig.Server server = config.server();
        ServerConfig.TlsFiles tls = server.tls();
        return new HttpServerConfig(
                server.host(),
                server.port(),
                eventLoops(),
                tls == null ? null : new HttpServerConfig.Tls(tls.certFile(), tls.keyFile()),
                config.ops().host(),
                config.ops().port(),
                config.dev(),
                server.maxConnections(),
                HttpServerConfig.DEFAULT_SHUTDOWN_GRACE);
    }
}
