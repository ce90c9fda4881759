package dev.conflux.qa.bench;

import dev.conflux.tool.local.FreePorts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** nginx with static files, in a directory of its own, on loopback. */
final class Nginx implements AutoCloseable {

    private static final Duration START_TIMEOUT = Duration.ofSeconds(20);

    private final Process process;
    private final int http1Port;
    private final int cachedPort;
    private final int http2Port;

    private Nginx(Process process, List<Integer> ports) {
        this.process = process;
        this.http1Port = ports.get(0);
        this.cachedPort = ports.get(1);
        this.http2Port = ports.get(2);
    }

    /** @param root what is served */
    static Nginx start(Path directory, Path root) throws IOException, InterruptedException {
        Files.createDirectories(directory);
        List<Integer> ports = FreePorts.take(3);
        Path configuration = directory.resolve("nginx.conf");
        Files.writeString(configuration, """
                daemon off;
                worker_processes 2;
                pid %1$s/nginx.pid;
                error_log %1$s/error.log warn;
                events { worker_connections 4096; }
                http {
                    access_log off;
                    sendfile on;
                    tcp_nopush on;
                    keepalive_timeout 600s;
                    keepalive_requests 1000000000;
                    large_client_header_buffers 8 16k;
                    http2_max_concurrent_streams 1024;
                    types { application/json json; }
                    client_body_temp_path %1$s/body;
                    proxy_temp_path %1$s/proxy;
                    fastcgi_temp_path %1$s/fastcgi;
                    uwsgi_temp_path %1$s/uwsgi;
                    scgi_temp_path %1$s/scgi;
                    server { listen 127.0.0.1:%2$d; root %5$s; }
                    server {
                        listen 127.0.0.1:%3$d; root %5$s;
                        open_file_cache max=20000 inactive=1h;
                        open_file_cache_valid 1h;
                    }
                    server { listen 127.0.0.1:%4$d http2; root %5$s; }
                }
                """.formatted(directory, ports.get(0), ports.get(1), ports.get(2), root));
        var command = new ArrayList<>(
                List.of(Tool.NGINX.path().toString(), "-p", directory.toString(), "-c", configuration.toString()));
        if (System.getProperty("user.name").equals("root")) {
            // Its workers would drop to a user that may not read this directory.
            command.addAll(List.of("-g", "user root;"));
        }
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("output.log").toFile())
                .start();
        var nginx = new Nginx(process, ports);
        try {
            nginx.awaitListening(directory);
            return nginx;
        } catch (RuntimeException | InterruptedException e) {
            nginx.close();
            throw e;
        }
    }

    int http1Port() {
        return http1Port;
    }

    /** HTTP/1.1, and open files are remembered. */
    int cachedPort() {
        return cachedPort;
    }

    /** HTTP/2 with prior knowledge, plaintext. */
    int http2Port() {
        return http2Port;
    }

    /** Master and workers. */
    List<Long> pids() {
        return ProcessFigures.tree(process.pid());
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private void awaitListening(Path directory) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (true) {
            try (var _ = new Socket(InetAddress.getLoopbackAddress(), http1Port)) {
                return;
            } catch (IOException e) {
                if (!process.isAlive() || System.nanoTime() > deadline) {
                    throw new BenchException(
                            "nginx does not listen:\n" + Files.readString(directory.resolve("output.log")), e);
                }
                TimeUnit.MILLISECONDS.sleep(20);
            }
        }
    }
}
