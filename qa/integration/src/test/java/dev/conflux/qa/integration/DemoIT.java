package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./cx demo} holds what it tells. */
class DemoIT {

    @TempDir
    Path directory;

    @Test
    void shouldTellTheWholeStoryAndExitWithZero() throws IOException, InterruptedException {
        // when
        Path output = directory.resolve("demo.out");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("conflux.root", "."), "cx").toString(), "demo")
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().put("CX_NO_BUILD", "1");
        Process demo = builder.start();
        boolean ended = demo.waitFor(5, TimeUnit.MINUTES);
        if (!ended) {
            demo.destroy();
        }

        // then
        assertThat(ended).as(Files.readString(output)).isTrue();
        assertThat(demo.exitValue()).as(Files.readString(output)).isZero();
        assertThat(Files.readString(output))
                .contains("canary", "SIGKILL", "exactly once", "same state", "Every step held.");
    }
}
