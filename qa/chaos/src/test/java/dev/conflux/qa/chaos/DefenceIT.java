package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A defence switched off must be seen: otherwise a green run of the scenario that guards it says nothing. */
@Tag("long")
class DefenceIT {

    @TempDir
    Path directory;

    @Test
    void shouldSeeOldReadsWithoutTheReadIndex() {
        Run.Result result = run(
                "register-links",
                "defence.read_index=return",
                new Plan.Step(2_000, FaultKind.ISOLATE, "leader", 3_000, ""));

        assertThat(result.violations())
                .anySatisfy(
                        violation -> assertThat(violation).containsAnyOf("revision order:", "linearizability (WGL):"));
    }

    @Test
    void shouldSeeDoubleWritesWithoutTheDedupRecords() {
        Run.Result result = run(
                "register-once",
                "defence.dedup=return\ndefence.dedup_read=return",
                new Plan.Step(1_500, FaultKind.FREEZE, "leader", 4_500, ""),
                new Plan.Step(7_500, FaultKind.RESET, "leader", 1_500, ""));

        assertThat(result.violations())
                .anySatisfy(
                        violation -> assertThat(violation).containsAnyOf("revision order:", "linearizability (WGL):"));
    }

    @Test
    void shouldSeeLostWritesWithoutFsync() {
        assumeThat(PowerCut.possible()).isTrue();
        var powerCut = new Plan.Step(4_000, FaultKind.POWER_CUT, "", 300, "");
        Run.Result with = run("register-power", "", powerCut);
        Run.Result without = run("register-power", "defence.fsync=return", powerCut);

        // Either a write is gone, or the nodes notice that their logs are too short and none of them leads.
        assertThat(with.violations()).isEmpty();
        assertThat(without.violations())
                .anySatisfy(violation -> assertThat(violation)
                        .containsAnyOf(
                                "revision order:",
                                "linearizability (WGL):",
                                "without faults the nodes tell",
                                "cannot be read"));
    }

    @Test
    void shouldSeeAStateThatDriftsWithoutTheComparisonOfDigests() {
        var drift = new Plan.Step(2_000, FaultKind.DRIFT, "follower", 1_000, "60000");
        Run.Result with = run("register-drift", "", drift);
        Run.Result without = run("register-drift", "defence.digest=return", drift);

        assertThat(with.violations()).isEmpty();
        assertThat(without.violations())
                .anySatisfy(
                        violation -> assertThat(violation).contains("has another state than the others and goes on"))
                .anySatisfy(violation -> assertThat(violation).contains("without faults the nodes tell"));
    }

    @Test
    void shouldSeeJobsTakenTwiceWithoutRequestIds() {
        Run.Result result = run(
                "jobs-all",
                "defence.sample_dedup=return",
                new Plan.Step(1_500, FaultKind.FREEZE, "leader", 4_500, ""),
                new Plan.Step(7_500, FaultKind.RESET, "leader", 1_500, ""));

        assertThat(result.violations())
                .anySatisfy(violation -> assertThat(violation).contains("taken once:"));
    }

    private Run.Result run(String scenario, String armed, Plan.Step... steps) {
        Scenario named = Scenarios.find(scenario).orElseThrow();
        var plan = new Plan(
                scenario, 1, 11_000, named.nodes(), named.clients(), Math.min(10, named.keys()), List.of(steps));
        return Run.alone(named, plan, directory.resolve(scenario + armed.length()), armed);
    }
}
