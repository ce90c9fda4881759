package dev.conflux.server;

import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.jraft.Origin;
import dev.conflux.consensus.jraft.Upkeep;
import dev.conflux.core.service.GarbageCollector;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * Everything a node is told, checked as a whole before anything starts. Later sources win: defaults, file,
 * environment.
 */
record ServerConfig(
        boolean dev,
        Server server,
        Cluster cluster,
        Ops ops,
        Database database,
        Storage storage,
        Gc gc,
        Rollouts rollouts,
        Duration tokenTtl,
        String logLevel,
        boolean jsonLog) {

    /** A configuration file is read into memory before it is parsed. */
    private static final long MAX_FILE_BYTES = 1 << 20;

    private static final long MIN_SNAPSHOT_AFTER_BYTES = 1 << 20;

    /** A name, an IPv4 address, or an IPv6 address in brackets. */
    private static final Pattern GATE_HOST =
            Pattern.compile("(?:[A-Za-z0-9._-]{1,253}|\\[[0-9A-Fa-f:.]{2,45}])(?::[0-9]{1,5})?");

    /** Variables that are not settings but belong to us. */
    private static final Set<String> OTHER_VARIABLES =
            Set.of("CONFLUX_BOOTSTRAP_ADMIN_PASSWORD", "CONFLUX_JAVA_OPTS", "CONFLUX_HEAP", "CONFLUX_HOME");

    record Server(String host, int port, @Nullable TlsFiles tls, int maxConnections, int eventLoops) {}

    record TlsFiles(Path certFile, Path keyFile) {}

    record PeerTls(Path certFile, Path keyFile, Path caFile) {}

    /** {@code tls} is null only on a dev node without peers: it makes itself a throw-away certificate. */
    record Cluster(
            String name,
            int nodeId,
            PeerAddress address,
            List<PeerAddress> peers,
            @Nullable DnsContacts discovery,
            int founders,
            boolean join,
            String bindHost,
            @Nullable PeerTls tls,
            Duration electionTimeout,
            Duration heartbeatInterval) {

        /** How this node comes into a cluster, as long as it is in none. */
        Origin origin() {
            if (discovery != null) {
                return join || nodeId > founders
                        ? new Origin.Joining(discovery)
                        : new Origin.Discovery(founders, discovery);
            }
            if (join) {
                List<String> contacts =
                        peers.stream().map(PeerAddress::hostAndPort).toList();
                return new Origin.Joining(() -> contacts);
            }
            return new Origin.Founders(peers.stream()
                    .map(peer -> new Member(new NodeId(peer.nodeId()), peer.hostAndPort(), true))
                    .toList());
        }
    }

    record Ops(String host, int port) {}

    /** {@code url} is null for the embedded database. */
    record Database(@Nullable Secret url, int embeddedPort) {}

    record Rollouts(List<String> gateHosts, Duration gateTimeout, Duration gateInterval) {}

    record Storage(Path dataDir, Path walDir, Upkeep upkeep) {}

    /** {@code archiveDir} is null when nothing is archived. */
    record Gc(GarbageCollector.Settings collector, @Nullable Path archiveDir, Duration deleteProtection) {}

    /** Reads the file, if one is given, and the environment. */
    static ServerConfig load(Optional<Path> file, Map<String, String> environment) {
        var texts = new EnumMap<Setting, String>(Setting.class);
        if (file.isPresent()) {
            readFile(file.get(), texts);
        }
        new TreeMap<>(environment).forEach((name, value) -> {
            if (name.startsWith("CONFLUX_") && !OTHER_VARIABLES.contains(name)) {
                Setting setting = Setting.ofEnvironment(name)
                        .orElseThrow(
                                () -> new ConfigurationException(
                                        "environment variable " + name
                                                + " is not a setting (docs/configuration.md lists them; unset it or correct its name)"));
                texts.put(setting, value);
            }
        });
        return build(texts);
    }

    /** The values in force, one {@code key = value} per line, secrets hidden; for the start's log. */
    List<String> effective() {
        return List.of(
                "profile = " + (dev ? "dev" : "production"),
                "server = " + server,
                "cluster = " + cluster,
                "ops = " + ops,
                "database = " + (database.url() == null ? "embedded" : "external"),
                "storage = " + storage,
                "gc = " + gc,
                "rollouts = " + rollouts,
                "auth.token_ttl = " + tokenTtl,
                "log.level = " + logLevel);
    }

    private static ServerConfig build(Map<Setting, String> texts) {
        var in = new Reader(texts);
        String profile = in.oneOf(Setting.PROFILE, "production", "dev");
        boolean dev = profile.equals("dev");
        String host = in.text(Setting.SERVER_HOST, dev ? "127.0.0.1" : Setting.SERVER_HOST.defaultText());
        List<Path> serverFiles = in.files(Setting.SERVER_TLS_CERT_FILE, Setting.SERVER_TLS_KEY_FILE);
        TlsFiles serverTls = serverFiles.isEmpty() ? null : new TlsFiles(serverFiles.get(0), serverFiles.get(1));
        boolean plaintext = in.bool(Setting.SERVER_ALLOW_PLAINTEXT);
        if (serverTls == null && !plaintext && !(dev && isLoopback(host))) {
            throw new ConfigurationException("server.tls.cert_file: missing (the client port "
                    + (dev ? "of a dev node is plaintext on loopback only, and server.host is " + host : "needs TLS")
                    + "; set server.tls.cert_file and server.tls.key_file, or server.allow_plaintext: true behind a proxy"
                    + " that ends TLS)");
        }
        var server = new Server(
                host,
                in.port(Setting.SERVER_PORT),
                serverTls,
                in.integer(Setting.SERVER_MAX_CONNECTIONS, 1, 1_000_000),
                in.integer(Setting.SERVER_EVENT_LOOPS, 0, 256));
        Cluster cluster = cluster(in, dev);
        String databaseUrl = in.text(Setting.DATABASE_URL, dev ? "embedded" : "");
        if (databaseUrl.isEmpty()) {
            throw new ConfigurationException(
                    "database.url: missing (expected: postgresql://user:password@host:port/name, or embedded)");
        }
        if (!databaseUrl.equals("embedded")
                && !databaseUrl.startsWith("postgresql://")
                && !databaseUrl.startsWith("jdbc:postgresql://")) {
            throw new ConfigurationException(
                    "database.url: *** (expected: postgresql://user:password@host:port/name, or embedded)");
        }
        var database = new Database(
                databaseUrl.equals("embedded") ? null : new Secret(databaseUrl),
                in.integer(Setting.DATABASE_EMBEDDED_PORT, 0, 65_535));
        Path dataDir = Path.of(in.text(Setting.STORAGE_DATA_DIR, Setting.STORAGE_DATA_DIR.defaultText()))
                .toAbsolutePath()
                .normalize();
        String walDir = in.text(Setting.STORAGE_WAL_DIR, "");
        var storage = new Storage(
                dataDir,
                walDir.isEmpty()
                        ? dataDir.resolve("log")
                        : Path.of(walDir).toAbsolutePath().normalize(),
                upkeep(in));
        var ops = new Ops(in.text(Setting.OPS_HOST, Setting.OPS_HOST.defaultText()), in.port(Setting.OPS_PORT));
        checkPorts(server, cluster, ops);
        return new ServerConfig(
                dev,
                server,
                cluster,
                ops,
                database,
                storage,
                gc(in, dev),
                rollouts(in),
                in.duration(Setting.AUTH_TOKEN_TTL),
                in.oneOf(Setting.LOG_LEVEL, "info", "error", "warn", "debug"),
                in.oneOf(Setting.LOG_FORMAT, "text", "json").equals("json"));
    }

    private static Gc gc(Reader in, boolean dev) {
        String archive = in.text(Setting.GC_ARCHIVE_DIR, "");
        return new Gc(
                new GarbageCollector.Settings(
                        in.duration(Setting.GC_INTERVAL), in.integer(Setting.GC_VERSIONS_PER_SECOND, 1, 1_000_000)),
                archive.isEmpty() ? null : Path.of(archive).toAbsolutePath().normalize(),
                Values.duration(
                        Setting.GC_DELETE_PROTECTION.key(),
                        in.text(
                                Setting.GC_DELETE_PROTECTION,
                                dev ? "0s" : Setting.GC_DELETE_PROTECTION.defaultText())));
    }

    private static Rollouts rollouts(Reader in) {
        List<String> hosts = in.list(Setting.ROLLOUTS_GATE_HOSTS);
        for (String host : hosts) {
            if (!GATE_HOST.matcher(host).matches()) {
                throw new ConfigurationException("rollouts.gate_hosts: " + host
                        + " (expected: host or host:port, without scheme or path, no patterns)");
            }
        }
        return new Rollouts(
                hosts, positive(in, Setting.ROLLOUTS_GATE_TIMEOUT), positive(in, Setting.ROLLOUTS_GATE_INTERVAL));
    }

    private static Duration positive(Reader in, Setting setting) {
        Duration value = in.duration(setting);
        if (value.isZero()) {
            throw new ConfigurationException(setting.key() + ": 0 (expected: more)");
        }
        return value;
    }

    private static Upkeep upkeep(Reader in) {
        long snapshotAfter = in.bytes(Setting.STORAGE_SNAPSHOT_AFTER_BYTES);
        if (snapshotAfter < MIN_SNAPSHOT_AFTER_BYTES) {
            throw new ConfigurationException("storage.snapshot_after_bytes: " + snapshotAfter
                    + "B (expected: at least 1MiB, the log would be all snapshots)");
        }
        Duration stuck = in.duration(Setting.STORAGE_STUCK_TIMEOUT);
        if (stuck.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new ConfigurationException("storage.stuck_timeout: " + stuck.toMillis()
                    + "ms (expected: at least 1s, shorter pauses are no failure)");
        }
        return new Upkeep(
                snapshotAfter,
                in.integer(Setting.STORAGE_SNAPSHOT_AFTER_ENTRIES, 1, Integer.MAX_VALUE),
                in.bytes(Setting.STORAGE_MIN_FREE_SPACE),
                stuck,
                in.duration(Setting.STORAGE_DIGEST_INTERVAL),
                in.duration(Setting.STORAGE_SCRUB_INTERVAL));
    }

    private static Cluster cluster(Reader in, boolean dev) {
        String bindHost =
                in.text(Setting.CLUSTER_BIND_HOST, dev ? "127.0.0.1" : Setting.CLUSTER_BIND_HOST.defaultText());
        boolean join = in.bool(Setting.CLUSTER_JOIN);
        int founders = in.integer(Setting.CLUSTER_FOUNDERS, 1, 31);
        String discoveryText = in.text(Setting.CLUSTER_DISCOVERY, "");
        DnsContacts discovery = discoveryText.isEmpty() ? null : DnsContacts.parse(discoveryText);
        String addressText = in.text(Setting.CLUSTER_ADDRESS, "");
        int nodeId = nodeId(in, addressText);
        var peers = new ArrayList<PeerAddress>();
        for (String entry : in.list(Setting.CLUSTER_PEERS)) {
            peers.add(PeerAddress.parse(entry, peers.size() + 1));
        }
        boolean alone = peers.isEmpty() && discovery == null && !join;
        if (alone) {
            peers.add(new PeerAddress(nodeId, "127.0.0.1", 9090));
        }
        checkPeers(peers, nodeId, join, discovery);
        PeerAddress address = address(addressText, peers, nodeId, join || discovery != null);
        Duration election = in.duration(Setting.CLUSTER_ELECTION_TIMEOUT);
        Duration heartbeat = in.duration(Setting.CLUSTER_HEARTBEAT_INTERVAL);
        if (election.compareTo(Duration.ofMillis(200)) < 0 || election.compareTo(Duration.ofSeconds(60)) > 0) {
            throw new ConfigurationException(
                    "cluster.election_timeout: " + election.toMillis() + "ms (expected: from 200ms to 60s)");
        }
        if (heartbeat.isZero() || heartbeat.compareTo(election) >= 0) {
            throw new ConfigurationException("cluster.heartbeat_interval: " + heartbeat.toMillis()
                    + "ms (expected: shorter than cluster.election_timeout, " + election.toMillis() + "ms)");
        }
        List<Path> files =
                in.files(Setting.CLUSTER_TLS_CERT_FILE, Setting.CLUSTER_TLS_KEY_FILE, Setting.CLUSTER_TLS_CA_FILE);
        if (files.isEmpty() && !(dev && peers.size() == 1 && !join && discovery == null)) {
            throw new ConfigurationException("cluster.tls.cert_file: missing (peers always speak mutual TLS: set"
                    + " cluster.tls.cert_file, cluster.tls.key_file and cluster.tls.ca_file)");
        }
        PeerTls tls = files.isEmpty() ? null : new PeerTls(files.get(0), files.get(1), files.get(2));
        return new Cluster(
                in.text(Setting.CLUSTER_NAME, Setting.CLUSTER_NAME.defaultText()),
                nodeId,
                address,
                List.copyOf(peers),
                discovery,
                founders,
                join,
                bindHost,
                tls,
                election,
                heartbeat);
    }

    private static int nodeId(Reader in, String address) {
        if (!in.text(Setting.CLUSTER_NODE_ID, "1").equals("ordinal")) {
            return in.integer(Setting.CLUSTER_NODE_ID, 1, Integer.MAX_VALUE);
        }
        Matcher ordinal = Pattern.compile("[^.:]*-(\\d{1,6})[.:].*").matcher(address);
        if (!ordinal.matches()) {
            throw new ConfigurationException("cluster.node_id: ordinal, and cluster.address: "
                    + (address.isEmpty() ? "missing" : address)
                    + " (expected: an address whose first label ends in a number, as node-0.peers:9090)");
        }
        return Integer.parseInt(ordinal.group(1)) + 1;
    }

    private static void checkPeers(List<PeerAddress> peers, int nodeId, boolean join, @Nullable DnsContacts discovery) {
        if (discovery != null && !peers.isEmpty()) {
            throw new ConfigurationException(
                    "cluster.peers and cluster.discovery: both are set (expected: one of them)");
        }
        if (join && discovery == null && peers.isEmpty()) {
            throw new ConfigurationException("cluster.peers: missing (expected: with cluster.join, some members of the"
                    + " running cluster, or cluster.discovery)");
        }
        var ids = new HashSet<Integer>();
        var addresses = new HashSet<String>();
        for (PeerAddress peer : peers) {
            if (!ids.add(peer.nodeId())) {
                throw new ConfigurationException("cluster.peers: node id " + peer.nodeId()
                        + " appears twice (expected: every id once; write id@host:port to number them yourself)");
            }
            if (!addresses.add(peer.hostAndPort())) {
                throw new ConfigurationException(
                        "cluster.peers: " + peer.hostAndPort() + " appears twice (expected: every address once)");
            }
        }
        if (!join && discovery == null && !ids.contains(nodeId)) {
            throw new ConfigurationException(
                    "cluster.node_id: " + nodeId + " (expected: one of the ids in cluster.peers: "
                            + ids.stream().sorted().toList() + "; a node that is to be added to a running cluster has"
                            + " cluster.join: true)");
        }
    }

    private static PeerAddress address(String text, List<PeerAddress> peers, int nodeId, boolean needed) {
        if (!text.isEmpty()) {
            PeerAddress address = PeerAddress.address(Setting.CLUSTER_ADDRESS.key(), nodeId, text);
            for (PeerAddress peer : needed ? List.<PeerAddress>of() : peers) {
                if (peer.nodeId() == nodeId && !peer.equals(address)) {
                    throw new ConfigurationException("cluster.address: " + text + " (expected: " + peer.hostAndPort()
                            + ", as in cluster.peers)");
                }
            }
            return address;
        }
        if (needed) {
            throw new ConfigurationException(
                    "cluster.address: missing (expected: host:port at which the other nodes reach this one)");
        }
        return peers.stream()
                .filter(peer -> peer.nodeId() == nodeId)
                .findFirst()
                .orElseThrow();
    }

    private static void checkPorts(Server server, Cluster cluster, Ops ops) {
        if (server.port() == ops.port()) {
            throw new ConfigurationException("ops.port: " + ops.port() + " (expected: another port than server.port)");
        }
        int peerPort = cluster.address().port();
        if (peerPort == server.port() || peerPort == ops.port()) {
            throw new ConfigurationException("cluster.peers: port " + peerPort
                    + " of this node (expected: another port than server.port and ops.port)");
        }
    }

    private static boolean isLoopback(String host) {
        return host.equals("localhost") || host.equals("::1") || host.startsWith("127.");
    }

    private static void readFile(Path file, Map<Setting, String> texts) {
        Object root;
        try {
            if (Files.size(file) > MAX_FILE_BYTES) {
                throw new ConfigurationException(file + ": " + Files.size(file) + " bytes (expected: at most 1 MiB)");
            }
            var settings = LoadSettings.builder()
                    .setLabel(file.toString())
                    .setAllowDuplicateKeys(false)
                    .setMaxAliasesForCollections(0)
                    .build();
            root = new Load(settings).loadFromString(Files.readString(file));
        } catch (IOException e) {
            throw new ConfigurationException(file + ": cannot be read (" + e.getMessage() + ")");
        } catch (YamlEngineException e) {
            throw new ConfigurationException(file + ": is not YAML: " + e.getMessage());
        }
        if (root == null) {
            return;
        }
        flatten(file, "", root, texts);
    }

    private static void flatten(Path file, String prefix, Object node, Map<Setting, String> texts) {
        if (!(node instanceof Map<?, ?> map)) {
            throw new ConfigurationException(
                    file + ": " + (prefix.isEmpty() ? "the document" : prefix) + " (expected: keys and values)");
        }
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            String key = prefix.isEmpty() ? String.valueOf(entry.getKey()) : prefix + "." + entry.getKey();
            Object value = entry.getValue();
            Optional<Setting> setting = Setting.ofKey(key);
            if (setting.isPresent()) {
                texts.put(setting.get(), scalar(file, key, value));
            } else if (value instanceof Map<?, ?> && isSection(key)) {
                flatten(file, key, value, texts);
            } else {
                throw new ConfigurationException(file + ": " + key + " is not a setting" + suggestion(key)
                        + " (docs/configuration.md lists them)");
            }
        }
    }

    private static String scalar(Path file, String key, @Nullable Object value) {
        if (value == null) {
            return "";
        }
        if (value instanceof List<?> list) {
            if (!key.equals(Setting.CLUSTER_PEERS.key()) && !key.equals(Setting.ROLLOUTS_GATE_HOSTS.key())) {
                throw new ConfigurationException(file + ": " + key + " (expected: one value, not a list)");
            }
            return String.join(",", list.stream().map(String::valueOf).toList());
        }
        if (value instanceof Map<?, ?>) {
            throw new ConfigurationException(file + ": " + key + " (expected: one value, not a section)");
        }
        return String.valueOf(value);
    }

    private static boolean isSection(String key) {
        return Arrays.stream(Setting.values()).anyMatch(s -> s.key().startsWith(key + "."));
    }

    private static String suggestion(String key) {
        String wanted = key.toLowerCase(Locale.ROOT).replace("-", "_");
        return Arrays.stream(Setting.values())
                .map(Setting::key)
                .filter(k -> k.equals(wanted)
                        || k.endsWith(wanted.substring(wanted.lastIndexOf('.') + 1))
                        || (wanted.length() > 5 && k.startsWith(wanted.substring(0, wanted.length() - 1))))
                .findFirst()
                .map(k -> "; did you mean " + k + "?")
                .orElse("");
    }

    /** Typed access to the texts. */
    private record Reader(Map<Setting, String> texts) {

        String text(Setting setting, String otherwise) {
            String value = texts.get(setting);
            return value == null || value.isBlank() ? otherwise : value.strip();
        }

        private String text(Setting setting) {
            return text(setting, setting.defaultText());
        }

        String oneOf(Setting setting, String first, String... others) {
            String value = text(setting, first);
            if (!value.equals(first) && !Arrays.asList(others).contains(value)) {
                throw new ConfigurationException(setting.key() + ": " + value + " (expected: " + first + " or "
                        + String.join(" or ", others) + ")");
            }
            return value;
        }

        int integer(Setting setting, int min, int max) {
            return Values.integer(setting.key(), text(setting), min, max);
        }

        int port(Setting setting) {
            return integer(setting, 1, 65_535);
        }

        boolean bool(Setting setting) {
            return Values.bool(setting.key(), text(setting));
        }

        long bytes(Setting setting) {
            return Values.bytes(setting.key(), text(setting));
        }

        Duration duration(Setting setting) {
            return Values.duration(setting.key(), text(setting));
        }

        List<String> list(Setting setting) {
            return Arrays.stream(text(setting, "").split(",", -1))
                    .map(String::strip)
                    .filter(s -> !s.isEmpty())
                    .toList();
        }

        /** All of the files, or none. */
        List<Path> files(Setting... settings) {
            List<Setting> given = Arrays.stream(settings)
                    .filter(setting -> !text(setting, "").isEmpty())
                    .toList();
            if (!given.isEmpty() && given.size() < settings.length) {
                throw new ConfigurationException(
                        Arrays.stream(settings).map(Setting::key).collect(Collectors.joining(", "))
                                + ": only some are set (expected: all or none)");
            }
            return given.stream()
                    .map(setting -> readable(setting, text(setting, "")))
                    .toList();
        }

        private static Path readable(Setting setting, String file) {
            Path path = Path.of(file).toAbsolutePath().normalize();
            if (!Files.isReadable(path)) {
                throw new ConfigurationException(setting.key() + ": " + path + " (expected: a readable file)");
            }
            return path;
        }
    }
}
