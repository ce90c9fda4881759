package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a leader appended and nobody heard of leaves its log again, and nothing else does, wherever it ends meanwhile. */
@Tag("long")
class OvertakenLeaderIT {

    @TempDir
    Path directory;

    @Test
    void shouldFollowTheOthersAlsoWhenItEndsWhileItsLogIsBroughtIntoLine() {
        try (SampleTarget policies = SampleTarget.start("policies", directory, 3, "")) {
            var overtaking = new Overtaking(policies);
            for (String step : Failpoint.OVERTAKING_STEPS) {
                String point = step.substring(0, step.indexOf('='));
                assertThat(overtaking.until(point, point.equals("log.before_reset"), true))
                        .contains(point);
            }
        }
    }
}
