package dev.conflux.tool.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Runs a cluster of the packaged node once and keeps what the JVM of one of them has learnt, as {@code lib/conflux.aot} of the distribution: classes
 * parsed and linked, and what is worth compiling (JEP 483, 514, 515). {@code conflux-server} starts with it in about
 * half the CPU time. The build does this after packaging; with other jars, another JDK or other JVM options than in the
 * rehearsal the JVM ignores the file.
 */
final class Rehearsal {

    private static final String CACHE = "lib/conflux.aot";

    /** What a single node does not do: to lead, to follow, and to talk to both with TLS. */
    private static final int NODES = 3;

    /** Enough for the paths of a write, a read and a refusal; more only makes the build longer. */
    private static final int ROUNDS = 20;

    /** Bytes of a content: enough of them for what costs by the byte, above all encryption. */
    private static final int CONTENT_BYTES = 200_000;

    /** A stop that also writes the cache: five seconds, more on a busy machine. */
    private static final Duration WRITE_TIMEOUT = Duration.ofMinutes(3);

    private Rehearsal() {}

    /**
     * Rehearses, unless the cache is newer than everything else in the distribution.
     *
     * @param arguments a directory to work in; it is removed
     */
    public static void main(String[] arguments) throws IOException {
        Path distribution = LocalCluster.distribution();
        Path cache = distribution.resolve(CACHE);
        if (isCurrent(cache)) {
            return;
        }
        Path directory = Path.of(arguments[0]);
        delete(directory);
        Files.deleteIfExists(cache);
        try {
            Path written = rehearse(directory);
            Files.move(written, cache, StandardCopyOption.REPLACE_EXISTING);
        } catch (LocalException e) {
            // Nodes start without it as well.
            System.err.println("no " + cache + ", so nodes start slower: " + e.getMessage());
        } finally {
            delete(directory);
        }
    }

    private static Path rehearse(Path directory) throws IOException {
        Path caches = directory.resolve("caches").toAbsolutePath();
        Files.createDirectories(caches);
        var options = new LocalCluster.Options(
                directory,
                NODES,
                0,
                Map.of("CONFLUX_JAVA_OPTS", "-XX:AOTCacheOutput=" + caches.resolve("%p.aot")),
                Map.of());
        try (var cluster = new LocalCluster(options).start()) {
            Run.awaitControlPlane(cluster);
            NodeProcess node = cluster.node(1);
            NodeClient admin = cluster.client(node);
            for (int leader : List.of(2, 1)) {
                Ops.post(node, admin, "/_cluster/leader/transfer", "{\"target_node_id\":" + leader + "}");
                for (int i = 0; i < ROUNDS; i++) {
                    play(admin, "c" + leader + "-" + i + ".json");
                }
            }
            node.stop(WRITE_TIMEOUT);
            for (NodeProcess other : cluster.nodes()) {
                other.kill(); // its cache would only take time
            }
            try (Stream<Path> written = Files.list(caches)) {
                return written.filter(file -> file.toString().endsWith(".aot"))
                        .findFirst()
                        .orElseThrow(() -> new LocalException(
                                "the JVM has written none; the end of the node's log:\n" + node.tail()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalException("interrupted", e);
        }
    }

    private static void play(NodeClient admin, String name) {
        Map<String, Object> config = Map.of(
                "tenant", "acme",
                "app", "shop",
                "env", "prod",
                "name", name,
                "format", "json",
                "content", "{\"pool\":\"" + "x".repeat(CONTENT_BYTES) + "\"}",
                "publish_initial", true);
        long id = admin.send("POST", "/api/v1/mgt/configs", config)
                .expect(201)
                .json()
                .get("config")
                .get("id")
                .asLong();
        admin.send("POST", "/api/v1/mgt/configs", config).expect(409);
        admin.send("POST", "/api/v1/mgt/configs/" + id + "/publish", Map.of("content", "{\"pool\":20}"))
                .expect(200);
        String fetch = "/api/v1/fetch/config/acme/shop/prod/" + name;
        admin.get(fetch).expect(200);
        admin.get(fetch, "X-Conflux-Consistency", "linearizable").expect(200);
        admin.get("/metrics").expect(200);
    }

    private static boolean isCurrent(Path cache) throws IOException {
        if (!Files.exists(cache)) {
            return false;
        }
        FileTime made = Files.getLastModifiedTime(cache);
        try (Stream<Path> files = Files.walk(cache.resolve("../..").normalize())) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                if (Files.getLastModifiedTime(file).compareTo(made) > 0) {
                    return false;
                }
            }
        }
        return true;
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        List<Path> deepestFirst;
        try (Stream<Path> paths = Files.walk(directory)) {
            deepestFirst = paths.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : deepestFirst) {
            Files.deleteIfExists(path);
        }
    }
}
