package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A leader stands still, as by SIGSTOP or a long pause of its machine; others lead and commit; it goes on, knowing
 * nothing of that, and finds requests of its clients.
 */
@Tag("long")
class FrozenLeaderIT {

    private static final int ROUNDS = 12;
    private static final int CLIENTS = 20;

    @TempDir
    Path directory;

    @Test
    void shouldServeNothingOldAndWriteNothingBesideItsSuccessor() throws IOException {
        try (SampleTarget policies = SampleTarget.start("policies", directory, 3, "")) {
            for (int round = 1; round <= ROUNDS; round++) {
                assertThat(oldAnswers(policies, round))
                        .as("old answers in round %d", round)
                        .isZero();
            }
        }
    }

    /** Otherwise the other test would say nothing. */
    @Test
    void shouldServeOldValuesWithoutTheReadIndex() throws IOException {
        try (SampleTarget policies = SampleTarget.start("policies", directory, 3, "defence.read_index=return")) {
            int old = 0;
            for (int round = 1; round <= ROUNDS && old == 0; round++) {
                old = oldAnswers(policies, round);
            }
            assertThat(old).as("old answers").isPositive();
        }
    }

    /** How many linearizable reads the old leader answers with what its successor had overwritten. */
    private static int oldAnswers(SampleTarget policies, int round) throws IOException {
        // given
        int leader = Samples.awaitLeader(policies, node -> true);
        List<Integer> others =
                policies.members().stream().filter(node -> node != leader).toList();
        Samples.persist(policies, policies.members(), "first-" + round, "put rule first-" + round);
        long version = version(policies, leader);
        var readers = new ArrayList<LineClient>();
        var writers = new ArrayList<LineClient>();
        try {
            for (int i = 0; i < CLIENTS; i++) {
                readers.add(new LineClient(policies.clientPort(leader), Samples.PATIENCE));
                writers.add(new LineClient(policies.clientPort(leader), Samples.PATIENCE));
            }

            // when: everything is asked after the successor has acknowledged
            policies.freeze(leader);
            assertThat(Os.await(
                            Samples.PATIENCE,
                            () -> others.stream()
                                    .anyMatch(node -> "LEADER"
                                            .equals(policies.status(node).get("role")))))
                    .as("a successor")
                    .isTrue();
            Samples.persist(policies, others, "second-" + round, "put rule second-" + round);
            for (int i = 0; i < CLIENTS; i++) {
                readers.get(i).send("read linearizable get rule");
                writers.get(i).send("do late-" + round + "-" + i + " cas rule " + version + " late-" + round);
            }
            policies.thaw(leader);

            // then: from the version that was before, nobody can write any more
            int old = 0;
            for (LineClient reader : readers) {
                String answer = reader.answer();
                old += answer.startsWith("ok ") && !answer.endsWith(" second-" + round) ? 1 : 0;
            }
            for (LineClient writer : writers) {
                assertThat(writer.answer()).doesNotContain(" new ok ");
            }
            Samples.awaitAgreement(policies);
            for (int node : policies.members()) {
                assertThat(policies.ask(node, "read stale get rule"))
                        .endsWith(" " + (version + 1) + " second-" + round);
            }
            return old;
        } finally {
            policies.thaw(leader);
            readers.forEach(LineClient::close);
            writers.forEach(LineClient::close);
        }
    }

    /** {@code ok REVISION VERSION TEXT}. */
    private static long version(SampleTarget policies, int node) {
        String[] words = policies.ask(node, "read linearizable get rule").split(" ", -1);
        assertThat(words).hasSize(4).startsWith("ok");
        return Long.parseLong(words[2]);
    }
}
