package dev.conflux.consensus.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The bounds are several times what was measured, for machines that do other things too. */
class CheckerSpeedTest {

    @Test
    void shouldJudgeAMillionOperationsByRevisionInSeconds() {
        // given
        History history = register(1, 1_000_000, 200, 10, 0);

        // when
        long start = System.nanoTime();
        Verdict verdict = new RevisionOrderChecker().check(history);
        Duration took = Duration.ofNanos(System.nanoTime() - start);

        // then
        System.out.println("revision order, 1 000 000 operations: " + took.toMillis() + " ms");
        assertThat(verdict).isEqualTo(new Verdict.Valid("revision order", 1_000_000));
        assertThat(took).isLessThan(Duration.ofSeconds(10));
    }

    @Test
    void shouldJudgeTheLargestAllowedKeyByItsValuesInSeconds() {
        for (long seed = 1; seed <= 3; seed++) {
            // given
            History history = register(seed, WglChecker.MAX_OPERATIONS_PER_KEY, 1, WglChecker.MAX_CLIENTS_PER_KEY, 0);

            // when
            long start = System.nanoTime();
            Verdict verdict = new WglChecker().check(history);
            Duration took = Duration.ofNanos(System.nanoTime() - start);

            // then
            System.out.println("WGL, 5 000 operations of 10 clients on one key: " + took.toMillis() + " ms");
            assertThat(verdict).isInstanceOf(Verdict.Valid.class);
            assertThat(took).isLessThan(Duration.ofSeconds(10));
        }
    }

    @Test
    void shouldJudgeUnknownOutcomesByValuesInSeconds() {
        for (long seed = 1; seed <= 3; seed++) {
            // given
            History history = register(seed, 2_000, 1, 8, 2);

            // when
            long start = System.nanoTime();
            Verdict verdict = new WglChecker().check(history);
            Duration took = Duration.ofNanos(System.nanoTime() - start);

            // then
            System.out.println("WGL, 2 000 operations, 2 % unknown, on one key: " + took.toMillis() + " ms");
            assertThat(verdict).isInstanceOf(Verdict.Valid.class);
            assertThat(took).isLessThan(Duration.ofSeconds(10));
        }
    }

    @Test
    void shouldSayWhichLimitWasMet() {
        assertThat(new WglChecker().check(register(1, WglChecker.MAX_OPERATIONS_PER_KEY + 1, 1, 5, 0)))
                .isInstanceOfSatisfying(
                        Verdict.Undecided.class,
                        undecided -> assertThat(undecided.limit()).contains("5001 operations (limit: 5000)"));
        assertThat(new WglChecker().check(register(1, 500, 1, 40, 0)))
                .isInstanceOfSatisfying(
                        Verdict.Undecided.class,
                        undecided -> assertThat(undecided.limit()).contains("clients at a time (limit: 10)"));
    }

    /** Reads, writes and CAS of clients that are always busy: as many overlap as there are clients. */
    private static History register(long seed, int operations, int keys, int clients, int unknownPercent) {
        record Next(int client, long call, long effect) {}
        var random = new SplittableRandom(seed);
        String[] names = new String[keys];
        long[] values = new long[keys];
        for (int key = 0; key < keys; key++) {
            names[key] = "key" + key;
            values[key] = Operation.NIL;
        }
        var queue = new PriorityQueue<Next>(Comparator.comparingLong(Next::effect));
        for (int client = 0; client < clients; client++) {
            long call = random.nextLong(1_000);
            queue.add(new Next(client, call, call + random.nextLong(1_000)));
        }
        var done = new ArrayList<Operation>(operations);
        long revision = 0;
        for (int i = 0; i < operations; i++) {
            Next next = queue.remove();
            long returned = next.effect + random.nextLong(1_000);
            int key = random.nextInt(keys);
            List<Long> args = List.of();
            List<Long> results = List.of();
            Operation.Kind kind;
            switch (random.nextInt(3)) {
                case 0 -> {
                    kind = Operation.Kind.WRITE;
                    args = List.of((long) i);
                }
                case 1 -> {
                    kind = Operation.Kind.CAS;
                    args = List.of(values[key], (long) i);
                }
                default -> {
                    kind = Operation.Kind.READ;
                    results = List.of(values[key]);
                }
            }
            if (kind.isUpdate()) {
                values[key] = i;
                revision++;
            }
            boolean unknown = kind.isUpdate() && random.nextInt(100) < unknownPercent;
            done.add(new Operation(
                    i + 1,
                    next.client,
                    kind,
                    List.of(names[key]),
                    args,
                    unknown ? List.of() : results,
                    next.call,
                    unknown ? Operation.NEVER : returned,
                    unknown ? Operation.Status.UNKNOWN : Operation.Status.OK,
                    revision,
                    1,
                    1));
            long call = returned + 1 + random.nextLong(100);
            queue.add(new Next(next.client, call, call + random.nextLong(1_000)));
        }
        return History.of(done);
    }
}
