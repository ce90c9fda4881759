package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A supervisor starts a node again and again that ends again and again, at every moment of its start and soon after. */
@Tag("long")
class CrashLoopIT {

    private static final int LOOPS = 50;
    private static final int VICTIM = 2;
    private static final long FIRST_MILLIS = 1_500;

    /** Most starts take longer than the shorter ones of these, and are over within the longer ones. */
    private static final int LEAST_MILLIS = 400;

    private static final int MOST_MILLIS = 3_000;

    /** Comes to nothing, but what a cluster of its own leaves is there for a look. */
    private static final String OWN_CLUSTER = "none.at_all=return";

    @TempDir
    Path directory;

    @Test
    void shouldLoseNothingAndNotGrowInFiftyLoops() throws IOException {
        // given
        var random = new SplittableRandom(17);
        var steps = new ArrayList<Plan.Step>();
        long at = FIRST_MILLIS;
        for (int loop = 0; loop < LOOPS; loop++) {
            steps.add(new Plan.Step(at, FaultKind.KILL, Integer.toString(VICTIM), 20, ""));
            at += random.nextInt(LEAST_MILLIS, MOST_MILLIS);
        }
        Scenario registers = Scenarios.find("register-kill").orElseThrow();
        var plan = new Plan(registers.name(), 17, at + FIRST_MILLIS, 3, 10, 20, steps);

        // when
        Run.Result result;
        try (var clusters = new Clusters(directory.resolve("unused"))) {
            result = new Run(registers, plan, directory.resolve("run"), OWN_CLUSTER, clusters).carryOut();
        }

        // then
        assertThat(result.violations()).isEmpty();
        assertThat(result.faults()).containsEntry("kill", LOOPS);
        long others = 0;
        for (int node = 1; node <= 3; node++) {
            others = Math.max(others, node == VICTIM ? 0 : files(node));
        }
        // Half-finished work of each start would be some files each.
        assertThat(files(VICTIM)).as("files").isLessThan(others + LOOPS / 2);
    }

    private long files(int node) {
        Path data = directory.resolve("run").resolve(Run.CLUSTER).resolve("node-" + node);
        try (Stream<Path> files = Files.walk(data)) {
            return files.filter(Files::isRegularFile).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
