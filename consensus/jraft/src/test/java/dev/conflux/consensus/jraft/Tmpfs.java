package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A real file system of a few megabytes, so that it can really be full. Mounting takes root: else the test is skipped. */
final class Tmpfs implements AutoCloseable {

    private static final String BALLAST = "ballast";

    private final Path mountPoint;

    private Tmpfs(Path mountPoint) {
        this.mountPoint = mountPoint;
    }

    static Tmpfs mount(Path mountPoint, int mebibytes) throws IOException {
        Files.createDirectories(mountPoint);
        String problem = run("mount", "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "tmpfs", mountPoint.toString());
        assumeThat(problem).as("mounting a tmpfs takes root").isEmpty();
        return new Tmpfs(mountPoint);
    }

    long free() throws IOException {
        return Files.getFileStore(mountPoint).getUsableSpace();
    }

    /** Fills it until so much is left. */
    void leave(long bytes) throws IOException {
        Path ballast = mountPoint.resolve(BALLAST);
        try (var out = Files.newOutputStream(
                ballast, java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.APPEND)) {
            for (long left = free() - bytes; left > 0; left = free() - bytes) {
                out.write(new byte[(int) Math.min(left, 1 << 20)]);
            }
        } catch (IOException e) {
            if (bytes > 0) {
                throw e;
            }
        }
    }

    void giveBack() throws IOException {
        Files.delete(mountPoint.resolve(BALLAST));
    }

    @Override
    public void close() throws IOException {
        assertThat(run("umount", "-l", mountPoint.toString())).isEmpty();
    }

    private static String run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return process.exitValue() == 0 ? "" : output + " exit " + process.exitValue();
    }
}
