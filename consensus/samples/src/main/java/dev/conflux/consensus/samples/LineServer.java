package dev.conflux.consensus.samples;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.NodeStatus;
import dev.conflux.consensus.api.ReadLevel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The clients' port, on loopback: one request per line, one line back, in order.
 *
 * <pre>
 * do REQUEST VERB …        → ok REVISION new|again WORDS…
 * read LEVEL VERB …        → ok REVISION WORDS…              LEVEL: stale, follower, strong, linearizable
 * status                   → ok role=… leader=… term=… commit=… applied=… snapshot=… members=1,2,3
 * snapshot                 → ok INDEX
 * transfer ID              → ok
 * otherwise                  failed REASON: nothing happened · unknown REASON: it may have happened
 * </pre>
 */
final class LineServer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(LineServer.class);

    /** How long a request may take before its fate is told as it is. */
    static final Duration TIMEOUT = Duration.ofSeconds(3);

    /** More are refused, so that descriptors last. */
    private static final int MAX_CONNECTIONS = 1_000;

    /** Of a request: a verb and its few words. */
    private static final int MAX_LINE = 1_024;

    private final ConsensusNode node;
    private final MemoryMachine machine;
    private final ServerSocket socket;
    private final Semaphore connections = new Semaphore(MAX_CONNECTIONS);

    LineServer(ConsensusNode node, MemoryMachine machine, int port) throws IOException {
        this.node = node;
        this.machine = machine;
        this.socket = new ServerSocket(port, 128, InetAddress.ofLiteral("127.0.0.1"));
        Thread.ofPlatform().daemon().name("clients").start(this::accept);
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket client = socket.accept();
                if (connections.tryAcquire()) {
                    Thread.startVirtualThread(() -> serve(client));
                } else {
                    client.close();
                }
            } catch (IOException e) {
                if (!socket.isClosed()) {
                    LOG.warn("accept failed", e);
                }
            }
        }
    }

    private void serve(Socket client) {
        try (client;
                var in = new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.UTF_8))) {
            client.setTcpNoDelay(true);
            OutputStream out = client.getOutputStream();
            for (String line = in.readLine(); line != null && line.length() <= MAX_LINE; line = in.readLine()) {
                out.write((answer(Words.of(line)) + "\n").getBytes(StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            LOG.debug("client has gone", e);
        } finally {
            connections.release();
        }
    }

    private String answer(List<String> words) {
        List<String> rest = words.subList(1, words.size());
        return switch (words.getFirst()) {
            case "do" -> propose(rest);
            case "read" -> read(rest);
            case "status" -> "ok " + status(node.status());
            case "snapshot" -> "ok " + await(node.snapshot().thenApply(String::valueOf));
            case "transfer" -> transfer(rest);
            default -> "failed command: " + words.getFirst() + " (expected: do, read, status, snapshot or transfer)";
        };
    }

    private String propose(List<String> words) {
        if (words.size() < 2 || !Words.valid(words.getFirst())) {
            return "failed request id: missing or no word";
        }
        String problem = machine.problem(machine.commands(), words.subList(1, words.size()));
        if (!problem.isEmpty()) {
            return "failed " + problem;
        }
        return await(node.propose(Words.bytes(String.join(" ", words)), TIMEOUT)
                .thenApply(committed -> "ok " + new String(committed.result(), StandardCharsets.UTF_8)));
    }

    private String read(List<String> words) {
        if (words.size() < 2) {
            return "failed read: " + words + " (expected: a level and a query)";
        }
        Optional<ReadLevel> level = Arrays.stream(ReadLevel.values())
                .filter(l -> l.name().toLowerCase(Locale.ROOT).equals(words.getFirst()))
                .findFirst();
        return level.isEmpty()
                ? "failed level: " + words.getFirst()
                : await(node.query(level.get(), Words.bytes(String.join(" ", words.subList(1, words.size()))), TIMEOUT)
                        .thenApply(answer -> "ok " + new String(answer, StandardCharsets.UTF_8)));
    }

    private String transfer(List<String> words) {
        try {
            var target = new NodeId(Integer.parseInt(words.getFirst()));
            return await(node.transferLeadership(Optional.of(target)).thenApply(done -> "ok"));
        } catch (IllegalArgumentException e) {
            return "failed node id: " + words;
        }
    }

    private static String await(CompletableFuture<String> answer) {
        try {
            return answer.join();
        } catch (CompletionException e) {
            String reason = String.valueOf(e.getCause()).replace('\n', ' ');
            return e.getCause() instanceof ConsensusException known && known.hadNoEffect()
                    ? "failed " + reason
                    : "unknown " + reason;
        }
    }

    private static String status(NodeStatus status) {
        return "role=%s leader=%s term=%d commit=%d applied=%d snapshot=%d members=%s"
                .formatted(
                        status.role(),
                        status.leader().map(NodeId::toString).orElse("-"),
                        status.term(),
                        status.commitIndex(),
                        status.appliedIndex(),
                        status.snapshotIndex(),
                        status.members().stream()
                                .map(member -> member.id().toString())
                                .collect(Collectors.joining(",")));
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
