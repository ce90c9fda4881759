package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.alipay.sofa.jraft.core.NodeImpl;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.ReadLevel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** What a member keeps for others stays bounded, and is let go, also when it goes badly for long. */
@Timeout(60)
@Isolated("floods a member, and asks for a leader that is never paused")
class BoundsTest {

    @TempDir
    Path directory;

    @Test
    void shouldCountWhatIsInFlightExactlyWhileItRefuses() throws InterruptedException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            JRaftNode node = cluster.node(1);
            cluster.awaitLeader();
            var all = new ConcurrentLinkedQueue<CompletableFuture<Committed>>();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(3);

            // when
            List<Thread> proposers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                proposers.add(Thread.ofPlatform().start(() -> {
                    byte[] command = "x".repeat(100).getBytes(java.nio.charset.StandardCharsets.UTF_8);
                    while (System.nanoTime() < end) {
                        var proposal = node.propose(command, Duration.ofSeconds(20));
                        if (!proposal.isCompletedExceptionally()) {
                            all.add(proposal);
                        }
                    }
                }));
            }
            for (Thread proposer : proposers) {
                proposer.join();
            }

            // then
            assertThat(node.metrics().overloaded()).isPositive();
            await().atMost(Duration.ofSeconds(30)).until(() -> all.stream().allMatch(CompletableFuture::isDone));
            assertThat(node.proposals().inFlight()).isZero();
            assertThat(node.proposals().inFlightBytes()).isZero();
        }
    }

    @Test
    void shouldKeepNobodyWhoseTimeIsUpOnAMemberThatFallsBehind() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int follower = cluster.follower();
            JRaftNode node = cluster.node(follower);
            cluster.propose(follower, "before");
            cluster.state(follower).blockApply = new CountDownLatch(1);

            // when
            var calls = new ArrayList<CompletableFuture<?>>();
            for (int i = 0; i < 50; i++) {
                calls.add(node.propose(new byte[] {'a', (byte) i}, Duration.ofMillis(500)));
                calls.add(node.readPoint(ReadLevel.STRONG, Duration.ofMillis(500)));
            }
            await().atMost(TestCluster.SOON).until(() -> calls.stream().allMatch(CompletableFuture::isDone));

            // then
            assertThat(node.applied().waiters()).isZero();
            cluster.state(follower).blockApply.countDown();
        }
    }

    @Test
    void shouldRememberABoundedNumberOfCommitsThatItsLogHasNotReached() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            JRaftNode node = cluster.node(cluster.follower());
            long term = node.status().term();
            for (int i = 0; i < 3 * Limits.MAX_COMMIT_HINTS; i++) {
                node.committedElsewhere(new LogPosition(1_000_000 + i, term));
            }
            RunningEngine engine = node.running();
            assertThat(engine).isNotNull();
            assertThat(engine.commitHints().pending()).isEqualTo(Limits.MAX_COMMIT_HINTS);
        }
    }

    /** Both event loops of a leader look for somebody at all times, and the name server is silent. */
    @Test
    void shouldGoOnLeadingWhileANameServerIsSilent() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            // given
            int leader = cluster.awaitLeader();
            long term = cluster.node(leader).status().term();

            // when
            Map<PeerAddress, Integer> nowhere = new HashMap<>();
            for (int i = 0; i < 4; i++) {
                nowhere.put(new PeerAddress("node-" + i + SlowNames.DOMAIN, 9090), 0);
            }
            for (int id = 1; id <= 3; id++) {
                cluster.node(id).transport().contacts(nowhere);
            }

            // then
            for (int i = 0; i < 40; i++) {
                cluster.node(leader)
                        .propose(new byte[] {(byte) i}, Duration.ofSeconds(1))
                        .join();
                await().pollDelay(Duration.ofMillis(100)).until(() -> true);
            }
            assertThat(cluster.node(leader).status().term()).isEqualTo(term);
        }
    }

    /** As while a vote is being written to a slow disk: every answer of the data plane says how old it may be. */
    @Test
    void shouldTellItsStalenessWithoutWaitingForTheEngine() throws ReflectiveOperationException {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            JRaftNode node = cluster.node(1);
            cluster.propose(1, "a");
            await().atMost(TestCluster.SOON).until(() -> node.stalenessMillis() < 60_000);
            var field = NodeImpl.class.getDeclaredField("writeLock");
            field.setAccessible(true);
            var engineLock = (Lock) field.get(node.engine());

            // when
            engineLock.lock();
            try {
                var asked = CompletableFuture.supplyAsync(node::stalenessMillis);

                // then
                assertThat(asked.orTimeout(1, TimeUnit.SECONDS).join()).isLessThan(60_000);
            } finally {
                engineLock.unlock();
            }
        }
    }

    @Test
    void shouldTryASnapshotAgainForWhichThereWasNoRoom() {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            JRaftNode node = cluster.node(1);
            cluster.proposeMany(1, "a", 50);
            cluster.state(1).snapshotProblem = new IOException("x: No space left on device");

            // when
            assertThatThrownBy(() -> node.snapshot().join()).hasMessageContaining("No space left");

            // then
            assertThat(cluster.get(1).halted().get()).isNull();
            assertThat(node.adapter().entriesSinceSnapshot()).isEqualTo(50);
            cluster.state(1).snapshotProblem = null;
            assertThat(node.snapshot().join()).isGreaterThanOrEqualTo(50);
            cluster.propose(1, "after");
        }
    }

    @Test
    void shouldEndWhenADiskDoesNotTakeASnapshot() {
        try (var cluster = new TestCluster(directory, 1).startAll()) {
            // given
            cluster.propose(1, "before");
            cluster.state(1).snapshotProblem = new IOException("Input/output error");

            // when
            assertThatThrownBy(() -> cluster.node(1).snapshot().join()).hasMessageContaining("Input/output");

            // then
            await().atMost(TestCluster.SOON)
                    .untilAsserted(
                            () -> assertThat(cluster.get(1).halted().get()).contains("engine failed"));
        }
    }
}
