package dev.conflux.protocol.http;

import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What an operator may choose about the HTTP listeners.
 *
 * @param port 0 = any free one
 * @param instances server instances sharing the port, one event loop each
 * @param tls null = plaintext
 * @param opsHost where {@code /_cluster} listens; loopback unless client certificates guard it
 * @param opsPort 0 = any free one; -1 = no ops listener
 * @param opsOnMainPort offer {@code /_cluster} on the client port too (development profile)
 * @param maxConnections connections beyond it are closed at once
 * @param shutdownGrace how long requests in flight may take to finish when the server stops
 */
public record HttpServerConfig(
        String host,
        int port,
        int instances,
        @Nullable Tls tls,
        String opsHost,
        int opsPort,
        boolean opsOnMainPort,
        int maxConnections,
        Duration shutdownGrace) {

    /** PEM files. */
    public record Tls(Path certificateChain, Path privateKey) {}

    /** Below the usual limit of 20,000 descriptors, with room for storage and peers. */
    public static final int DEFAULT_MAX_CONNECTIONS = 16_000;

    /** Longer than any request of ours that does not wait on purpose. */
    public static final Duration DEFAULT_SHUTDOWN_GRACE = Duration.ofSeconds(5);

    public HttpServerConfig {
        if (port < 0 || port > 65_535 || opsPort < -1 || opsPort > 65_535) {
            throw new IllegalArgumentException("port: " + port + ", ops: " + opsPort + " (expected: 0 to 65535)");
        }
        if (instances < 1) {
            throw new IllegalArgumentException("instances: " + instances + " (expected: >= 1)");
        }
    }

    /** One event loop per core, at least two. Other numbers have not been measured yet. */
    public static int defaultInstances() {
        return Math.max(2, Runtime.getRuntime().availableProcessors());
    }

    /** Only this machine reaches the ops port. */
    boolean opsOnLoopback() {
        return opsHost.equals("localhost") || opsHost.equals("::1") || opsHost.startsWith("127.");
    }

    /** Plaintext with the usual bounds. */
    public static HttpServerConfig plaintext(String host, int port, String opsHost, int opsPort, boolean dev) {
        return new HttpServerConfig(
                host,
                port,
                defaultInstances(),
                null,
                opsHost,
                opsPort,
                dev,
                DEFAULT_MAX_CONNECTIONS,
                DEFAULT_SHUTDOWN_GRACE);
    }
}
