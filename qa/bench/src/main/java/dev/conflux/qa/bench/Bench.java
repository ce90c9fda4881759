package dev.conflux.qa.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** {@code ./cx bench}: runs the benchmarks named, prints their tables and keeps them as JSON. */
public final class Bench {

    /** Where the libraries lie, if not beside this class's own jar. */
    static final String HOME_PROPERTY = "conflux.bench";

    private static final List<Benchmark> ALL = List.of(
            new ProposeBenchmark(),
            new TransportBenchmark(),
            new PublishBenchmark(),
            new FetchBenchmark(),
            new ServiceBenchmark(),
            new StartupBenchmark(),
            new ElectionBenchmark(),
            new SnapshotBenchmark());

    private static final int FAILED = 1;
    private static final int USAGE = 2;
    private static final int SKIPPED = 3;

    private final PrintStream out;
    private final Path home;
    private final Path results;

    Bench(PrintStream out, Path home, Path results) {
        this.out = out;
        this.home = home;
        this.results = results;
    }

    public static void main(String[] arguments) throws InterruptedException {
        System.setProperty(Jars.LOGGING_PROPERTY, Jars.LOGGING); // before anything logs
        System.exit(
                new Bench(System.out, home(), Path.of(".conflux", "bench").toAbsolutePath()).run(List.of(arguments)));
    }

    /** Returns the exit code. */
    int run(List<String> arguments) throws InterruptedException {
        boolean quick = false;
        boolean tools = false;
        boolean markdown = false;
        var chosen = new ArrayList<Benchmark>();
        for (String argument : arguments) {
            switch (argument) {
                case "--help", "-h" -> {
                    out.print(usage());
                    return 0;
                }
                case "--quick" -> quick = true;
                case "--tools" -> tools = true;
                case "--markdown" -> markdown = true;
                default -> {
                    Benchmark named = ALL.stream()
                            .filter(benchmark -> benchmark.name().equals(argument))
                            .findFirst()
                            .orElse(null);
                    if (named == null) {
                        out.print("cx bench: '" + argument + "' is not a benchmark\n\n" + usage());
                        return USAGE;
                    }
                    chosen.add(named);
                }
            }
        }
        List<Benchmark> benchmarks = chosen.isEmpty() ? ALL : chosen;
        return markdown ? printMarkdown(benchmarks) : measure(benchmarks, quick, tools || !quick);
    }

    private int measure(List<Benchmark> benchmarks, boolean quick, boolean tools) throws InterruptedException {
        int exitCode = 0;
        for (Benchmark benchmark : benchmarks) {
            out.println("\n== " + benchmark.name() + ": " + benchmark.question());
            Instant start = Instant.now();
            Path directory = results.resolve("work").resolve(benchmark.name());
            try {
                delete(directory);
                Files.createDirectories(directory);
                var setting = new Setting(directory, home, quick, tools, out);
                Report report = benchmark.run(setting);
                var result = new Result(
                        benchmark.name(),
                        benchmark.question(),
                        quick,
                        start.toString(),
                        Duration.between(start, Instant.now()).toSeconds(),
                        Machine.here(directory),
                        report);
                out.print(result.plain());
                result.write(results);
                delete(directory);
                if (!report.skipped().isEmpty()) {
                    exitCode = Math.max(exitCode, SKIPPED);
                }
            } catch (IOException | RuntimeException e) {
                out.println("cx bench: " + benchmark.name() + " failed: " + e.getMessage());
                e.printStackTrace(out);
                out.println("(what its processes wrote is in " + directory + ")");
                return FAILED;
            }
        }
        return exitCode;
    }

    private int printMarkdown(List<Benchmark> benchmarks) {
        for (Benchmark benchmark : benchmarks) {
            Path file = results.resolve(benchmark.name() + ".md");
            try {
                out.print(Files.exists(file) ? Files.readString(file) : "");
            } catch (IOException e) {
                out.println("cx bench: " + file + " cannot be read: " + e.getMessage());
                return FAILED;
            }
        }
        return 0;
    }

    private static String usage() {
        int width = ALL.stream()
                .mapToInt(benchmark -> benchmark.name().length())
                .max()
                .orElse(0);
        return """
                usage: ./cx bench [NAME...] [--quick [--tools] | --markdown]

                  NAME        what to measure (default: everything, one after the other)
                  --quick     tiny inputs, seconds: shows that it runs; the figures mean nothing
                  --tools     with --quick: also what needs wrk, h2load and nginx
                  --markdown  prints the last results for a README and measures nothing

                """
                + ALL.stream()
                        .map(benchmark -> "  " + benchmark.name()
                                + " ".repeat(width - benchmark.name().length()) + "  " + benchmark.question() + "\n")
                        .collect(Collectors.joining())
                + """

                Results are kept in .conflux/bench/NAME.json. Exit code: 0 measured, 1 failed, 2 wrong arguments, 3 some rows
                were skipped because a tool is missing.
                """;
    }

    private static Path home() {
        String given = System.getProperty(HOME_PROPERTY);
        if (given != null) {
            return Path.of(given);
        }
        Path jar = Path.of(
                Bench.class.getProtectionDomain().getCodeSource().getLocation().getPath());
        Path lib = jar.getParent();
        Path home = lib == null ? null : lib.getParent();
        if (home == null) {
            throw new BenchException(jar + " (expected: a jar in the benchmarks' lib directory)");
        }
        return home;
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
