package dev.conflux.qa.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A disk of a few hundred megabytes in memory, which can be filled. Needs root. */
final class SmallDisk implements AutoCloseable {

    private static final String SIZE = "256m";

    private final Path directory;

    private SmallDisk(Path directory) {
        this.directory = directory;
        Runtime.getRuntime().addShutdownHook(new Thread(this::close, "small-disk"));
    }

    static boolean possible() {
        return Os.run("id", "-u").strip().equals("0");
    }

    static SmallDisk mount(Path directory) {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new ChaosException(directory + " cannot be made", e);
        }
        String problem = Os.run("mount", "-t", "tmpfs", "-o", "size=" + SIZE, "conflux-chaos", directory.toString());
        if (!problem.isEmpty()) {
            throw new ChaosException("no disk can be mounted at " + directory + ": " + problem);
        }
        return new SmallDisk(directory);
    }

    /** Idempotent. */
    @Override
    public void close() {
        Os.run("umount", "--lazy", directory.toString());
    }
}
