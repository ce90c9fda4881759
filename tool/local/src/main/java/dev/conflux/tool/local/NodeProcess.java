package dev.conflux.tool.local;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One node as an operating-system process, started from the packaged distribution. Its standard input is a life line:
 * the node stops when this process ends, however it ends. Not thread-safe, but for {@link #alive} and the addresses.
 */
public final class NodeProcess {

    /** A node answers {@code /ready} well within 5 s; a machine at its limit gets time. */
    private static final Duration READY_TIMEOUT = Duration.ofMinutes(2);

    /** A clean stop drains connections and hands leadership over. */
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);

    private static final Duration POLL = Duration.ofMillis(20);

    private final int id;
    private final Path directory;
    private final Path distribution;
    private final int httpPort;
    private final int peerPort;
    private final int opsPort;
    private final Map<String, String> environment;
    private volatile @Nullable Process process;

    NodeProcess(
            int id,
            Path directory,
            Path distribution,
            int httpPort,
            int peerPort,
            int opsPort,
            Map<String, String> environment) {
        this.id = id;
        this.directory = directory;
        this.distribution = distribution;
        this.httpPort = httpPort;
        this.peerPort = peerPort;
        this.opsPort = opsPort;
        this.environment = Map.copyOf(environment);
    }

    public int id() {
        return id;
    }

    /** {@code http://127.0.0.1:port}. */
    public URI url() {
        return URI.create("http://127.0.0.1:" + httpPort);
    }

    public URI opsUrl() {
        return URI.create("http://127.0.0.1:" + opsPort);
    }

    public int httpPort() {
        return httpPort;
    }

    public int peerPort() {
        return peerPort;
    }

    public Path dataDirectory() {
        return directory.resolve("data");
    }

    public Path configFile() {
        return directory.resolve("conflux.yaml");
    }

    public Path logFile() {
        return directory.resolve("node.log");
    }

    /** The process id; only while it was started. */
    public long pid() {
        return running().pid();
    }

    public boolean alive() {
        Process current = process;
        return current != null && current.isAlive();
    }

    /** Starts the process and returns at once. */
    public void start() {
        start(Map.of());
    }

    /** As {@link #start()}, with more environment, for this time only. */
    public void start(Map<String, String> moreEnvironment) {
        if (alive()) {
            throw new LocalException("node " + id + " runs already");
        }
        var builder = new ProcessBuilder(List.of(
                        distribution.resolve("bin/conflux-server").toString(),
                        "--config",
                        configFile().toString(),
                        "--stop-with-parent"))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile().toFile()));
        builder.environment().keySet().removeIf(name -> name.startsWith("CONFLUX_"));
        builder.environment().putAll(environment);
        builder.environment().putAll(moreEnvironment);
        builder.environment().putIfAbsent("JAVA_HOME", System.getProperty("java.home"));
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new LocalException("node " + id + " cannot be started from " + distribution, e);
        }
    }

    /** Waits until the data plane can serve. */
    public void awaitReady() {
        awaitReady(List.of(this));
    }

    /** As {@link #awaitReady()}, and fails as soon as one of {@code companions} ends: a cluster needs all of them. */
    void awaitReady(List<NodeProcess> companions) {
        long deadline = System.nanoTime() + READY_TIMEOUT.toNanos();
        while (!ready()) {
            for (NodeProcess companion : companions) {
                if (!companion.alive()) {
                    throw new LocalException("node " + companion.id + " ended with code " + companion.exitCode()
                            + "; the end of its log:\n" + companion.tail());
                }
            }
            if (System.nanoTime() > deadline) {
                throw new LocalException("node " + id + " is not ready after " + READY_TIMEOUT.toSeconds()
                        + " s; the end of its log:\n" + tail());
            }
            pause();
        }
    }

    /** Whether {@code /ready} says yes now. */
    public boolean ready() {
        return status("/ready") == 200;
    }

    /** Whether the control plane, with its database, says yes now. */
    public boolean controlReady() {
        return status("/ready?plane=control") == 200;
    }

    /** SIGKILL, and waits until the process is gone. */
    public void kill() {
        Process current = running();
        current.destroyForcibly();
        awaitEnd(current, Duration.ofSeconds(10));
    }

    /** SIGTERM, and waits until the process has ended by itself. */
    public void stop() {
        stop(STOP_TIMEOUT);
    }

    /** As {@link #stop()}, and kills it when it has not ended after {@code patience}. */
    void stop(Duration patience) {
        Process current = process;
        if (current == null || !current.isAlive()) {
            return;
        }
        current.destroy();
        if (!awaitEnd(current, patience)) {
            current.destroyForcibly();
            awaitEnd(current, Duration.ofSeconds(10));
        }
    }

    /** SIGSTOP: the process stands still, its connections stay open. */
    public void freeze() {
        signal("-STOP");
    }

    /** SIGCONT. */
    public void thaw() {
        signal("-CONT");
    }

    /** Waits for the process to end by itself; the exit code, or empty when it still runs. */
    public @Nullable Integer awaitExit(Duration timeout) {
        return awaitEnd(running(), timeout) ? (Integer) running().exitValue() : null;
    }

    /** The last lines of its log. */
    public String tail() {
        try {
            List<String> lines = Files.readAllLines(logFile(), StandardCharsets.UTF_8);
            return String.join("\n", lines.subList(Math.max(0, lines.size() - 25), lines.size()));
        } catch (IOException e) {
            return "(no log: " + e.getMessage() + ")";
        }
    }

    private int status(String path) {
        try {
            var connection = (HttpURLConnection) url().resolve(path).toURL().openConnection();
            connection.setConnectTimeout(500);
            connection.setReadTimeout(2000);
            int status = connection.getResponseCode();
            try (InputStream body = status >= 400 ? connection.getErrorStream() : connection.getInputStream()) {
                if (body != null) {
                    body.readAllBytes();
                }
            }
            return status;
        } catch (IOException e) {
            return 0;
        }
    }

    private void signal(String signal) {
        try {
            new ProcessBuilder("kill", signal, Long.toString(pid())).start().waitFor();
        } catch (IOException e) {
            throw new LocalException("cannot send " + signal + " to node " + id, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalException("interrupted", e);
        }
    }

    private Process running() {
        Process current = process;
        if (current == null) {
            throw new LocalException("node " + id + " was never started");
        }
        return current;
    }

    private int exitCode() {
        return running().isAlive() ? -1 : running().exitValue();
    }

    private static boolean awaitEnd(Process process, Duration timeout) {
        try {
            return process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalException("interrupted", e);
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalException("interrupted", e);
        }
    }
}
