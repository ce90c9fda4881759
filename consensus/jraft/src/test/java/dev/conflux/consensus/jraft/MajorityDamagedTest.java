package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.Role;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Two of three disks have lost acknowledged entries: nobody may go on without them as if nothing had happened. */
@Timeout(60)
@Execution(ExecutionMode.CONCURRENT)
class MajorityDamagedTest {

    /** Long enough for several elections, had one been possible. */
    private static final Duration SEVERAL_ELECTIONS = Duration.ofMillis(2_500);

    @TempDir
    Path directory;

    @Test
    void shouldNeitherLeadNorAnswerNorForgetWhenAMajorityIsDamaged() throws Exception {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given: what only one of them still has whole
            int intact = cluster.awaitLeader();
            cluster.proposeMany(intact, "a", 200);
            List<Integer> damaged =
                    Stream.of(1, 2, 3).filter(id -> id != intact).toList();
            for (int id : damaged) {
                cluster.awaitCount(id, 200);
            }
            for (int id = 1; id <= 3; id++) {
                cluster.crash(id);
            }
            for (int id : damaged) {
                damage(cluster, id);
            }

            // when
            for (int id = 1; id <= 3; id++) {
                cluster.start(id).node().ready().orTimeout(20, TimeUnit.SECONDS).join();
            }

            // then
            await().during(SEVERAL_ELECTIONS).atMost(Duration.ofSeconds(15)).until(() -> cluster.leader() == null);
            for (int id : damaged) {
                assertThat(cluster.node(id).status().role()).isEqualTo(Role.QUARANTINED);
                assertThat(cluster.node(id).quarantineReason())
                        .hasValueSatisfying(why -> assertThat(why).contains("raft-inspector verify"));
            }
            for (int id = 1; id <= 3; id++) {
                int asked = id;
                assertThatThrownBy(() -> cluster.node(asked)
                                .readPoint(ReadLevel.LINEARIZABLE, Duration.ofSeconds(1))
                                .join())
                        .hasCauseInstanceOf(ConsensusException.class);
                assertThatThrownBy(() -> cluster.node(asked)
                                .propose("b".getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(1))
                                .join())
                        .hasCauseInstanceOf(ConsensusException.class);
            }
            assertThat(cluster.state(intact).count()).isEqualTo(200);
        }
    }

    private static void damage(TestCluster cluster, int id) throws IOException {
        Path log = cluster.dataDir(id).resolve("log");
        Path wal;
        try (Stream<Path> files = Files.list(log)) {
            wal = files.filter(file -> file.toString().endsWith(".log"))
                    .max(Comparator.naturalOrder())
                    .orElseThrow();
        }
        byte[] bytes = Files.readAllBytes(wal);
        bytes[bytes.length / 2] ^= 0x10;
        Files.write(wal, bytes);
        try (Stream<Path> files = Files.walk(cluster.stateDir(id))) { // so that only the high-water mark can know
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
