package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The chaos that belongs to every build. */
class ChaosSmokeIT {

    @TempDir
    Path directory;

    @Test
    void shouldFindNothingInTheSmokeScenarios() {
        // when
        var out = new ByteArrayOutputStream();
        int code = new Chaos(new PrintStream(out, true, StandardCharsets.UTF_8), directory).run(List.of("--smoke"));

        // then
        String text = out.toString(StandardCharsets.UTF_8);
        System.out.println(text);
        assertThat(code).as(text).isZero();
        assertThat(text).contains(" 0 violations");
    }

    @Test
    void shouldExplainItself() {
        // when
        var out = new ByteArrayOutputStream();
        var chaos = new Chaos(new PrintStream(out, true, StandardCharsets.UTF_8), directory);
        int help = chaos.run(List.of("--help"));
        int wrong = chaos.run(List.of("--scenario", "nonsense"));

        // then
        assertThat(help).isZero();
        assertThat(wrong).isEqualTo(2);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("--soak TIME", "register-links", "nonsense");
    }
}
