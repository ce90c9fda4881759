package dev.conflux.qa.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** The file through which failpoints of one node are armed: one {@code point=action} per line, looked at all the time. */
final class FailpointFile {

    private final Path file;

    private FailpointFile(Path file) {
        this.file = file;
    }

    static FailpointFile of(Path file) {
        return new FailpointFile(file);
    }

    /** Lines that {@link #disarm} leaves alone. */
    void armForEver(String lines) {
        write(base(), lines);
        write(file, lines);
    }

    void arm(String line) {
        write(file, kept() + line);
    }

    void disarm() {
        write(file, kept());
    }

    /** The points that the node has come to, in any of its lives. */
    Set<String> hits() {
        try {
            Path hits = file.resolveSibling(file.getFileName() + ".hits");
            return Files.exists(hits)
                    ? Arrays.stream(Files.readString(hits).split("\n", -1))
                            .filter(line -> !line.isEmpty())
                            .map(line -> line.substring(0, line.indexOf(' ')))
                            .collect(Collectors.toCollection(TreeSet::new))
                    : Set.of();
        } catch (IOException e) {
            throw new ChaosException(file + ".hits cannot be read", e);
        }
    }

    private Path base() {
        return file.resolveSibling(file.getFileName() + ".base");
    }

    private String kept() {
        try {
            return Files.exists(base()) ? Files.readString(base()) : "";
        } catch (IOException e) {
            throw new ChaosException(base() + " cannot be read", e);
        }
    }

    private static void write(Path file, String lines) {
        try {
            Path next = file.resolveSibling(file.getFileName() + ".next");
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(next, lines.isEmpty() ? "" : lines + "\n");
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new ChaosException(file + " cannot be written", e);
        }
    }
}
