package dev.conflux.server;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Every key of {@code conflux.yaml}, with its default and the reason for it. A key that is not here stops the start. */
enum Setting {
    PROFILE("profile", "production", "production or dev; dev allows plaintext on loopback and the embedded database"),
    SERVER_HOST("server.host", "0.0.0.0", "where the client port listens; the dev profile says 127.0.0.1"),
    SERVER_PORT("server.port", "8080", "the one port of all client protocols"),
    SERVER_TLS_CERT_FILE("server.tls.cert_file", "", "PEM certificate chain of the client port"),
    SERVER_TLS_KEY_FILE("server.tls.key_file", "", "PEM private key of the client port"),
    SERVER_ALLOW_PLAINTEXT(
            "server.allow_plaintext",
            "false",
            "true only behind a proxy that ends TLS; without it a production node refuses to start without TLS"),
    SERVER_MAX_CONNECTIONS(
            "server.max_connections", "20000", "client connections; more are refused, so that descriptors last"),
    SERVER_EVENT_LOOPS("server.event_loops", "0", "0 = one per processor"),
    CLUSTER_NAME("cluster.name", "conflux", "part of every peer certificate: two clusters never talk to each other"),
    CLUSTER_NODE_ID(
            "cluster.node_id",
            "1",
            "this node's number, unique for ever; ordinal = one more than the number that cluster.address begins with,"
                    + " as in node-0.peers:9090"),
    CLUSTER_PEERS(
            "cluster.peers",
            "",
            "all members of the first start, this one included: host:port (numbered from 1 in this order) or id@host:port;"
                    + " with cluster.join: some members of the running cluster"),
    CLUSTER_ADDRESS(
            "cluster.address",
            "",
            "host:port at which the other nodes reach this one, kept for ever; needed with cluster.join or"
                    + " cluster.discovery, else taken from cluster.peers"),
    CLUSTER_DISCOVERY(
            "cluster.discovery",
            "",
            "instead of cluster.peers: dns://name:port (all its addresses) or srv://name (its SRV records;"
                    + " srv://server:port/name asks that DNS server)"),
    CLUSTER_FOUNDERS(
            "cluster.founders", "3", "with cluster.discovery: nodes 1 to this number found the cluster; others join"),
    CLUSTER_JOIN(
            "cluster.join",
            "false",
            "true: this node founds nothing, it waits to be added to a running cluster (docs/operations/cluster.md)"),
    CLUSTER_BIND_HOST("cluster.bind_host", "0.0.0.0", "where the peer port listens; the dev profile says 127.0.0.1"),
    CLUSTER_TLS_CERT_FILE("cluster.tls.cert_file", "", "PEM certificate that names this node (docs/operations/tls.md)"),
    CLUSTER_TLS_KEY_FILE("cluster.tls.key_file", "", "PEM private key of the peer certificate"),
    CLUSTER_TLS_CA_FILE("cluster.tls.ca_file", "", "PEM of the authority that signs all peer certificates"),
    CLUSTER_ELECTION_TIMEOUT(
            "cluster.election_timeout",
            "400ms",
            "a follower waits so long before it stands for election; a new leader is there after some 500 ms"),
    CLUSTER_HEARTBEAT_INTERVAL(
            "cluster.heartbeat_interval",
            "40ms",
            "a tenth of the election timeout, so that one lost beat is no election"),
    OPS_HOST("ops.host", "127.0.0.1", "operators' port; loopback, because it has no login of its own yet"),
    OPS_PORT("ops.port", "9091", "operators' port, /_cluster"),
    DATABASE_URL(
            "database.url", "", "postgresql://user:password@host:port/name, or embedded (the dev profile's default)"),
    DATABASE_EMBEDDED_PORT("database.embedded_port", "0", "port of the embedded PostgreSQL; 0 = a free one"),
    STORAGE_DATA_DIR("storage.data_dir", "/var/lib/conflux", "everything this node keeps"),
    STORAGE_WAL_DIR("storage.wal_dir", "", "the replicated log, if it has a disk of its own; else under data_dir"),
    STORAGE_SNAPSHOT_AFTER_BYTES(
            "storage.snapshot_after_bytes",
            "128MiB",
            "a snapshot is taken after this many bytes of commands; the log on disk holds two such intervals"),
    STORAGE_SNAPSHOT_AFTER_ENTRIES(
            "storage.snapshot_after_entries", "500000", "or after this many commands, whichever comes first"),
    STORAGE_MIN_FREE_SPACE(
            "storage.min_free_space",
            "256MiB",
            "with less free space on the node's disks writes are refused (507), reads go on; 0B = never"),
    STORAGE_STUCK_TIMEOUT(
            "storage.stuck_timeout",
            "20s",
            "a write to disk or state without progress for so long ends the process; not ready after 2s"),
    STORAGE_DIGEST_INTERVAL(
            "storage.digest_interval",
            "1m",
            "the members compare digests of their states so often while something is written; 0s = never"),
    STORAGE_SCRUB_INTERVAL(
            "storage.scrub_interval", "6h", "the members read and compare their whole states so often; 0s = never"),
    GC_INTERVAL("gc.interval", "1h", "from the end of one garbage collection to the next; 0s = only on demand"),
    GC_VERSIONS_PER_SECOND(
            "gc.versions_per_second", "5000", "deletes at most so many: publishes must not notice (docs/lifecycle.md)"),
    GC_ARCHIVE_DIR(
            "gc.archive_dir",
            "",
            "versions are written here before they are deleted; the same shared directory on all nodes; empty = nowhere"),
    GC_DELETE_PROTECTION(
            "gc.delete_protection",
            "10m",
            "a config that was fetched or watched within this time is deleted only with force=true; 0s = always, which the dev"
                    + " profile says"),
    AUTH_TOKEN_TTL("auth.token_ttl", "24h", "life of an access token"),
    ROLLOUTS_GATE_HOSTS(
            "rollouts.gate_hosts",
            "",
            "host or host:port of Prometheus servers and webhooks that rollouts may ask, separated by commas; empty = none,"
                    + " for whoever may publish chooses the URL; alike on all nodes"),
    ROLLOUTS_GATE_TIMEOUT("rollouts.gate_timeout", "5s", "a gate that has not answered by then could not be asked"),
    ROLLOUTS_GATE_INTERVAL(
            "rollouts.gate_interval",
            "10s",
            "a gate that says wait, or could not be asked, is asked again so often; after five failures in a row the"
                    + " rollout is paused"),
    LOG_LEVEL("log.level", "info", "error, warn, info or debug"),
    LOG_FORMAT("log.format", "text", "text or json");

