package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.Role;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** No member that only looks alive. */
@Timeout(60)
class WatchdogTest {

    private static final Duration STUCK = Duration.ofSeconds(2);

    @TempDir
    Path directory;

    @Test
    void shouldEndAMemberWhoseStateMachineBlocks() {
        try (var cluster = new TestCluster(directory, 1)
                .tuned(config -> config.withUpkeep(Upkeep.DEFAULT.withStuckTimeout(STUCK)))
                .startAll()) {
            // given
            cluster.propose(1, "before");
            var blocked = new CountDownLatch(1);
            cluster.state(1).blockApply = blocked;

            // when
            var pending = cluster.node(1).propose("stuck".getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(30));

            // then
            await().atMost(STUCK)
                    .pollInterval(Duration.ofMillis(20))
                    .until(() -> cluster.node(1).status().role() == Role.DOWN);
            assertThatThrownBy(() -> cluster.node(1)
                            .readPoint(ReadLevel.LINEARIZABLE, Duration.ofSeconds(1))
                            .join())
                    .hasCauseInstanceOf(ConsensusException.Unavailable.class);
            await().atMost(STUCK.plusSeconds(2))
                    .untilAsserted(() -> assertThat(cluster.get(1).halted().get())
                            .startsWith("stuck while applying for ")
                            .contains("expected: < 2000 ms"));
            assertThat(pending).isNotDone();
            blocked.countDown();
        }
    }

    @Test
    void shouldHandLeadershipOverWhileItIsStuck() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int stuck = cluster.awaitLeader();
            var blocked = new CountDownLatch(1);
            cluster.state(stuck).blockApply = blocked;

            // when
            var pending = cluster.node(stuck).propose("stuck".getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(30));

            // then: long before it would be ended
            await().atMost(Duration.ofSeconds(10)).until(() -> {
                Integer leader = cluster.leader();
                return leader != null && leader != stuck;
            });
            cluster.propose(cluster.awaitLeader(), "after");
            assertThat(cluster.get(stuck).halted().get()).isNull();
            blocked.countDown();
            await().atMost(TestCluster.SOON).until(pending::isDone);
        }
    }

    @Test
    void shouldGetWellAgainWhenTheStateMachineWasOnlySlow() {
        try (var cluster = new TestCluster(directory, 1)
                .tuned(config -> config.withUpkeep(Upkeep.DEFAULT.withStuckTimeout(Duration.ofSeconds(20))))
                .startAll()) {
            // given
            cluster.state(1).delayMillis = Limits.UNWELL_MILLIS + 500;

            // when
            var slow = cluster.node(1).propose("slow".getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(30));
            await().atMost(Duration.ofSeconds(5))
                    .pollInterval(Duration.ofMillis(20))
                    .until(() -> cluster.node(1).status().role() == Role.DOWN);
            slow.join();

            // then
            cluster.state(1).delayMillis = 0;
            await().atMost(Duration.ofSeconds(5))
                    .until(() -> cluster.node(1).status().role() == Role.LEADER);
            assertThat(cluster.get(1).halted().get()).isNull();
            cluster.propose(1, "after");
        }
    }

    @Test
    void shouldNotCallManyShortStepsStuck() throws InterruptedException {
        // given
        var ended = new AtomicReference<String>();
        try (var watchdog = new Watchdog("test-watchdog", Duration.ofSeconds(1), ended::set)) {
            watchdog.start();
            Watchdog.Activity log = watchdog.log();
            log.begin();
            long until = System.nanoTime() + Duration.ofMillis(1_500).toNanos();

            // when
            while (System.nanoTime() - until < 0) {
                log.progress();
                new CountDownLatch(1).await(20, java.util.concurrent.TimeUnit.MILLISECONDS);
            }

            // then
            assertThat(ended.get()).isNull();
            assertThat(watchdog.unwell()).isNull();
            await().atMost(Duration.ofSeconds(5))
                    .untilAsserted(() -> assertThat(ended.get()).contains("stuck while writing the log"));
        }
    }
}
