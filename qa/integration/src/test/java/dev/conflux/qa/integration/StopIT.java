package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that cannot work yet, or never will, ends as promptly as one that works. */
class StopIT {

    /** Less than the ten seconds that a stop waits for a thread that does not end. */
    private static final Duration PROMPTLY = Duration.ofSeconds(8);

    @TempDir
    Path directory;

    @Test
    void shouldStopPromptlyWhileItWaitsForItsPeers() throws Exception {
        // given
        try (var cluster = new LocalCluster(LocalCluster.Options.ofTest(directory, 3))) {
            cluster.startDatabase();
            NodeProcess node = cluster.node(1);
            node.start();
            await().atMost(Cluster.PATIENCE)
                    .until(() -> Files.readString(node.logFile()).contains("listening on"));

            // when
            long before = System.nanoTime();
            node.stop();

            // then
            assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(PROMPTLY);
            assertThat(node.awaitExit(Duration.ofSeconds(1))).as(node.tail()).isIn(0, 143);
        }
    }
}