    /** Other names from the first design's deployment guide. */
    private static final Map<String, Setting> ALIASES = Map.of(
            "CONFLUX_NODE_ID", CLUSTER_NODE_ID,
            "CONFLUX_DATA_DIR", STORAGE_DATA_DIR,
            "CONFLUX_PEERS", CLUSTER_PEERS);

    private final String key;
    private final String defaultText;
    private final String reason;

    Setting(String key, String defaultText, String reason) {
        this.key = key;
        this.defaultText = defaultText;
        this.reason = reason;
    }

    String key() {
        return key;
    }

    String defaultText() {
        return defaultText;
    }

    String reason() {
        return reason;
    }

    /** {@code server.port} is {@code CONFLUX_SERVER_PORT}. */
    String environmentName() {
        return "CONFLUX_" + key.replace('.', '_').toUpperCase(Locale.ROOT);
    }

    static Optional<Setting> ofKey(String key) {
        return Arrays.stream(values()).filter(s -> s.key.equals(key)).findFirst();
    }

    static Optional<Setting> ofEnvironment(String name) {
        Setting alias = ALIASES.get(name);
        return alias != null
                ? Optional.of(alias)
                : Arrays.stream(values())
                        .filter(s -> s.environmentName().equals(name))
                        .findFirst();
    }

    /** The reference as a Markdown table; {@code docs/configuration.md} holds it and a test compares. */
    static String reference() {
        return Arrays.stream(values())
                .map(s -> "| `" + s.key + "` | `" + s.environmentName() + "` | "
                        + (s.defaultText.isEmpty() ? "" : "`" + s.defaultText + "`") + " | " + s.reason + " |")
                .collect(Collectors.joining("\n", "| key | environment | default | why |\n|---|---|---|---|\n", "\n"));
    }
}
