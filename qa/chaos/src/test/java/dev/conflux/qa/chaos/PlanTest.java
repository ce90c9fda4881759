package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlanTest {

    @TempDir
    Path directory;

    @Test
    void shouldFollowFromTheSeedAlone() {
        for (Scenario scenario : Scenarios.ALL) {
            assertThat(scenario.plan(42, 28_000)).isEqualTo(scenario.plan(42, 28_000));
            assertThat(scenario.plan(42, 28_000).steps())
                    .isNotEqualTo(scenario.plan(43, 28_000).steps());
        }
    }

    @Test
    void shouldVisitEveryKindOfALine() {
        for (Scenario scenario : Scenarios.ALL) {
            Plan plan = scenario.plan(7, 600_000);
            assertThat(scenario.faults())
                    .allSatisfy(line ->
                            assertThat(plan.steps()).extracting(Plan.Step::kind).containsAll(line));
        }
    }

    @Test
    void shouldComeBackFromItsFileAsItWas() {
        for (Scenario scenario : Scenarios.ALL) {
            // given
            Plan plan = scenario.plan(9, 28_000);

            // when
            plan.write(directory);

            // then
            assertThat(Plan.read(directory.resolve(Plan.FILE))).isEqualTo(plan);
        }
    }
}
