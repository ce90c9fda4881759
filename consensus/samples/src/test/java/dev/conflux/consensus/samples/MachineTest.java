package dev.conflux.consensus.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {

    @TempDir
    Path directory;

    private long index;

    @Test
    void shouldAssignEachJobOnceInTheOrderOfSubmission() {
        // given
        var jobs = new JobScheduler();
        apply(jobs, "r1 submit a");
        apply(jobs, "r2 submit b");

        // when
        String first = apply(jobs, "r3 take runner-1");
        String second = apply(jobs, "r4 take runner-2");
        String third = apply(jobs, "r5 take runner-3");

        // then
        assertThat(first).isEqualTo("3 new ok a");
        assertThat(second).isEqualTo("4 new ok b");
        assertThat(third).isEqualTo("5 new none");
        assertThat(query(jobs, "job a")).isEqualTo("5 assigned runner-1 r3");
        assertThat(apply(jobs, "r5a assign a runner-9")).isEqualTo("6 new ok runner-1");
        assertThat(apply(jobs, "r5b assign urgent runner-9")).isEqualTo("7 new ok runner-9");
        assertThat(apply(jobs, "r6 finish a runner-2")).isEqualTo("8 new not_assigned");
        assertThat(apply(jobs, "r7 finish a runner-1")).isEqualTo("9 new ok");
        assertThat(query(jobs, "changes")).isEqualTo("9 3 a runner-1;4 b runner-2;7 urgent runner-9");
    }

    @Test
    void shouldAnswerARepeatedRequestWithItsFirstAnswer() {
        // given
        var jobs = new JobScheduler();
        apply(jobs, "r1 submit a");
        apply(jobs, "r2 submit b");
        apply(jobs, "r3 take runner-1");

        // when
        String again = apply(jobs, "r3 take runner-1");
        String other = apply(jobs, "r3 take runner-2");

        // then
        assertThat(again).isEqualTo("3 again ok a");
        assertThat(other).isEqualTo("3 again reused");
        assertThat(query(jobs, "waiting")).isEqualTo("3 1");
    }

    @Test
    void shouldChangeARuleOnlyFromTheVersionThatWasSeen() {
        // given
        var policies = new PolicyService();
        apply(policies, "r1 put no-md5 deny");

        // then
        assertThat(apply(policies, "r2 cas no-md5 1 warn")).isEqualTo("2 new ok 2");
        assertThat(apply(policies, "r3 cas no-md5 1 allow")).isEqualTo("3 new conflict 2");
        assertThat(apply(policies, "r4 cas fresh 0 deny")).isEqualTo("4 new ok 1");
        assertThat(query(policies, "get no-md5")).isEqualTo("4 2 warn");
        assertThat(query(policies, "get absent")).isEqualTo("4 0 -");
    }

    @Test
    void shouldTakeNonsenseAsAnOutcome() {
        var policies = new PolicyService();
        assertThat(apply(policies, "")).isEqualTo("1 new invalid");
        assertThat(apply(policies, "r1 put")).isEqualTo("2 new invalid");
        assertThat(apply(policies, "r2 drop everything")).isEqualTo("3 new invalid");
        assertThat(query(policies, "get")).isEqualTo("3 invalid");
    }

    @Test
    void shouldBeTheSameAfterSnapshotAndRestore() throws IOException {
        for (MemoryMachine original : List.of(new JobScheduler(), new PolicyService())) {
            // given
            var random = new SplittableRandom(7);
            for (int i = 0; i < 500; i++) {
                int n = random.nextInt(40);
                apply(
                        original,
                        original instanceof JobScheduler
                                ? "r" + i
                                        + switch (i % 3) {
                                            case 0 -> " submit j" + i;
                                            case 1 -> " take w" + n;
                                            default -> " finish j" + (i - 2) + " w" + n;
                                        }
                                : "r" + i + (i % 2 == 0 ? " put p" + n + " t" + i : " cas p" + n + " 1 t" + i));
            }
            Path target = directory.resolve(original.getClass().getSimpleName());
            java.nio.file.Files.createDirectories(target);

            // when
            original.beginSnapshot(target).complete();
            MemoryMachine copy = original instanceof JobScheduler ? new JobScheduler() : new PolicyService();
            LogPosition position = copy.restore(target);

            // then
            assertThat(position).isEqualTo(original.applied());
            for (String query : List.of("digest", "dump", "changes")) {
                assertThat(query(copy, query)).isEqualTo(query(original, query));
            }
            assertThat(apply(copy, "r1 take w1")).contains(" again ");
            String next = original instanceof JobScheduler ? "next take w" : "next put p text";
            assertThat(apply(copy, next)).isEqualTo(apply(original, next));
            assertThat(query(copy, "digest")).isEqualTo(query(original, "digest"));
        }
    }

    private String apply(StateMachine machine, String command) {
        var entry = new LogEntry(new LogPosition(++index, 1), 0, command.getBytes(StandardCharsets.UTF_8));
        return new String(machine.apply(List.of(entry)).getFirst(), StandardCharsets.UTF_8);
    }

    private static String query(StateMachine machine, String query) {
        return new String(machine.query(query.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
    }
}
