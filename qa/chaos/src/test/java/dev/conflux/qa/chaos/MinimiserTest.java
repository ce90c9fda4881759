package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MinimiserTest {

    @Test
    void shouldKeepTheStepsThatItNeedsAndNoOther() {
        var random = new SplittableRandom(5);
        for (int round = 0; round < 200; round++) {
            // given: a plan that fails when all of some steps are in it
            List<Plan.Step> steps = steps(1 + random.nextInt(40));
            Set<Long> guilty = new TreeSet<>();
            int count = random.nextInt(Math.min(5, steps.size()) + 1);
            while (guilty.size() < count) {
                guilty.add((long) random.nextInt(steps.size()));
            }

            // when
            List<Plan.Step> left = Minimiser.minimal(steps, rest -> times(rest).containsAll(guilty));

            // then
            assertThat(times(left)).isEqualTo(guilty);
        }
    }

    @Test
    void shouldNotTryEverySubset() {
        // given
        List<Plan.Step> steps = steps(64);
        var tries = new AtomicInteger();

        // when
        List<Plan.Step> left = Minimiser.minimal(steps, rest -> {
            tries.incrementAndGet();
            return times(rest).contains(17L);
        });

        // then
        assertThat(left).hasSize(1);
        assertThat(tries.get()).isLessThan(64);
    }

    private static Set<Long> times(List<Plan.Step> steps) {
        return steps.stream().map(Plan.Step::atMillis).collect(Collectors.toCollection(TreeSet::new));
    }

    private static List<Plan.Step> steps(int count) {
        return new ArrayList<>(IntStream.range(0, count)
                .mapToObj(i -> new Plan.Step(i, FaultKind.KILL, "leader", 100, ""))
                .toList());
    }
}
