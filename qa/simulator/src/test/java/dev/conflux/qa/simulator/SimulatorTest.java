package dev.conflux.qa.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SimulatorTest {

    /** The budget of every build; {@code ./cx simulate} runs ten times as many, others, at every release. */
    private static final int SEEDS_IN_BUILD = 1_000;

    /** So few seeds must suffice to notice a broken defence of the state machine. */
    private static final int SEEDS_PER_STATE_DEFECT = 50;

    /** A broken log shows only when two rare things meet. */
    private static final int SEEDS_PER_LOG_DEFECT = 2_000;

    @Test
    void shouldFindNoViolation() {
        var totals = new Simulate.Totals();

        Optional<Simulate.Failure> failure = Simulate.run(
                0, SEEDS_IN_BUILD, Defect.NONE, Runtime.getRuntime().availableProcessors(), totals);

        assertThat(failure.map(Simulate.Failure::text)).isEmpty();
        assertThat(totals.seeds()).isEqualTo(SEEDS_IN_BUILD);
        System.out.println(totals.text());
    }

    @ParameterizedTest
    @EnumSource(
            names = {
                "DEDUP_OFF",
                "DEDUP_NOT_IN_SNAPSHOT",
                "SNAPSHOT_LOSES_CONTENT",
                "SNAPSHOT_LOSES_EVENT",
                "EVENT_NOT_STORED",
                "APPLY_ORDER_SWAPPED"
            })
    void shouldNoticeABrokenStateMachine(Defect defect) {
        assertIsNoticed(defect, SEEDS_PER_STATE_DEFECT);
    }

    @ParameterizedTest
    @EnumSource(names = {"COMMIT_WITHOUT_MAJORITY", "VOTE_FORGOTTEN", "ACKNOWLEDGE_BEFORE_SYNC", "READ_WITHOUT_QUORUM"})
    void shouldNoticeABrokenLog(Defect defect) {
        assertIsNoticed(defect, SEEDS_PER_LOG_DEFECT);
    }

    private static void assertIsNoticed(Defect defect, int seeds) {
        Optional<Simulate.Failure> failure =
                Simulate.run(0, seeds, defect, Runtime.getRuntime().availableProcessors(), new Simulate.Totals());

        assertThat(failure).as("first seed that notices %s", defect).isPresent();
        assertThat(failure.orElseThrow().text())
                .contains("./cx simulate --seed " + failure.get().seed() + " --defect " + defect);
        System.out.println(defect + " is noticed at seed " + failure.get().seed());
    }

    @Test
    void shouldReplayASeedExactly() {
        var fingerprints = new TreeSet<Long>();
        for (long seed = 0; seed < 10; seed++) {
            // given
            Simulation.Result first = Simulate.run(seed, Defect.NONE, null);

            // when
            Simulation.Result second = Simulate.run(seed, Defect.NONE, line -> {});

            // then
            assertThat(second).isEqualTo(first);
            fingerprints.add(first.fingerprint());
        }
        assertThat(fingerprints).hasSize(10);
    }

    @Test
    void shouldFailAtTheSamePlaceWhenReplayed() {
        // given
        Simulate.Failure failure = Simulate.run(0, SEEDS_PER_STATE_DEFECT, Defect.DEDUP_OFF, 1, new Simulate.Totals())
                .orElseThrow();

        // when
        Optional<Simulate.Failure> again = Simulate.run(failure.seed(), 1, Defect.DEDUP_OFF, 1, new Simulate.Totals());

        // then
        assertThat(again.orElseThrow().text()).isEqualTo(failure.text());
    }

    @Test
    void shouldExerciseEveryKindOfFaultAndOutcome() {
        // given, when
        var faults = new TreeSet<String>();
        var statuses = new TreeSet<String>();
        for (long seed = 0; seed < 40; seed++) {
            Simulation.Result result = Simulate.run(seed, Defect.NONE, null);
            result.history().faults().forEach(fault -> faults.add(fault.name()));
            result.history()
                    .operations()
                    .forEach(operation -> statuses.add(operation.kind() + " " + operation.status()));
        }

        // then
        assertThat(faults).containsExactlyInAnyOrder("campaign", "crash", "isolate", "one way", "partition", "weather");
        assertThat(statuses)
                .contains("READ OK", "STALE_READ OK", "WRITE OK", "CAS OK", "CAS FAIL", "ASSIGN OK", "CAS UNKNOWN");
    }
}
