package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A member gets everything by snapshot over a slow link, while the others go on writing and forget their logs. */
@Tag("long")
class SlowInstallIT {

    private static final int CLIENTS = 40;
    private static final int RULES = 12_000;
    private static final String TEXT = "x".repeat(120);
    private static final int BYTES_PER_SECOND = 1_000_000;

    /** More would be a loop: each of them fetched for nothing. */
    private static final int INSTALLS = 2;

    @TempDir
    Path directory;

    @Test
    void shouldCatchUpAfterTwoInstallsAtMost() throws Exception {
        try (SampleTarget policies = SampleTarget.start("policies", directory, 3, "")) {
            // given: some megabytes, and logs that begin behind most of them
            int leader = Samples.awaitLeader(policies, node -> true);
            int late = leader % 3 + 1;
            List<Integer> others =
                    policies.members().stream().filter(node -> node != late).toList();
            policies.kill(late);
            var next = new AtomicInteger();
            write(policies, others, next, () -> next.get() < RULES);
            for (int node : others) {
                for (int i = 0; i < 2; i++) {
                    Samples.persist(policies, others, "mark-" + node + "-" + i, "put mark " + node + "-" + i);
                    assertThat(Os.await(
                                    Samples.PATIENCE,
                                    () -> policies.ask(node, "snapshot").startsWith("ok ")))
                            .isTrue();
                }
            }

            // when
            policies.network().around(late, Flow.Fault.ofBandwidth(BYTES_PER_SECOND));
            var running = new AtomicBoolean(true);
            try (var executor = Executors.newSingleThreadExecutor()) {
                Future<?> load = executor.submit(() -> write(policies, others, next, running::get));
                policies.start(late);
                boolean caughtUp = Os.await(Samples.PATIENCE, () -> revision(policies, late) >= RULES + 500);
                running.set(false);
                load.get();

                // then
                assertThat(caughtUp).as("caught up while the others wrote").isTrue();
            }
            Samples.awaitAgreement(policies);
            assertThat(installs(policies.log(late))).isBetween(1, INSTALLS);
        }
    }

    private interface Condition {
        boolean holds();
    }

    private static void write(SampleTarget policies, List<Integer> nodes, AtomicInteger next, Condition more) {
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            var clients = new ArrayList<Future<?>>();
            for (int client = 0; client < CLIENTS; client++) {
                int node = nodes.get(client % nodes.size());
                clients.add(executor.submit(() -> {
                    try (var connection = new LineClient(policies.clientPort(node), Samples.PATIENCE)) {
                        while (more.holds()) {
                            int number = next.incrementAndGet();
                            connection.ask("do write-" + number + " put rule-" + number % RULES + " " + TEXT);
                        }
                    } catch (IOException e) {
                        throw new ChaosException("node " + node + " has gone", e);
                    }
                }));
            }
            for (Future<?> client : clients) {
                client.get();
            }
        } catch (java.util.concurrent.ExecutionException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** How many commands the node has applied; 0 when it does not say. */
    private static long revision(SampleTarget policies, int node) {
        return policies.state(node)
                .map(state -> Long.parseLong(state.split(" ", 2)[0]))
                .orElse(0L);
    }

    private static int installs(Path log) throws IOException {
        return (int) Files.readAllLines(log).stream()
                .filter(line -> line.contains("snapshot_restored"))
                .count();
    }
}
