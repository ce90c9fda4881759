package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One member after the other is replaced; each time the leader, or the node that joins, ends between two steps. */
@Tag("long")
class MemberStepsIT {

    /** So many members can join a cluster of the harness. */
    private static final int AT_ONCE = 8;

    private static final long FIRST_MILLIS = 2_000;
    private static final long APART_MILLIS = 20_000;

    @TempDir
    Path directory;

    @Test
    void shouldFinishEveryChangeWhoeverEndsInTheMiddleOfIt() throws IOException {
        List<String> all = Failpoint.MEMBER_STEPS;
        for (int from = 0; from < all.size(); from += AT_ONCE) {
            finish(all.subList(from, Math.min(all.size(), from + AT_ONCE)), directory.resolve("from-" + from));
        }
    }

    private static void finish(List<String> details, Path directory) throws IOException {
        // given
        Scenario members = Scenarios.find("register-member-steps").orElseThrow();
        var steps = new ArrayList<Plan.Step>();
        for (String detail : details) {
            String who = steps.size() % 2 == 0 ? "follower" : "leader";
            steps.add(new Plan.Step(
                    FIRST_MILLIS + steps.size() * APART_MILLIS, FaultKind.REPLACE, who, APART_MILLIS, detail));
        }
        var plan = new Plan(members.name(), 10, steps.size() * APART_MILLIS, 3, 10, 20, steps);

        // when
        Run.Result result;
        try (var clusters = new Clusters(directory.resolve("unused"))) {
            result = new Run(members, plan, directory.resolve("run"), "", clusters).carryOut();
        }

        // then
        assertThat(result.violations()).isEmpty();
        assertThat(result.faults()).containsEntry("replace", steps.size());
        String logs = logs(directory.resolve("run").resolve(Run.CLUSTER));
        assertThat(details)
                .map(step -> step.substring(step.indexOf(':') + 1, step.indexOf('=')))
                .allSatisfy(point -> assertThat(logs).contains("failpoint " + point + ": halt"));
    }

    private static String logs(Path cluster) throws IOException {
        var text = new StringBuilder();
        try (Stream<Path> nodes = Files.list(cluster)) {
            List<Path> logs = nodes.map(node -> node.resolve("node.log"))
                    .filter(Files::exists)
                    .toList();
            for (Path log : logs) {
                text.append(Files.readString(log));
            }
        }
        return text.toString();
    }
}
