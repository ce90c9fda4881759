package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A process of its own on a disk that fails: an fsync that says EIO (a shim in front of the C library), and a file system
 * that is frozen. Needs a C compiler for the one, root and ext4 for the other.
 */
@Timeout(120)
class FailingDiskTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    Path directory;

    /** A failed fsync is never tried again: nobody knows what is on the disk. */
    @ParameterizedTest
    @ValueSource(strings = {"/raft/log/", "/high-water", "/raft/snapshots/"})
    void shouldEndWithoutAcknowledgingAnythingMoreWhenAnFsyncFails(String path) throws Exception {
        // given
        Path flag = directory.resolve("fail");
        Map<String, String> shim = shim(flag, path);
        String address = TestCluster.freeAddress();
        Child child = start(directory.resolve("node"), address, 20, shim);
        child.await("acked 20");

        // when
        Files.createFile(flag);
        if (path.contains("snapshots")) {
            Files.createFile(directory.resolve("snapshot"));
        }

        // then
        assertThat(child.process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS))
                .as(child.tail())
                .isTrue();
        assertThat(child.process.exitValue()).as(child.tail()).isEqualTo(Halt.EXIT_CODE);
        long acknowledged = child.lastAcknowledged();

        // when
        Files.delete(flag);
        Child again = start(directory.resolve("node"), address, 20, shim);

        // then
        again.await("found");
        assertThat(again.number("found ")).isGreaterThan(acknowledged);
        again.await("acked");
        again.process.destroyForcibly().waitFor();
    }

    @Test
    void shouldNotTakePartWhenAVoteCannotBeMadeDurable() throws Exception {
        // given
        Path flag = Files.createFile(directory.resolve("fail"));

        // when
        Child child = start(directory.resolve("node"), TestCluster.freeAddress(), 20, shim(flag, "/raft/vote/"));

        // then
        assertThat(child.process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS))
                .as(child.tail())
                .isTrue();
        assertThat(child.process.exitValue()).as(child.tail()).isEqualTo(Halt.EXIT_CODE);
        assertThat(child.lines).noneMatch(line -> line.startsWith("acked"));
    }

    @Test
    void shouldNotLookHealthyOnAFrozenFileSystemAndEndWhenItThaws() throws Exception {
        // given
        Path image = directory.resolve("image");
        Path disk = Files.createDirectories(directory.resolve("disk"));
        run("truncate", "-s", "400M", image.toString());
        assumeThat(run("mkfs.ext4", "-q", "-F", image.toString())).isZero();
        assumeThat(run("mount", "-o", "loop", image.toString(), disk.toString()))
                .isZero();
        boolean frozen = false;
        try {
            Child child = start(disk.resolve("node"), TestCluster.freeAddress(), 4, Map.of());
            child.await("acked 20");

            // when
            frozen = run("fsfreeze", "-f", disk.toString()) == 0;
            assumeThat(frozen).isTrue();

            // then
            child.await("role DOWN");
            long acknowledged = child.lastAcknowledged();
            await().atMost(SOON)
                    .until(() -> child.lines.stream().anyMatch(line -> line.contains("watchdog reason=\"stuck while")));
            assertThat(child.lastAcknowledged()).isEqualTo(acknowledged);

            // when
            run("fsfreeze", "-u", disk.toString());
            frozen = false;

            // then
            assertThat(child.process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS))
                    .as(child.tail())
                    .isTrue();
            assertThat(child.process.exitValue()).as(child.tail()).isEqualTo(Halt.EXIT_CODE);
        } finally {
            if (frozen) {
                run("fsfreeze", "-u", disk.toString());
            }
            run("umount", "-l", disk.toString());
        }
    }

    private Map<String, String> shim(Path flag, String path) throws Exception {
        Path source = directory.resolve("failsync.c");
        Path library = directory.resolve("failsync.so");
        try (InputStream in = Objects.requireNonNull(getClass().getResourceAsStream("/fault/failsync.c"))) {
            Files.copy(in, source);
        }
        assumeThat(run("cc", "-shared", "-fPIC", "-O1", "-o", library.toString(), source.toString(), "-ldl"))
                .as("a C compiler")
                .isZero();
        return Map.of("LD_PRELOAD", library.toString(), "FAIL_FLAG", flag.toString(), "FAIL_PATH", path);
    }

    private static int run(String... command) throws Exception {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor();
        } catch (IOException e) {
            return -1; // There is no such command here.
        }
    }

    private Child start(Path node, String address, int stuckSeconds, Map<String, String> environment)
            throws IOException {
        var builder = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        DiskChild.class.getName(),
                        node.toString(),
                        address,
                        Integer.toString(stuckSeconds),
                        directory.resolve("snapshot").toString()))
                .redirectErrorStream(true);
        builder.environment().putAll(environment);
        return new Child(builder.start());
    }

    /** What it says goes through a pipe: its disk may stand still. */
    private static final class Child {
        private final Process process;
        private final List<String> lines = new CopyOnWriteArrayList<>();

        Child(Process process) {
            this.process = process;
            Thread.ofPlatform().daemon().start(() -> {
                try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
                    out.lines().forEach(lines::add);
                } catch (IOException | RuntimeException e) {
                    lines.add("(output ended: " + e + ")");
                }
            });
        }

        void await(String text) {
            org.awaitility.Awaitility.await(text)
                    .atMost(SOON)
                    .pollInterval(Duration.ofMillis(50))
                    .until(() -> lines.stream().anyMatch(line -> line.startsWith(text)));
        }

        long number(String prefix) {
            return lines.stream()
                    .filter(line -> line.startsWith(prefix))
                    .mapToLong(line -> Long.parseLong(line.substring(prefix.length())))
                    .max()
                    .orElse(-1);
        }

        long lastAcknowledged() {
            return number("acked ");
        }

        String tail() {
            return String.join("\n", lines.subList(Math.max(0, lines.size() - 60), lines.size()));
        }
    }
}
