package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node whose heap or stack is used up ends, or refuses the one request, and never goes on half. */
@Tag("long")
class ExhaustedNodeIT {

    /** Comes to nothing, but what a cluster of its own leaves is there for a look. */
    private static final String OWN_CLUSTER = "none.at_all=return";

    @TempDir
    Path directory;

    @Test
    void shouldEndWithoutHeapWhileTheOthersServe() throws IOException {
        // given
        Scenario registers = Scenarios.find("register-failpoints").orElseThrow();
        var plan = new Plan(
                registers.name(),
                89,
                20_000,
                3,
                10,
                20,
                List.of(
                        new Plan.Step(2_000, FaultKind.FAILPOINT, "leader", 3_000, "apply.before_batch=exhaust"),
                        new Plan.Step(8_000, FaultKind.FAILPOINT, "leader", 2_000, "apply.before_batch=overflow"),
                        new Plan.Step(14_000, FaultKind.FAILPOINT, "leader", 1_000, "write.before_propose=overflow")));

        // when
        Run.Result result;
        try (var clusters = new Clusters(directory.resolve("unused"))) {
            result = new Run(registers, plan, directory.resolve("run"), OWN_CLUSTER, clusters).carryOut();
        }

        // then: the first two end their nodes, whom the plan starts again; the third costs single requests
        assertThat(result.violations()).isEmpty();
        assertThat(result.faults()).containsEntry("failpoint", 3);
        assertThat(result.ok()).isPositive();
        assertThat(logs()).contains("java.lang.OutOfMemoryError").contains("StackOverflowError");
    }

    private String logs() throws IOException {
        var text = new StringBuilder();
        for (int node = 1; node <= 3; node++) {
            text.append(Files.readString(directory
                    .resolve("run")
                    .resolve(Run.CLUSTER)
                    .resolve("node-" + node)
                    .resolve("node.log")));
        }
        return text.toString();
    }
}
