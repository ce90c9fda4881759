package dev.conflux.consensus.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CheckerTest {

    private static final int VALID_HISTORIES = 300;

    @Test
    void shouldRaiseNoAlarmOnValidHistories() {
        long unknown = 0;
        for (long seed = 0; seed < VALID_HISTORIES; seed++) {
            // given
            History history = ValidHistory.generate(seed);
            unknown += history.operations().stream()
                    .filter(operation -> operation.status() == Operation.Status.UNKNOWN)
                    .count();
            for (Checker checker : ValidHistory.checkers()) {
                // when, then
                assertThat(checker.check(history)).as("seed %d", seed).isInstanceOf(Verdict.Valid.class);
            }
        }
        assertThat(unknown).isGreaterThan(VALID_HISTORIES * 3);
    }

    @Test
    void shouldCatchEveryMutant() {
        assertThat(Mutant.ALL)
                .hasSizeGreaterThanOrEqualTo(20)
                .extracting(Mutant::name)
                .doesNotHaveDuplicates();
        for (Mutant mutant : Mutant.ALL) {
            int made = 0;
            for (long seed = 0; seed < 60; seed++) {
                // given
                var random = new SplittableRandom(seed);
                History mutated = mutant.change().apply(ValidHistory.generate(seed), random);
                if (mutated == null) {
                    continue;
                }
                made++;
                // when
                Checker checker = ValidHistory.checkers().stream()
                        .filter(each -> each.getClass() == mutant.catcher())
                        .findFirst()
                        .orElseThrow();
                // then
                Verdict verdict = checker.check(mutated);
                assertThat(verdict)
                        .as("mutant '%s', seed %d", mutant.name(), seed)
                        .isInstanceOf(Verdict.Invalid.class);
                assertThat(((Verdict.Invalid) verdict).witness()).isNotBlank();
            }
            assertThat(made)
                    .as("histories where '%s' has a place", mutant.name())
                    .isGreaterThan(10);
        }
    }
}
