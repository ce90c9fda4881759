package dev.conflux.consensus.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoryFileTest {

    @TempDir
    Path directory;

    @Test
    void shouldReadBackWhatWasWritten() throws IOException {
        // given
        Path file = directory.resolve("history");
        var time = new AtomicLong(1_000);
        var frame =
                new WatchFrame(3, 2, 1_500, WatchFrame.Kind.CHANGES, 8, List.of("a"), List.of(new Change(8, "a", 5)));
        var log = new NodeLog(1, 4, 9, List.of(new Change(5, "a", 1), new Change(5, "b", Operation.NIL)));
        var membership = new Membership(1, 12, List.of("2", "1"), List.of("3"));
        var fault = new Fault("kill", List.of(1, 2), 1_100, 1_200, "leader");

        // when
        try (var writer = new HistoryWriter(file, time::incrementAndGet)) {
            HistoryWriter.Call read = writer.call(7, Operation.Kind.READ, List.of("a", "b"), List.of(), 1);
            HistoryWriter.Call cas = writer.call(8, Operation.Kind.CAS, List.of("a"), List.of(1L, 2L), 2);
            HistoryWriter.Call write = writer.call(9, Operation.Kind.WRITE, List.of("a"), List.of(3L), 3);
            writer.call(10, Operation.Kind.WRITE, List.of("a"), List.of(4L), 3);
            cas.fail();
            read.ok(List.of(5L, Operation.NIL), 11, 2, 3);
            write.unknown();
            writer.frame(frame);
            writer.log(log);
            writer.membership(membership);
            writer.fault(fault);
        }

        // then
        assertThat(History.read(file))
                .isEqualTo(new History(
                        List.of(
                                new Operation(
                                        1,
                                        7,
                                        Operation.Kind.READ,
                                        List.of("a", "b"),
                                        List.of(),
                                        List.of(5L, Operation.NIL),
                                        1_001,
                                        1_006,
                                        Operation.Status.OK,
                                        11,
                                        2,
                                        3),
                                new Operation(
                                        2,
                                        8,
                                        Operation.Kind.CAS,
                                        List.of("a"),
                                        List.of(1L, 2L),
                                        List.of(),
                                        1_002,
                                        1_005,
                                        Operation.Status.FAIL,
                                        0,
                                        0,
                                        2),
                                unknown(3, 9, 3L, 1_003),
                                unknown(4, 10, 4L, 1_004)),
                        List.of(frame),
                        List.of(log),
                        List.of(membership),
                        List.of(fault)));
        assertThat(History.read(file).text())
                .contains("op 2  client 8  node 2  [0.000 .. 0.000] ms  cas(a: 1 -> 2) fail")
                .contains("read(a, b) ok = 5, nil  revision 11")
                .contains("watcher 3")
                .contains("fault kill  nodes [1, 2]");
    }

    @Test
    void shouldReadThePrefixOfAFileCutAnywhere() throws IOException {
        // given
        Path file = directory.resolve("history");
        try (var writer = new HistoryWriter(file)) {
            for (int i = 0; i < 5; i++) {
                writer.call(i, Operation.Kind.WRITE, List.of("key"), List.of((long) i), 1)
                        .ok(List.of(), i + 1, 1, 1);
            }
        }
        byte[] whole = Files.readAllBytes(file);
        List<Operation> operations = History.read(file).operations();

        // when, then
        for (int length = HistoryFile.MAGIC.length; length <= whole.length; length++) {
            Path cut = Files.write(directory.resolve("cut"), Arrays.copyOf(whole, length));
            List<Operation> read = History.read(cut).operations();
            for (int i = 0; i < read.size(); i++) {
                Operation expected = operations.get(i);
                Operation found = read.get(i);
                assertThat(found.args()).isEqualTo(expected.args());
                assertThat(found).isIn(expected, unknown(expected.id(), expected.process(), expected.args(), expected));
            }
        }
    }

    @Test
    void shouldRefuseADamagedRecord() throws IOException {
        // given
        Path file = directory.resolve("history");
        try (var writer = new HistoryWriter(file)) {
            writer.call(1, Operation.Kind.WRITE, List.of("key"), List.of(1L), 1).fail();
        }
        byte[] damaged = Files.readAllBytes(file);
        damaged[HistoryFile.MAGIC.length + 12] ^= 1;
        Files.write(file, damaged);

        // when, then
        assertThatThrownBy(() -> History.read(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("damaged");
    }

    @Test
    void shouldLoseAndMixNothingOfConcurrentClients() throws Exception {
        // given
        int clients = 8;
        int each = 2_000;
        Path file = directory.resolve("history");
        try (var writer = new HistoryWriter(file);
                var executor = Executors.newFixedThreadPool(clients)) {
            // when
            var running = new ArrayList<java.util.concurrent.Future<?>>();
            for (int client = 0; client < clients; client++) {
                int process = client;
                running.add(executor.submit(() -> {
                    for (long i = 0; i < each; i++) {
                        writer.call(process, Operation.Kind.WRITE, List.of("k" + process), List.of(i), 1)
                                .ok(List.of(), i, 1, process);
                    }
                }));
            }
            for (var future : running) {
                future.get();
            }
        }

        // then
        List<Operation> operations = History.read(file).operations();
        assertThat(operations).hasSize(clients * each);
        for (int client = 0; client < clients; client++) {
            int process = client;
            List<Operation> own = operations.stream()
                    .filter(operation -> operation.process() == process)
                    .toList();
            assertThat(own)
                    .extracting(operation -> operation.args().getFirst())
                    .isSorted()
                    .hasSize(each);
            assertThat(own).allMatch(operation -> operation.node() == process);
        }
        assertThat(operations).extracting(Operation::callNanos).isSorted();
    }

    private static Operation unknown(long id, int process, long value, long callNanos) {
        return new Operation(
                id,
                process,
                Operation.Kind.WRITE,
                List.of("a"),
                List.of(value),
                List.of(),
                callNanos,
                Operation.NEVER,
                Operation.Status.UNKNOWN,
                0,
                0,
                3);
    }

    private static Operation unknown(long id, int process, List<Long> args, Operation like) {
        return new Operation(
                id,
                process,
                like.kind(),
                like.keys(),
                args,
                List.of(),
                like.callNanos(),
                Operation.NEVER,
                Operation.Status.UNKNOWN,
                0,
                0,
                like.node());
    }
}
