package dev.conflux.tool.local;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** {@code ./cx run}: a cluster for a person to play with, until Ctrl-C. */
public final class Run {

    /** The ports of one machine end somewhere, and so does the sense of more nodes on it. */
    private static final int MAX_NODES = 7;

    private static final int DEFAULT_PORT = 8080;

    private static final String USAGE = """
            usage: ./cx run [NODES] [--port PORT] [--data-dir DIRECTORY]

              NODES        how many processes, 1 to 7 (default 1)
              --port       client port of the first node (default 8080); the others follow; peers and operators use
                           PORT+1010 and PORT+1011, in steps of 100
              --data-dir   where everything is kept (default .conflux/run-NODES); the same directory continues with
                           the same data

            examples
              ./cx run                    one node on http://127.0.0.1:8080
              ./cx run 3                  three nodes on 8080, 8081 and 8082
              ./cx run 3 --port 9000      the same on 9000, 9001 and 9002
            """;

    private Run() {}

    public static void main(String[] arguments) throws InterruptedException {
        var terminal = new Terminal(System.out);
        try {
            run(List.of(arguments), terminal);
        } catch (LocalException | IllegalArgumentException e) {
            System.err.println("cx run: " + e.getMessage());
            System.exit(1);
        }
    }

    private static void run(List<String> arguments, Terminal terminal) throws InterruptedException {
        int nodes = 1;
        int port = DEFAULT_PORT;
        String dataDirectory = "";
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            switch (argument) {
                case "--help", "-h" -> {
                    System.out.print(USAGE);
                    return;
                }
                case "--port" -> port = number("--port", value(arguments, ++i, "--port"), 1024, 64_000);
                case "--data-dir" -> dataDirectory = value(arguments, ++i, "--data-dir");
                default -> nodes = number("NODES", argument, 1, MAX_NODES);
            }
        }
        Path directory = Path.of(dataDirectory.isEmpty() ? ".conflux/run-" + nodes : dataDirectory);
        var cluster = new LocalCluster(new LocalCluster.Options(directory, nodes, port, Map.of(), Map.of()));
        cluster.nodes().forEach(Run::checkPort);
        var ended = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            System.out.println("\nstopping ...");
                            cluster.close();
                            ended.countDown();
                        },
                        "stop"));
        terminal.line("starting " + (nodes == 1 ? "one node" : nodes + " nodes") + " in " + directory.toAbsolutePath());
        cluster.start();
        terminal.done("data plane ready");
        awaitControlPlane(cluster);
        terminal.done("control plane ready (PostgreSQL is up)");
        print(cluster, terminal);
        while (!ended.await(1, TimeUnit.SECONDS)) {
            for (NodeProcess node : cluster.nodes()) {
                if (nodes == 1 && !node.alive() && ended.getCount() > 0) {
                    throw new LocalException("node " + node.id() + " ended; the end of its log:\n" + node.tail());
                }
            }
        }
    }

    static void awaitControlPlane(LocalCluster cluster) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        for (NodeProcess node : cluster.nodes()) {
            while (node.alive() && !node.controlReady()) {
                if (System.nanoTime() > deadline) {
                    throw new LocalException("the control plane of node " + node.id()
                            + " is not ready after 60 s; the end of its log:\n" + node.tail());
                }
                TimeUnit.MILLISECONDS.sleep(50);
            }
        }
    }

    private static void print(LocalCluster cluster, Terminal terminal) {
        NodeProcess first = cluster.node(1);
        String url = first.url().toString();
        Path credentials = cluster.credentialsFile();
        terminal.heading("Conflux is running");
        for (NodeProcess node : cluster.nodes()) {
            terminal.line("  node %d   %s   operators %s   log %s"
                    .formatted(node.id(), node.url(), node.opsUrl(), node.logFile()));
        }
        terminal.line("  login    admin, password in " + credentials);
        terminal.warning(
                "  WARNING  development profile: plaintext, reachable from this machine only. Not for production.");
        terminal.heading("Publish, fetch and watch a config (copy and paste)");
        terminal.line(Snippets.login(url, credentials));
        terminal.line(Snippets.publish(url));
        terminal.line(Snippets.fetch(url));
        terminal.line(Snippets.watch(url));
        terminal.heading("Ctrl-C stops it; the data stays.");
    }

    private static void checkPort(NodeProcess node) {
        for (int port :
                new int[] {node.httpPort(), node.peerPort(), node.opsUrl().getPort()}) {
            try (var socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                socket.setReuseAddress(true);
            } catch (IOException e) {
                throw new LocalException("port " + port + " of node " + node.id()
                        + " is in use (stop what uses it, or say" + " ./cx run --port with another number)");
            }
        }
    }

    private static String value(List<String> arguments, int place, String option) {
        if (place >= arguments.size()) {
            throw new LocalException(option + ": missing value (./cx run --help)");
        }
        return arguments.get(place);
    }

    private static int number(String name, String text, int min, int max) {
        try {
            int value = Integer.parseInt(text);
            if (value >= min && value <= max) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Falls through to the one message.
        }
        throw new LocalException(
                name + ": " + text + " (expected: a whole number from " + min + " to " + max + "; ./cx run --help)");
    }
}
