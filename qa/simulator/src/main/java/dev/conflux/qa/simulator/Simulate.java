package dev.conflux.qa.simulator;

import dev.conflux.consensus.testkit.History;
import dev.conflux.consensus.testkit.Timeline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** {@code ./cx simulate}: runs seeds until one fails. */
public final class Simulate {

    static final int DEFAULT_SEEDS = 10_000;

    private static final String USAGE = """
            usage: ./cx simulate [--seeds N] [--first N] [--defect NAME]
                   ./cx simulate --seed N [--defect NAME]

              --seeds N      how many seeds to try (default %d); stops at the first that fails
              --first N      the first of them (default 0)
              --seed N       this one only, with everything that happens, twice: the second run must be equal;
                             writes its timeline to .conflux/simulation-N.html
              --defect NAME  break something on purpose: %s
            """.formatted(DEFAULT_SEEDS, Arrays.toString(Defect.values()));

    /** A seed that failed. */
    record Failure(long seed, Defect defect, Violation violation) {

        String text() {
            return "FAILED at seed " + seed + ": " + violation.getMessage() + "\nreplay: ./cx simulate --seed " + seed
                    + (defect == Defect.NONE ? "" : " --defect " + defect);
        }
    }

    /** What many seeds did together. */
    static final class Totals {
        private final AtomicLong seeds = new AtomicLong();
        private final AtomicLong operations = new AtomicLong();
        private final AtomicLong entries = new AtomicLong();
        private final AtomicLong faults = new AtomicLong();

        void add(Simulation.Result result) {
            seeds.incrementAndGet();
            operations.addAndGet(result.operations());
            entries.addAndGet(result.entries());
            faults.addAndGet(result.history().faults().size());
        }

        long seeds() {
            return seeds.get();
        }

        String text() {
            return String.format(
                    Locale.ROOT,
                    "%d seeds, %d operations, %d entries committed, %d faults, 0 violations",
                    seeds.get(),
                    operations.get(),
                    entries.get(),
                    faults.get());
        }
    }

    private Simulate() {}

    public static void main(String[] args) {
        long first = 0;
        long seeds = DEFAULT_SEEDS;
        Long only = null;
        Defect defect = Defect.NONE;
        if (args.length == 1 && args[0].equals("--help")) {
            System.out.print(USAGE);
            return;
        }
        try {
            for (int i = 0; i < args.length; i += 2) {
                if (i + 1 == args.length) {
                    throw new IllegalArgumentException(args[i]);
                }
                switch (args[i]) {
                    case "--seeds" -> seeds = Long.parseLong(args[i + 1]);
                    case "--first" -> first = Long.parseLong(args[i + 1]);
                    case "--seed" -> only = Long.valueOf(args[i + 1]);
                    case "--defect" -> defect = Defect.valueOf(args[i + 1]);
                    default -> throw new IllegalArgumentException(args[i]);
                }
            }
        } catch (IllegalArgumentException e) {
            System.err.print(USAGE);
            System.exit(2);
        }
        System.exit(only == null ? many(first, seeds, defect) : one(only, defect));
    }

    private static int many(long first, long seeds, Defect defect) {
        long start = System.nanoTime();
        int threads = Runtime.getRuntime().availableProcessors();
        var totals = new Totals();
        System.out.printf(Locale.ROOT, "seeds %d to %d on %d threads%n", first, first + seeds - 1, threads);
        Optional<Failure> failure = run(first, seeds, defect, threads, totals);
        double seconds = Duration.ofNanos(System.nanoTime() - start).toMillis() / 1_000.0;
        if (failure.isPresent()) {
            System.out.println(failure.get().text());
            return 1;
        }
        System.out.printf(Locale.ROOT, "%s, %.1f s%n", totals.text(), seconds);
        return 0;
    }

    private static int one(long seed, Defect defect) {
        Simulation.Result result;
        try {
            result = run(seed, defect, System.out::println);
            Simulation.Result again = run(seed, defect, null);
            if (again.fingerprint() != result.fingerprint()) {
                System.out.println("FAILED: two runs of seed " + seed + " differ: " + result.fingerprint() + " and "
                        + again.fingerprint());
                return 1;
            }
        } catch (Violation violation) {
            System.out.println(new Failure(seed, defect, violation).text());
            return 1;
        }
        draw(seed, result.history());
        System.out.printf(
                Locale.ROOT,
                "seed %d: %d operations, %d entries committed, %d faults, fingerprint %016x, 0 violations%n",
                seed,
                result.operations(),
                result.entries(),
                result.history().faults().size(),
                result.fingerprint());
        return 0;
    }

    private static void draw(long seed, History history) {
        try {
            Path folder = Files.createDirectories(Path.of(".conflux"));
            Timeline.write(folder.resolve("simulation-" + seed + ".html"), history, List.of());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs seeds on some threads, each simulation on one; stops early at a failure and returns the smallest known. */
    static Optional<Failure> run(long first, long seeds, Defect defect, int threads, Totals totals) {
        var next = new AtomicLong(first);
        var failures = new TreeMap<Long, Failure>();
        var workers = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            workers[i] = Thread.ofPlatform().name("seeds-" + i).start(() -> {
                while (true) {
                    long seed = next.getAndIncrement();
                    synchronized (failures) {
                        if (seed >= first + seeds || !failures.isEmpty()) {
                            return;
                        }
                    }
                    try {
                        totals.add(run(seed, defect, null));
                    } catch (Violation violation) {
                        synchronized (failures) {
                            failures.put(seed, new Failure(seed, defect, violation));
                        }
                    }
                }
            });
        }
        try {
            for (Thread worker : workers) {
                worker.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while seeds were running", e);
        }
        return failures.isEmpty()
                ? Optional.empty()
                : Optional.of(failures.firstEntry().getValue());
    }

    /**
     * Runs one seed.
     *
     * @throws Violation when something happened that must not; anything else that a member throws counts too
     */
    static Simulation.Result run(long seed, Defect defect, @Nullable Consumer<String> log) {
        Path directory = null;
        try {
            directory = Files.createTempDirectory(memory(), "conflux-simulation-");
            return new Simulation(seed, defect, directory, log).run();
        } catch (IOException e) {
            throw new UncheckedIOException("no directory for snapshots", e);
        } catch (Violation violation) {
            throw violation;
        } catch (RuntimeException e) {
            var violation = new Violation("a member failed: " + e);
            violation.initCause(e);
            throw violation;
        } finally {
            if (directory != null) {
                delete(directory);
            }
        }
    }

    /** Snapshots are synced: on a disk that would be most of the time. */
    private static Path memory() {
        Path memory = Path.of("/dev/shm");
        return Files.isWritable(memory) ? memory : Path.of(System.getProperty("java.io.tmpdir"));
    }

    private static void delete(Path directory) {
        try (var paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
