package dev.conflux.tool.local;

import dev.conflux.adapter.postgres.EmbeddedPostgres;
import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.base.tls.TlsFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Node processes of the packaged distribution, one embedded PostgreSQL for all of them, and a throw-away certificate
 * authority, all under one directory. Starting again in the same directory continues with the same data. Not
 * thread-safe.
 */
public final class LocalCluster implements AutoCloseable {

    static final String CLUSTER_NAME = "local";

    /** Where the distribution lies; {@code cx} and the build set it. */
    public static final String DISTRIBUTION_PROPERTY = "conflux.distribution";

    private final Path directory;
    /** Ids beyond the first members that get a certificate too, for nodes that join later. */
    private static final int SPARE_IDS = 8;

    private final List<NodeProcess> nodes;
    private final List<NodeProcess> founders;
    private final Options options;
    private @Nullable EmbeddedPostgres postgres;

    /**
     * How a cluster is laid out.
     *
     * @param directory everything is kept below it
     * @param nodes how many processes
     * @param firstHttpPort node i listens on this + i; 0 = free ports for everything
     * @param environment added to every node's environment
     * @param settings added to every node's {@code conflux.yaml}: full key to value
     */
    public record Options(
            Path directory,
            int nodes,
            int firstHttpPort,
            Map<String, String> environment,
            Map<String, String> settings) {

        /** Free ports, nothing special: for tests. */
        public static Options ofTest(Path directory, int nodes) {
            return new Options(directory, nodes, 0, Map.of(), Map.of());
        }

        public Options withSettings(Map<String, String> more) {
            return new Options(directory, nodes, firstHttpPort, environment, more);
        }
    }

    public LocalCluster(Options options) {
        this.options = options;
        this.directory = options.directory().toAbsolutePath();
        this.founders = layOut(options);
        this.nodes = new CopyOnWriteArrayList<>(founders);
    }

    /** The distribution named by {@value #DISTRIBUTION_PROPERTY}. */
    public static Path distribution() {
        String path = System.getProperty(DISTRIBUTION_PROPERTY, "");
        Path distribution = Path.of(path);
        if (path.isEmpty() || !Files.isExecutable(distribution.resolve("bin/conflux-server"))) {
            throw new LocalException(
                    "-D" + DISTRIBUTION_PROPERTY + "=" + path + " (expected: the packaged node; ./cx build makes it)");
        }
        return distribution;
    }

    /** Starts the database if several nodes share it, then every node; returns when all are ready. */
    public LocalCluster start() {
        startDatabase();
        nodes.forEach(NodeProcess::start);
        nodes.forEach(node -> node.awaitReady(nodes));
        return this;
    }

    /** Writes the files and starts the database, but no node yet. */
    public void startDatabase() {
        if (postgres != null) {
            return;
        }
        try {
            Path certificates = directory.resolve("tls");
            if (!Files.exists(certificates.resolve("ca.pem"))) {
                new DevCertificateAuthority("Conflux local throw-away CA")
                        .write(
                                certificates,
                                CLUSTER_NAME,
                                IntStream.rangeClosed(1, options.nodes() + SPARE_IDS)
                                        .boxed()
                                        .toList());
            }
            String databaseUrl = "embedded";
            if (nodes.size() > 1) {
                EmbeddedPostgres database = EmbeddedPostgres.start(EmbeddedPostgres.Settings.sharing(
                        distribution().resolveSibling("postgresql"), directory.resolve("postgres"), 0));
                postgres = database;
                databaseUrl = database.url().join().withPassword();
            }
            for (NodeProcess node : nodes) {
                writeConfig(node, databaseUrl, DevCertificateAuthority.files(certificates, node.id()), "");
            }
        } catch (IOException e) {
            throw new LocalException("cannot prepare " + directory, e);
        } catch (CompletionException e) {
            throw new LocalException("the embedded PostgreSQL cannot be started: " + e.getCause(), e);
        }
    }

    /**
     * Lays out one more node, with a new id and empty directories, that waits to be added; the caller starts it and adds
     * it. Only with several nodes, once {@link #startDatabase} has been called.
     */
    public NodeProcess joining() {
        EmbeddedPostgres database = postgres;
        if (database == null) {
            throw new LocalException("a node can join only a started cluster of several nodes");
        }
        int id = nodes.size() + 1;
        List<Integer> ports = FreePorts.take(3);
        var node = new NodeProcess(
                id,
                directory.resolve("node-" + id),
                distribution(),
                ports.get(0),
                ports.get(1),
                ports.get(2),
                options.environment());
        try {
            writeConfig(
                    node,
                    database.url().join().withPassword(),
                    DevCertificateAuthority.files(directory.resolve("tls"), id),
                    "cluster.join: true\ncluster.address: \"127.0.0.1:" + node.peerPort() + "\"\n");
        } catch (IOException e) {
            throw new LocalException("cannot prepare node " + id, e);
        }
        nodes.add(node);
        return node;
    }

