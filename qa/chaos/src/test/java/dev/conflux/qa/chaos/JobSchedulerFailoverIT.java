package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The first design's scenario one: the leader of a job scheduler ends, as by {@code kill -9}, while an assignment is
 * being replicated.
 */
@Tag("long")
class JobSchedulerFailoverIT {

    /** The goal is one second; a machine at its limit gets more before a test calls it broken. */
    private static final Duration ELECTION = Duration.ofSeconds(10);

    /** Not yet in the log; in the leader's log and perhaps others'; on a majority; applied, but not answered. */
    private static final List<String> MOMENTS = List.of(
            "log.before_append=halt", "log.after_append=halt", "apply.before_batch=halt", "apply.before_replies=halt");

    @TempDir
    Path directory;

    @Test
    void shouldAssignAJobOnceWhenTheLeaderDiesWhileItIsAssigned() {
        try (SampleTarget jobs = SampleTarget.start("jobs", directory, 3, "");
                var client = new SampleClient(jobs, new SplittableRandom(1))) {
            for (int round = 0; round < MOMENTS.size(); round++) {
                // given
                Samples.persist(client, "submit-" + round, "submit compile-" + round);
                int leader = Samples.awaitLeader(jobs, node -> true);
                FailpointFile.of(jobs.failpoints(leader)).arm(MOMENTS.get(round));
                Os.sleep(Duration.ofMillis(200)); // the file is looked at every 20 ms

                // when: the request, repeated under its id until somebody knows its fate
                String request = "take-" + round;
                SampleClient.Reply first = client.send("do " + request + " take runner-" + round);
                boolean ended = Os.await(Samples.PATIENCE, () -> !jobs.alive(leader));
                long died = System.nanoTime();
                Samples.awaitLeader(jobs, node -> node != leader);
                Duration election = Duration.ofNanos(System.nanoTime() - died);
                List<String> answer = Samples.persist(client, request, "take runner-" + round);

                // then
                assertThat(ended).as("leader ended at " + MOMENTS.get(round)).isTrue();
                // Unknown, or done: a member that passed the request on asks the next leader by itself.
                assertThat(first.fate()).as("told it had no effect").isNotEqualTo(Fate.FAIL);
                assertThat(election).isLessThan(ELECTION);
                assertThat(answer.subList(2, 4)).containsExactly("ok", "compile-" + round);

                // and when: the old leader comes back
                FailpointFile.of(jobs.failpoints(leader)).disarm();
                jobs.start(leader);

                // then: all hold exactly this assignment
                Samples.awaitAgreement(jobs);
                for (int node = 1; node <= 3; node++) {
                    assertThat(jobs.ask(node, "read stale job compile-" + round))
                            .endsWith(" assigned runner-" + round + " " + request);
                    assertThat(jobs.ask(node, "read stale waiting")).endsWith(" 0");
                }
            }
        }
    }
}
