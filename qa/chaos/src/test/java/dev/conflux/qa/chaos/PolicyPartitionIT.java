package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
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

                // then: the minority neither writes nor reads
                for (int node : minority) {
                    assertThat(policies.ask(node, "do lost-" + leaderInMinority + "-" + node + " put rule-3 lost"))
                            .doesNotStartWith("ok");
                    assertThat(policies.ask(node, "read linearizable get rule-1"))
                            .doesNotStartWith("ok");
                }

                // and when
                policies.network().healPartition(List.of(minority, majority));

                // then
                Samples.awaitAgreement(policies);
                for (int node = 1; node <= 5; node++) {
                    assertThat(policies.ask(node, "read stale get rule-2")).endsWith(" deny-" + leaderInMinority);
                }
            }
        }
    }
}
