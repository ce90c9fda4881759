package dev.conflux.base.failpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailpointsTest {

    @TempDir
    Path directory;

    @Test
    void shouldDoNothingUnlessArmed() {
        assertThat(System.getProperty(Failpoints.PROPERTY)).isNull();
        assertThat(Failpoints.skips("any.point")).isFalse();
        assertThatCode(() -> Failpoints.disk("any.point")).doesNotThrowAnyException();
    }

    @Test
    void shouldDoWhatTheFileSaysAndCount() throws Exception {
        // given
        Path file = directory.resolve("failpoints");
        Files.writeString(file, "a.b=throw\nc.d=2*return\ne.f=sleep(30)\ng.h=overflow\n");
        System.setProperty(Failpoints.PROPERTY, file.toString());
        ArmedFailpoints armed;
        try {
            armed = new ArmedFailpoints();
        } finally {
            System.clearProperty(Failpoints.PROPERTY);
        }

        // then
        assertThatThrownBy(() -> armed.hit("a.b"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("a.b");
        assertThat(armed.hit("c.d")).isTrue();
        assertThat(armed.hit("c.d")).isTrue();
        assertThat(armed.hit("c.d")).isFalse();
        long before = System.nanoTime();
        assertThat(armed.hit("e.f")).isFalse();
        assertThat(System.nanoTime() - before).isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(30));
        assertThatThrownBy(() -> armed.hit("g.h")).isInstanceOf(StackOverflowError.class);
        assertThat(armed.hit("other")).isFalse();

        // and when
        Files.writeString(file, "");

        // then
        await().atMost(5, TimeUnit.SECONDS).untilAsserted(() -> armed.hit("a.b"));
        await().atMost(5, TimeUnit.SECONDS)
                .untilAsserted(() -> assertThat(Files.readString(directory.resolve("failpoints.hits")))
                        .contains("c.d 3")
                        .contains("other 1"));
    }

    @Test
    void shouldEndTheProcessAtOnceWhenToldToHalt() throws Exception {
        // given
        Path file = directory.resolve("failpoints");
        Files.writeString(file, "main=halt\n");

        // when
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-D" + Failpoints.PROPERTY + "=" + file,
                        "-cp",
                        System.getProperty("java.class.path"),
                        Victim.class.getName())
                .start();

        // then
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isEqualTo(137);
    }

    /** Ends with 0 unless a failpoint ends it. */
    static final class Victim {

        private Victim() {}

        public static void main(String[] arguments) {
            Failpoints.hit("main");
        }
    }
}
