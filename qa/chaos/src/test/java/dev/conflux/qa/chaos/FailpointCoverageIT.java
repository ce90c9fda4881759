package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Failpoints that nothing comes to would test nothing. */
class FailpointCoverageIT {

    private static final Path ROOT = Path.of(System.getProperty("conflux.root"));
    private static final Pattern POINT =
            Pattern.compile("Failpoints\\s*\\.(?:hit|disk|skips|shift)\\(\\s*\"([^\"]*)\"");
    private static final List<String> MODULES =
            List.of("consensus/jraft", "core/state", "core/service", "adapter/rocksdb", "server");

    @TempDir
    Path directory;

    @Test
    void shouldHaveFiftyNamesEachAtOnePlace() throws IOException {
        // when
        List<String> points = points();

        // then
        assertThat(points).hasSizeGreaterThanOrEqualTo(50).doesNotHaveDuplicates();
        assertThat(points).allMatch(point -> point.matches("[a-z]+\\.[a-z_]+"));
        assertThat(points)
                .containsAll(Stream.of(
                                Failpoint.STEPS,
                                Failpoint.INSTALL_STEPS,
                                Failpoint.OVERTAKING_STEPS,
                                Failpoint.MEMBER_STEPS)
                        .flatMap(List::stream)
                        .map(step -> step.substring(step.indexOf(':') + 1))
                        .filter(step -> !step.isEmpty())
                        .map(step -> step.substring(0, step.indexOf('=')))
                        .collect(Collectors.toSet()));
    }

    @Test
    @Tag("long")
    void shouldComeToEveryPoint() throws IOException {
        // given: everything that a node does
        var plan = new Plan(
                "bank-watch",
                7,
                18_000,
                3,
                10,
                20,
                List.of(
                        new Plan.Step(3_000, FaultKind.TERMINATE, "leader", 300, ""),
                        // After two of them the log's beginning is gone, so that who is rebuilt must fetch one.
                        new Plan.Step(5_500, FaultKind.SNAPSHOT, "leader", 300, ""),
                        new Plan.Step(7_000, FaultKind.SNAPSHOT, "leader", 300, ""),
                        new Plan.Step(8_500, FaultKind.REBUILD, "follower", 1_000, ""),
                        new Plan.Step(14_500, FaultKind.TRANSFER, "follower", 300, "")));

        // when
        Run.Result result = Run.alone(Scenarios.find("bank-watch").orElseThrow(), plan, directory.resolve("run"), "");

        // and when: members change, and the leader is one of them
        Scenario members = Scenarios.find("register-member-steps").orElseThrow();
        var change = new Plan(
                members.name(),
                7,
                12_000,
                3,
                10,
                20,
                List.of(new Plan.Step(1_500, FaultKind.REPLACE, "leader", 8_000, "")));
        Run.Result changed = Run.alone(members, change, directory.resolve("change"), "");

        // and when: a log holds what others have differently, and a leader hands over for certain
        Set<String> overtaken = new TreeSet<>();
        try (SampleTarget policies = SampleTarget.start("policies", directory.resolve("policies"), 3, "")) {
            var overtaking = new Overtaking(policies);
            overtaken.addAll(overtaking.until("log.before_truncate", false, false));
            overtaken.addAll(overtaking.until("log.before_reset", true, false));
            overtaken.addAll(Samples.handOver(policies));
        }

        // then
        assertThat(result.violations()).isEmpty();
        assertThat(changed.violations()).isEmpty();
        Set<String> missed = new TreeSet<>(points());
        missed.removeAll(result.points());
        missed.removeAll(changed.points());
        missed.removeAll(overtaken);
        assertThat(missed).isEmpty();
    }

    private static List<String> points() throws IOException {
        var points = new ArrayList<String>();
        for (String module : MODULES) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                for (Path file :
                        files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    POINT.matcher(Files.readString(file)).results().forEach(found -> points.add(found.group(1)));
                }
            }
        }
        return points;
    }
}
