package dev.conflux.consensus.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class WglCheckerTest {

    private static final int HISTORIES = 5_000;

    /** Small enough to try every order; about as often legal as not. */
    @Test
    void shouldAgreeWithTryingEveryOrder() {
        int legal = 0;
        for (long seed = 0; seed < HISTORIES; seed++) {
            // given
            List<Operation> operations = random(new SplittableRandom(seed));

            // when
            Verdict verdict = new WglChecker().check(History.of(operations));

            // then
            boolean expected = isLegal(operations, new boolean[operations.size()], Operation.NIL);
            assertThat(verdict)
                    .as("seed %d\n%s", seed, HistoryText.lines(operations, 0))
                    .isInstanceOf(expected ? Verdict.Valid.class : Verdict.Invalid.class);
            legal += expected ? 1 : 0;
        }
        assertThat(legal).isBetween(HISTORIES / 10, HISTORIES * 9 / 10);
    }

    @Test
    void shouldEndTheWitnessAtTheFirstReturnThatCannotBeExplained() {
        // given: 1 and 2 are right, 3 is stale, 4 is wrong too but later
        List<Operation> operations = List.of(
                operation(1, Operation.Kind.WRITE, List.of(1L), List.of(), 0, 10),
                operation(2, Operation.Kind.WRITE, List.of(2L), List.of(), 20, 30),
                operation(3, Operation.Kind.READ, List.of(), List.of(1L), 40, 50),
                operation(4, Operation.Kind.READ, List.of(), List.of(7L), 60, 70));

        // when
        Verdict verdict = new WglChecker().check(History.of(operations));

        // then
        assertThat(verdict).isInstanceOfSatisfying(Verdict.Invalid.class, invalid -> {
            assertThat(invalid.operations()).containsExactly(3L, 1L);
            assertThat(invalid.witness())
                    .contains("Operation 3 on key", "key was 2", "Shortest failing prefix on key: 3 operations")
                    .doesNotContain("op 4");
        });
    }

    /** Whether the operations not yet done can follow, the value being {@code value}. */
    private static boolean isLegal(List<Operation> operations, boolean[] done, long value) {
        long firstReturn = Operation.NEVER;
        boolean complete = true;
        for (int i = 0; i < done.length; i++) {
            if (!done[i]) {
                firstReturn = Math.min(firstReturn, operations.get(i).returnNanos());
                complete &= operations.get(i).status() == Operation.Status.UNKNOWN;
            }
        }
        if (complete) {
            return true;
        }
        for (int i = 0; i < done.length; i++) {
            Operation next = operations.get(i);
            if (done[i] || next.callNanos() > firstReturn) {
                continue;
            }
            boolean fits = switch (next.kind()) {
                case READ -> next.results().getFirst() == value;
                case CAS -> next.args().getFirst() == value;
                default -> true;
            };
            if (fits) {
                done[i] = true;
                boolean legal = isLegal(operations, done, next.kind().isUpdate() ? next.written(0) : value);
                done[i] = false;
                if (legal) {
                    return true;
                }
            }
        }
        return false;
    }

    private static List<Operation> random(SplittableRandom random) {
        var operations = new ArrayList<Operation>();
        long call = 0;
        for (int id = 1; id <= 7; id++) {
            call += 1 + random.nextInt(20);
            long returned = call + 1 + random.nextInt(60);
            long value = 1L + random.nextInt(3);
            long expected = random.nextInt(4) == 0 ? Operation.NIL : 1L + random.nextInt(3);
            Operation.Kind kind = switch (random.nextInt(5)) {
                case 0, 1 -> Operation.Kind.READ;
                case 2 -> Operation.Kind.CAS;
                default -> Operation.Kind.WRITE;
            };
            boolean unknown = kind.isUpdate() && random.nextInt(4) == 0;
            operations.add(operation(
                    id,
                    kind,
                    kind == Operation.Kind.READ
                            ? List.of()
                            : kind == Operation.Kind.CAS ? List.of(expected, value) : List.of(value),
                    kind == Operation.Kind.READ ? List.of(expected) : List.of(),
                    call,
                    unknown ? Operation.NEVER : returned));
        }
        return operations;
    }

    private static Operation operation(
            long id, Operation.Kind kind, List<Long> args, List<Long> results, long call, long returned) {
        return new Operation(
                id,
                (int) id,
                kind,
                List.of("key"),
                args,
                results,
                call,
                returned,
                returned == Operation.NEVER ? Operation.Status.UNKNOWN : Operation.Status.OK,
                0,
                0,
                1);
    }
}
