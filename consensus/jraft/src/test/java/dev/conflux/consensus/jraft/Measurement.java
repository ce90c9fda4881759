package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.ReadLevel;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Not part of the build: {@code mvn test -pl consensus/jraft -am -Dtest=Measurement}. Three members and the generator in
 * one JVM, so the figures are a floor, good for comparing two versions of this code on one machine.
 */
class Measurement {

    private static final int CONCURRENCY = 256;
    private static final int BYTES = 256;

    @TempDir
    Path directory;

    @Test
    void proposals() throws Exception {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            int leader = cluster.awaitLeader();
            int follower = cluster.follower();
            var ids = new AtomicLong();
            for (int round = 0; round < 3; round++) {
                report("propose on leader", () -> cluster.node(leader).propose(command(ids), Duration.ofSeconds(10)));
            }
            report("propose on follower", () -> cluster.node(follower).propose(command(ids), Duration.ofSeconds(10)));
            report(
                    "linearizable on leader",
                    () -> cluster.node(leader).readPoint(ReadLevel.LINEARIZABLE, Duration.ofSeconds(10)));
            report(
                    "linearizable on follower",
                    () -> cluster.node(follower).readPoint(ReadLevel.LINEARIZABLE, Duration.ofSeconds(10)));
            print(cluster.node(leader).metrics().toString());
            print("threads " + Thread.getAllStackTraces().size());
        }
    }

    @Test
    void failover() {
        try (var cluster = new TestCluster(directory, 3).startAll()) {
            var millis = new ArrayList<Long>();
            for (int round = 0; round < 20; round++) {
                int old = cluster.awaitLeader();
                cluster.propose(old, "round " + round);
                long crashed = System.nanoTime();
                cluster.crash(old);
                int next = cluster.awaitLeader();
                cluster.propose(next, "after " + round);
                millis.add((System.nanoTime() - crashed) / 1_000_000);
                cluster.start(old).node().ready().join();
                cluster.awaitCount(old, 2L * round + 2);
            }
            print("crash to first write acknowledged, ms: " + millis);
        }
    }

    private static byte[] command(AtomicLong ids) {
        byte[] command = new byte[BYTES];
        Arrays.fill(command, (byte) 'x');
        ByteBuffer.wrap(command).put((byte) 'k').putLong(1, ids.incrementAndGet());
        return command;
    }

    private static void report(String what, Supplier<CompletableFuture<?>> call) throws InterruptedException {
        long end = System.nanoTime() + Duration.ofSeconds(4).toNanos();
        var done = new CountDownLatch(CONCURRENCY);
        var latencies = new ArrayList<List<Long>>();
        var failures = new AtomicLong();
        long begin = System.nanoTime();
        for (int i = 0; i < CONCURRENCY; i++) {
            var mine = new ArrayList<Long>();
            latencies.add(mine);
            next(call, end, mine, failures, done);
        }
        done.await();
        double seconds = (System.nanoTime() - begin) / 1e9;
        long[] all = latencies.stream()
                .flatMap(List::stream)
                .mapToLong(Long::longValue)
                .sorted()
                .toArray();
        print("%s: %.0f/s, p50 %.1f ms, p99 %.1f ms, failed %d"
                .formatted(
                        what,
                        all.length / seconds,
                        all[all.length / 2] / 1e6,
                        all[all.length * 99 / 100] / 1e6,
                        failures.get()));
    }

    private static void next(
            Supplier<CompletableFuture<?>> call,
            long end,
            List<Long> latencies,
            AtomicLong failures,
            CountDownLatch done) {
        long begin = System.nanoTime();
        if (begin - end >= 0) {
            done.countDown();
            return;
        }
        CompletableFuture<?> future = call.get();
        var _ = future.whenCompleteAsync((result, problem) -> {
            if (problem == null) {
                latencies.add(System.nanoTime() - begin);
            } else {
                failures.incrementAndGet();
            }
            next(call, end, latencies, failures, done);
        });
    }

    @SuppressWarnings("SystemOut") // its only output
    private static void print(String line) {
        System.out.println("MEASURED " + line);
    }
}
