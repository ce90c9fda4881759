package dev.conflux.adapter.rocksdb;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.RetentionReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * What many versions cost; not a test. Builds a million versions of 10 000 configs through apply, reads them as lists,
 * differences and previews do, then publishes at a fixed rate, alone and while half of the versions are pruned, on one
 * apply thread. Latency counts from when a publish was due, so that waiting counts.
 *
 * <p>Arguments: versions per config (100), versions per prune command (25), prunes per second in versions (5000),
 * publishes per second (500).
 */
public final class GcSpeed {

    private static final int CONFIGS = 10_000;
    private static final int BATCH = 64;
    private static final int READS = 5_000;
    private static final int BASELINE_SECONDS = 20;

    private final ConfigState state;
    private final int perCommand;
    private final int prunedPerSecond;
    private final int publishesPerSecond;
    private final Random random = new Random(1);
    private long index;

    private GcSpeed(ConfigState state, int perCommand, int prunedPerSecond, int publishesPerSecond) {
        this.state = state;
        this.perCommand = perCommand;
        this.prunedPerSecond = prunedPerSecond;
        this.publishesPerSecond = publishesPerSecond;
    }

    public static void main(String[] arguments) throws Exception {
        int versions = argument(arguments, 0, 100);
        Path directory = Files.createTempDirectory("gc-speed");
        try (var store = new RocksStateStore(directory);
                var state = new ConfigState(store)) {
            var speed = new GcSpeed(
                    state, argument(arguments, 1, 25), argument(arguments, 2, 5_000), argument(arguments, 3, 500));
            speed.build(versions);
            System.out.printf(Locale.ROOT, "on disk: %d MB%n", size(directory) >> 20);
            speed.read("list 100", id -> state.reader().versions(id, Long.MAX_VALUE, 100));
            speed.read("both sides of a diff", id -> {
                state.reader().content(id, 1L + speed.random.nextInt(versions));
                state.reader().content(id, 1L + speed.random.nextInt(versions));
            });
            speed.read("preview", id -> state.retention().judge(id, 0, 1_000, Commands.T0));
            speed.run("publish alone", TimeUnit.SECONDS.toNanos(BASELINE_SECONDS), false);
            speed.run("publish while pruning", Long.MAX_VALUE, true);
            System.out.printf(
                    Locale.ROOT,
                    "left: %d versions; on disk before the end of the cycle: %d MB%n",
                    state.usage("t").versions(),
                    size(directory) >> 20);
            Commands.apply(state, new Command.Gc(new Command.GcStep.End(7, "")));
            speed.run("publish while space is reclaimed", TimeUnit.SECONDS.toNanos(BASELINE_SECONDS), false);
            System.out.printf(Locale.ROOT, "on disk: %d MB%n", size(directory) >> 20);
        }
        RocksStateStore.deleteTree(directory);
    }

    private static int argument(String[] arguments, int at, int absent) {
        return arguments.length > at ? Integer.parseInt(arguments[at]) : absent;
    }

