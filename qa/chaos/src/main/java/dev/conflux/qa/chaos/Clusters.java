package dev.conflux.qa.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Clusters for one run after the other. Starting one takes as long as a run, so runs that leave it as it was follow each
 * other on the same one; the first violation ends that. One thread.
 */
final class Clusters implements AutoCloseable {

    private final Path directory;
    private @Nullable Target shared;

    /** @param directory of the shared cluster */
    Clusters(Path directory) {
        this.directory = directory;
    }

    /**
     * A running cluster, which goes back by {@link #giveBack}.
     *
     * @param own where it lies when it is not shared
     */
    Target take(Scenario scenario, Path own, String armed) {
        if (!scenario.leavesClusterAsItWas() || !armed.isEmpty()) {
            return scenario.start(own, armed);
        }
        Target running = shared;
        if (running == null || running.members().size() != scenario.nodes()) {
            close();
            running = scenario.start(directory, armed);
            shared = running;
        }
        return running;
    }

    void giveBack(Target target) {
        if (!target.equals(shared)) {
            target.close();
        }
    }

    /** The shared cluster is evidence now: it ends, and what it leaves goes to {@code keep} unless that is there. */
    void surrender(Path keep) {
        if (shared == null || Files.exists(keep)) {
            return;
        }
        end();
        try {
            Files.move(directory, keep);
        } catch (IOException e) {
            throw new ChaosException(directory + " cannot be moved", e);
        }
    }

    /** What the shared cluster leaves is deleted: nothing was wrong with it. */
    @Override
    public void close() {
        end();
        Os.delete(directory);
    }

    private void end() {
        Target running = shared;
        shared = null;
        if (running != null) {
            running.close();
        }
    }
}