    public void awaitReady() {
        List<NodeProcess> started = nodes.stream().filter(NodeProcess::alive).toList();
        started.forEach(node -> node.awaitReady(started));
    }

    /** All nodes, by id from 1, running or not. */
    public List<NodeProcess> nodes() {
        return List.copyOf(nodes);
    }

    public NodeProcess node(int id) {
        return nodes.get(id - 1);
    }

    /** The shared database, when there are several nodes. */
    public Optional<EmbeddedPostgres> postgres() {
        return Optional.ofNullable(postgres);
    }

    /** The file with the first super-admin's password; whichever node came first has written it. */
    public Path credentialsFile() {
        return nodes.stream()
                .map(node -> node.dataDirectory().resolve("bootstrap-admin.txt"))
                .filter(Files::exists)
                .findFirst()
                .orElseThrow(() -> new LocalException(
                        "no bootstrap-admin.txt below " + directory + " (has the control plane become ready?)"));
    }

    /** A client that is logged in as the super-admin, at the given node. */
    public NodeClient client(NodeProcess node) {
        return NodeClient.login(node.url(), "admin", adminPassword());
    }

    /** The first super-admin's password. */
    public String adminPassword() {
        try {
            return Files.readString(credentialsFile()).strip();
        } catch (IOException e) {
            throw new LocalException("cannot read " + credentialsFile(), e);
        }
    }

    /** Stops every node, then the database. */
    @Override
    public void close() {
        nodes.stream().filter(NodeProcess::alive).parallel().forEach(NodeProcess::stop);
        EmbeddedPostgres database = postgres;
        if (database != null) {
            database.close();
            postgres = null;
        }
    }

    private void writeConfig(NodeProcess node, String databaseUrl, TlsFiles tls, String more) throws IOException {
        String peers = founders.stream()
                .map(n -> "\"" + n.id() + "@127.0.0.1:" + n.peerPort() + "\"")
                .collect(Collectors.joining(", "));
        var text = new StringBuilder("""
                # Written by ./cx run; changed by hand it is overwritten.
                profile: dev
                server.port: %d
                ops.port: %d
                cluster.name: %s
                cluster.node_id: %d
                cluster.peers: [%s]
                cluster.tls.cert_file: "%s"
                cluster.tls.key_file: "%s"
                cluster.tls.ca_file: "%s"
                database.url: "%s"
                storage.data_dir: "%s"
                """.formatted(
                        node.httpPort(),
                        node.opsUrl().getPort(),
                        CLUSTER_NAME,
                        node.id(),
                        peers,
                        tls.certificate(),
                        tls.key(),
                        tls.authorities(),
                        databaseUrl,
                        node.dataDirectory()));
        text.append(more);
        options.settings()
                .forEach((key, value) ->
                        text.append(key).append(": \"").append(value).append("\"\n"));
        Files.createDirectories(node.configFile().getParent());
        OwnerOnly.write(node.configFile(), text.toString());
    }

    private static List<NodeProcess> layOut(Options options) {
        var ports = new HashMap<String, Integer>();
        if (options.firstHttpPort() == 0) {
            List<Integer> free = FreePorts.take(options.nodes() * 3);
            IntStream.range(0, free.size()).forEach(i -> ports.put("free" + i, free.get(i)));
        }
        var nodes = new ArrayList<NodeProcess>();
        for (int i = 0; i < options.nodes(); i++) {
            boolean fixed = options.firstHttpPort() > 0;
            nodes.add(new NodeProcess(
                    i + 1,
                    options.directory().toAbsolutePath().resolve("node-" + (i + 1)),
                    distribution(),
                    fixed ? options.firstHttpPort() + i : port(ports, 3 * i),
                    fixed ? options.firstHttpPort() + 1010 + 100 * i : port(ports, 3 * i + 1),
                    fixed ? options.firstHttpPort() + 1011 + 100 * i : port(ports, 3 * i + 2),
                    options.environment()));
        }
        return List.copyOf(nodes);
    }

    private static int port(Map<String, Integer> ports, int place) {
        return ports.getOrDefault("free" + place, 0);
    }
}