    private void build(int versions) {
        long start = System.nanoTime();
        var entries = new ArrayList<LogEntry>(BATCH);
        for (int round = 1; round <= versions; round++) {
            for (int id = 1; id <= CONFIGS; id++) {
                entries.add(entry(
                        round == 1
                                ? Commands.create("t/app" + id % 100 + "/e/n" + id, text(id, round), Commands.fresh())
                                : new Command.CreateVersion(id, Commands.content(text(id, round)), null)));
                if (entries.size() == BATCH) {
                    state.apply(entries);
                    entries.clear();
                }
            }
        }
        if (!entries.isEmpty()) {
            state.apply(entries);
        }
        System.out.printf(
                Locale.ROOT,
                "built %d versions in %d s%n",
                (long) versions * CONFIGS,
                TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start));
        // Half of them may go.
        Commands.apply(
                state,
                new Command.Gc(new Command.GcStep.Configure(
                        new GcSettings(new RetentionPolicy(null, Math.max(1, versions / 2)), 10, 1))));
    }

    /** About 400 bytes that compress little. */
    private String text(int id, int round) {
        var text = new StringBuilder("config " + id + " version " + round + "\n");
        for (int i = 0; i < 22; i++) {
            text.append(Long.toHexString(random.nextLong())).append('\n');
        }
        return text.toString();
    }

    private LogEntry entry(Command command) {
        return Commands.entry(++index, Commands.envelope(command));
    }

    private interface Read {
        void of(long configId);
    }

    private void read(String name, Read read) {
        long[] nanos = new long[READS];
        for (int i = 0; i < READS; i++) {
            long id = 1L + random.nextInt(CONFIGS);
            long start = System.nanoTime();
            read.of(id);
            nanos[i] = System.nanoTime() - start;
        }
        print(name, nanos);
    }

    /** The apply thread of a node that takes everything that is due, at most a batch. */
    private void run(String name, long nanos, boolean prune) {
        var latencies = new ArrayList<Long>();
        var prunes = prune ? new ArrayDeque<byte[]>() : null;
        long nextConfig = 1;
        index = state.applied().index();
        long versionsBefore = state.usage("t").versions();
        long begin = System.nanoTime();
        long publishEvery = TimeUnit.SECONDS.toNanos(1) / publishesPerSecond;
        long pruneEvery = TimeUnit.SECONDS.toNanos(1) * perCommand / prunedPerSecond;
        long nextPublish = begin;
        long nextPrune = begin;
        while (System.nanoTime() - begin < nanos) {
            // The planning is another thread's work in a node; here it is done while nothing is due.
            if (prunes != null && prunes.isEmpty()) {
                nextConfig = plan(nextConfig, prunes);
                if (prunes.isEmpty()) {
                    break;
                }
            }
            long now = System.nanoTime();
            var entries = new ArrayList<LogEntry>(BATCH);
            var due = new ArrayList<Long>();
            while (nextPublish <= now && entries.size() < BATCH) {
                due.add(nextPublish);
                entries.add(entry(Commands.publish(1L + random.nextInt(CONFIGS), text(0, entries.size()))));
                nextPublish += publishEvery;
            }
            while (prunes != null && nextPrune <= now && !prunes.isEmpty() && entries.size() < BATCH) {
                entries.add(new LogEntry(new LogPosition(++index, 1), Commands.T0 + index, prunes.removeFirst()));
                nextPrune += pruneEvery;
            }
            if (entries.isEmpty()) {
                LockSupport.parkNanos(Math.min(nextPublish, prunes == null ? nextPublish : nextPrune) - now);
                continue;
            }
            state.apply(entries);
            long done = System.nanoTime();
            due.forEach(at -> latencies.add(done - at));
        }
        if (prune) {
            System.out.printf(
                    Locale.ROOT,
                    "pruned %d versions in %d s%n",
                    versionsBefore + latencies.size() - state.usage("t").versions(),
                    TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begin));
        }
        print(name, latencies.stream().mapToLong(Long::longValue).toArray());
    }

    private long plan(long from, ArrayDeque<byte[]> into) {
        long id = from;
        while (id <= CONFIGS && into.isEmpty()) {
            long after = 0;
            while (true) {
                RetentionReader.Plan plan = state.retention()
                        .plan(id, after, perCommand, Commands.T0 + index)
                        .orElseThrow();
                if (plan.isEmpty()) {
                    break;
                }
                List<Long> ids = plan.versions().stream().map(ConfigVersion::id).toList();
                into.add(CommandCodec.encode(
                        Commands.envelope(new Command.PruneVersions(id, 7, ids, List.of(), List.of()))));
                if (ids.isEmpty()) {
                    break;
                }
                after = ids.getLast();
            }
            id++;
        }
        return id;
    }

    private static void print(String name, long[] nanos) {
        Arrays.sort(nanos);
        System.out.printf(
                Locale.ROOT,
                "%s: p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, max %.1f ms (%d)%n",
                name,
                nanos[nanos.length / 2] / 1e6,
                nanos[(int) (nanos.length * 0.99)] / 1e6,
                nanos[(int) (nanos.length * 0.999)] / 1e6,
                nanos[nanos.length - 1] / 1e6,
                nanos.length);
    }

    private static long size(Path directory) throws IOException {
        long total = 0;
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                total += Files.exists(file) ? Files.size(file) : 0;
            }
        }
        return total;
    }
}
