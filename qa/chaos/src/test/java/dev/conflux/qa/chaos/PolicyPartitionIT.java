package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first design's scenario two: five members of a policy service, cut into three and two. */
@Tag("long")
class PolicyPartitionIT {

    @TempDir
    Path directory;

    @Test
    void shouldGoOnInTheMajorityRefuseInTheMinorityAndConvergeWhenHealed() {
        try (SampleTarget policies = SampleTarget.start("policies", directory, 5, "")) {
            for (boolean leaderInMinority : List.of(true, false)) {
                // given
                int leader = Samples.awaitLeader(policies, node -> true);
                int next = leader % 5 + 1;
                List<Integer> minority = leaderInMinority ? List.of(leader, next) : List.of(next, next % 5 + 1);
                List<Integer> majority = IntStream.rangeClosed(1, 5)
                        .filter(node -> !minority.contains(node))
                        .boxed()
                        .toList();
                Samples.persist(policies, majority, "before-" + leaderInMinority, "put rule-1 warn");

                // when
                policies.network().partition(List.of(minority, majority));
                Samples.persist(
                        policies, majority, "during-" + leaderInMinority, "put rule-2 deny-" + leaderInMinority);

                // then: the majority serves, the minority neither writes nor reads, and says so in time
                for (int node : majority) {
                    assertThat(policies.ask(node, "read linearizable get rule-2"))
                            .endsWith(" deny-" + leaderInMinority);
                }
                for (int node : minority) {
                    // A deposed leader may answer strong reads until it notices.
                    assertThat(Os.await(
                                    Samples.PATIENCE,
                                    () -> !"LEADER".equals(policies.status(node).get("role"))))
                            .isTrue();
                    refuses(policies, node, "do lost-" + leaderInMinority + "-" + node + " put rule-3 lost");
                    refuses(policies, node, "read linearizable get rule-1");
                    refuses(policies, node, "read strong get rule-1");
                    assertThat(policies.ask(node, "read stale get rule-1")).endsWith(" warn");
                }

                // and when
                policies.network().healPartition(List.of(minority, majority));

                // then
                Samples.awaitAgreement(policies);
                for (int node = 1; node <= 5; node++) {
                    assertThat(policies.ask(node, "read stale get rule-2")).endsWith(" deny-" + leaderInMinority);
                    Samples.persist(
                            policies, List.of(node), "after-" + leaderInMinority + "-" + node, "put rule-4 " + node);
                    assertThat(policies.ask(node, "read linearizable get rule-4"))
                            .endsWith(" " + node);
                }
            }
        }
    }

    @Test
    void shouldGoOnWhenOneMemberSeesBothHalves() {
        try (SampleTarget policies = SampleTarget.start("policies", directory, 5, "")) {
            // given: the bridge belongs to neither group, and so talks to everybody
            int leader = Samples.awaitLeader(policies, node -> true);
            int bridge = leader % 5 + 1;
            List<Integer> rest = IntStream.rangeClosed(1, 5)
                    .filter(node -> node != leader && node != bridge)
                    .boxed()
                    .toList();
            List<Integer> one = List.of(leader, rest.get(0));
            List<Integer> other = List.of(rest.get(1), rest.get(2));

            // when
            policies.network().partition(List.of(one, other));

            // then: with the bridge either half is a majority, and is not disturbed again and again
            for (int write = 0; write < 50; write++) {
                Samples.persist(policies, policies.members(), "bridged-" + write, "put rule-1 value-" + write);
            }
            assertThat(Os.await(Samples.PATIENCE, () -> leaders(policies) == 1)).isTrue();

            // and when
            policies.network().healPartition(List.of(one, other));

            // then
            Samples.awaitAgreement(policies);
            assertThat(policies.ask(bridge, "read linearizable get rule-1")).endsWith(" value-49");
        }
    }

    private static long leaders(SampleTarget policies) {
        return policies.members().stream()
                .filter(node -> "LEADER".equals(policies.status(node).get("role")))
                .count();
    }

    /** Within the three seconds that a member gives a request, and not by silence. */
    private static void refuses(SampleTarget policies, int node, String request) {
        long asked = System.nanoTime();
        assertThat(policies.ask(node, request)).matches("(failed|unknown) .*");
        assertThat(Duration.ofNanos(System.nanoTime() - asked)).isLessThan(Duration.ofSeconds(4));
    }
}
