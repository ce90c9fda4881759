package dev.conflux.qa.chaos;

import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.consensus.samples.SampleNode;
import dev.conflux.tool.local.FreePorts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A sample service: one process per member on the real engine, with mutual TLS and proxies between them. */
final class SampleTarget implements Target {

    private static final String CLUSTER = "chaos";
    private static final Duration ASK = Duration.ofSeconds(4);
    private static final Duration READY = Duration.ofMinutes(1);
    private static final Duration STOP = Duration.ofSeconds(15);

    private final String service;
    private final Path directory;
    private final List<Integer> clientPorts;
    private final Network network;
    private final Map<Integer, Process> processes = new ConcurrentHashMap<>();

    private SampleTarget(String service, Path directory, int nodes) {
        this.service = service;
        this.directory = directory.toAbsolutePath();
        List<Integer> ports = FreePorts.take(2 * nodes);
        this.clientPorts = ports.subList(0, nodes);
        this.network = new Network(ports.subList(nodes, 2 * nodes));
    }

    /**
     * Starts everything and waits for a leader.
     *
     * @param service jobs or policies
     * @param armed failpoints of every member from its start, as lines
     */
    static SampleTarget start(String service, Path directory, int nodes, String armed) {
        var target = new SampleTarget(service, directory, nodes);
        try {
            new DevCertificateAuthority("Conflux chaos CA")
                    .write(
                            target.directory.resolve("tls"),
                            CLUSTER,
                            IntStream.rangeClosed(1, nodes).boxed().toList());
            for (int node = 1; node <= nodes; node++) {
                target.network.writeHosts(node, target.home(node).resolve("hosts"));
                FailpointFile.of(target.failpoints(node)).armForEver(armed);
                target.start(node);
            }
        } catch (IOException e) {
            target.close();
            throw new ChaosException("no certificates", e);
        }
        if (!Os.await(READY, () -> target.leader().isPresent())) {
            String log = Os.tail(target.log(1), 20);
            target.close();
            throw new ChaosException("no leader after " + READY.toSeconds() + " s; node 1 says:\n" + log);
        }
        return target;
    }

    int clientPort(int node) {
        return clientPorts.get(node - 1);
    }

    /** What a member says of itself: {@code role}, {@code term} … */
    Map<String, String> status(int node) {
        String answer = ask(node, "status");
        return answer.startsWith("ok ")
                ? Arrays.stream(answer.substring(3).split(" ", -1))
                        .map(field -> field.split("=", 2))
                        .collect(Collectors.toMap(field -> field[0], field -> field[1]))
                : Map.of();
    }

    /** One question, one answer; empty when there was none. */
    String ask(int node, String line) {
        try (var connection = new LineClient(clientPort(node), ASK)) {
            return connection.ask(line);
        } catch (IOException e) {
            return "";
        }
    }

    private Path home(int node) {
        return directory.resolve("node-" + node);
    }

    @Override
    public List<Integer> members() {
        return IntStream.rangeClosed(1, clientPorts.size()).boxed().toList();
    }

    @Override
    public boolean alive(int node) {
        Process process = processes.get(node);
        return process != null && process.isAlive();
    }

    @Override
    public void start(int node) {
        var command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx192m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-XX:+ExitOnOutOfMemoryError",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Djdk.serialFilter=!*",
                "-Dlogback.configurationFile=samples-logback.xml",
                "-Djdk.net.hosts.file=" + home(node).resolve("hosts"),
                "-Dconflux.failpoints=" + failpoints(node)));
        command.addAll(List.of(
                "-cp",
                System.getProperty("java.class.path"),
                SampleNode.class.getName(),
                service,
                "--cluster",
                CLUSTER,
                "--id",
                Integer.toString(node),
                "--peers",
                network.peers(),
                "--bind",
                network.bindHost(),
                "--data",
                data(node).toString(),
                "--tls",
                directory.resolve("tls").toString(),
                "--client-port",
                Integer.toString(clientPort(node))));
        var builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log(node).toFile()));
        builder.environment().put("MALLOC_ARENA_MAX", "2");
        try {
            Files.createDirectories(home(node));
            processes.put(node, builder.start());
        } catch (IOException e) {
            throw new ChaosException("node " + node + " cannot be started", e);
        }
    }

    private Process process(int node) {
        Process process = processes.get(node);
        if (process == null) {
            throw new ChaosException("node " + node + " was never started");
        }
        return process;
    }

    @Override
    public void kill(int node) {
        process(node).destroyForcibly();
        Os.awaitEnd(process(node), STOP);
    }

    @Override
    public void stop(int node) {
        process(node).destroy();
        if (!Os.awaitEnd(process(node), STOP)) {
            kill(node);
        }
    }

    @Override
    public void freeze(int node) {
        Os.signal(process(node).pid(), "STOP");
    }

    @Override
    public void thaw(int node) {
        Os.signal(process(node).pid(), "CONT");
    }

    @Override
    public @Nullable Integer awaitExit(int node, Duration patience) {
        return Os.awaitEnd(process(node), patience) ? (Integer) process(node).exitValue() : null;
    }

    @Override
    public Optional<Integer> leader() {
        return members().stream()
                .filter(this::alive)
                .filter(node -> "LEADER".equals(status(node).get("role")))
                .findFirst();
    }

    @Override
    public Optional<String> state(int node) {
        String answer = ask(node, "read stale digest");
        return answer.startsWith("ok ") ? Optional.of(answer.substring(3)) : Optional.empty();
    }

    @Override
    public void snapshot(int node) {
        ask(node, "snapshot");
    }

    @Override
    public void transferLeadership(int node) {
        ask(node, "transfer " + node);
    }

    @Override
    public Network network() {
        return network;
    }

    @Override
    public Path data(int node) {
        return home(node).resolve("data");
    }

    @Override
    public Path log(int node) {
        return home(node).resolve("node.log");
    }

    @Override
    public Path failpoints(int node) {
        return home(node).resolve("failpoints");
    }

    @Override
    public Path syncNotes(int node) {
        return home(node).resolve("synced");
    }

    @Override
    public void close() {
        new HashMap<>(processes).values().forEach(Process::destroyForcibly);
        new HashMap<>(processes).values().forEach(process -> Os.awaitEnd(process, STOP));
        network.close();
    }
}
