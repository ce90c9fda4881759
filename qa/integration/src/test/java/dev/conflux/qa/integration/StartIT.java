package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.tool.local.LocalCluster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the build's rehearsal left in {@code lib/conflux.aot} is used, and never in the way. */
class StartIT {

    private static final String CACHE = "lib/conflux.aot";

    @TempDir
    Path directory;

    @Test
    void shouldStartWithWhatTheRehearsalTaught() throws IOException {
        try (var cluster = new LocalCluster(LocalCluster.Options.ofTest(directory, 1)).start()) {
            assertThat(Files.readString(Path.of("/proc/" + cluster.node(1).pid() + "/maps")))
                    .contains(CACHE);
        }
    }

    @Test
    void shouldSayNothingWhenTheCacheIsForeignOrDamaged() throws Exception {
        // given
        Path copy = copy(LocalCluster.distribution());
        String expected = check(LocalCluster.distribution());

        // when: not the jars of the rehearsal
        try (Stream<Path> jars = Files.list(copy.resolve("lib"))) {
            for (Path jar :
                    jars.filter(file -> file.toString().endsWith(".jar")).toList()) {
                Files.setLastModifiedTime(jar, FileTime.from(Instant.now()));
            }
        }

        // then
        assertThat(check(copy)).isEqualTo(expected);

        // and when: half a file
        byte[] bytes = Files.readAllBytes(copy.resolve(CACHE));
        Files.write(copy.resolve(CACHE), java.util.Arrays.copyOf(bytes, bytes.length / 2));

        // then
        assertThat(check(copy)).isEqualTo(expected);

        // and when: none
        Files.delete(copy.resolve(CACHE));

        // then
        assertThat(check(copy)).isEqualTo(expected);
    }

    /** What {@code conflux-server --check} says to the console; it succeeds. */
    private String check(Path distribution) throws IOException, InterruptedException {
        Path output = directory.resolve("check.out");
        var builder = new ProcessBuilder(
                        List.of(distribution.resolve("bin/conflux-server").toString(), "--check"))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("CONFLUX_"));
        builder.environment().put("CONFLUX_PROFILE", "dev");
        builder.environment()
                .put("CONFLUX_STORAGE_DATA_DIR", directory.resolve("data").toString());
        builder.environment().putIfAbsent("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String text = Files.readString(output);
        assertThat(process.exitValue()).as(text).isZero();
        assertThat(text).contains("profile = dev");
        return text;
    }

    private Path copy(Path distribution) throws IOException {
        Path copy = directory.resolve("copy");
        try (Stream<Path> files = Files.walk(distribution)) {
            for (Path file : files.toList()) {
                Files.copy(
                        file,
                        copy.resolve(distribution.relativize(file).toString()),
                        StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
        return copy;
    }
}
