package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.ConsensusNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class AppendWindowTest {

    @TempDir
    Path directory;

    private final AppendWindow window = EngineOptions.raftOptions();

    @Test
    void shouldHoldAsManyAppendsAsTheWindowHasBytes() {
        // when
        window.sending(900_000);

        // then
        assertThat(window.getMaxReplicatorInflightMsgs()).isEqualTo(2);
    }

    @Test
    void shouldAlwaysLetTheNextAppendGoWhileTheAnswerTravels() {
        // when
        window.sending(ConsensusNode.MAX_COMMAND_BYTES);

        // then
        assertThat(window.getMaxReplicatorInflightMsgs()).isEqualTo(2);
    }

    @Test
    void shouldOpenAgainOnceAppendsAreSmall() {
        // given
        window.sending(900_000);

        // when
        for (int i = 0; i < 30; i++) {
            window.sending(256);
        }

        // then
        assertThat(window.getMaxReplicatorInflightMsgs()).isEqualTo(Limits.MAX_APPENDS_IN_FLIGHT);
    }

    @Test
    void shouldGoByWhatTheEngineSends() {
        try (var cluster = new TestCluster(directory, 2).startAll()) {
            // given
            JRaftNode leader = cluster.node(cluster.awaitLeader());
            assertThat(leader.engine().getRaftOptions().getMaxReplicatorInflightMsgs())
                    .isEqualTo(Limits.MAX_APPENDS_IN_FLIGHT);
            byte[] command = new byte[900_000];
            Arrays.fill(command, (byte) 'a');

            // when
            leader.propose(command, Duration.ofSeconds(30)).join();

            // then
            assertThat(leader.engine().getRaftOptions().getMaxReplicatorInflightMsgs())
                    .isLessThan(Limits.MAX_APPENDS_IN_FLIGHT);
        }
    }
}
