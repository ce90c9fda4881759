package dev.conflux.qa.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Class paths and options of the processes that a benchmark starts. */
final class Jars {

    /** Ours that may stand beside the stock engine: none of them brings an engine, a Netty or a protobuf. */
    private static final List<String> BESIDE_STOCK = List.of(
            "conflux-qa-bench-",
            "conflux-consensus-api-",
            "conflux-base-failpoint-",
            "conflux-base-tls-",
            "rocksdbjni-",
            "disruptor-",
            "jctools-core-",
            "commons-io-",
            "commons-lang3-",
            "metrics-core-",
            "jspecify-",
            "slf4j-api-",
            "logback-",
            "HdrHistogram-");

    static final String LOGGING_PROPERTY = "logback.configurationFile";

    /** Warnings, to standard error. */
    static final String LOGGING = "bench-logback.xml";

    private Jars() {}

    /** The engine as shipped, with what it needs from our libraries, and with nothing else of ours. */
    static List<Path> stock(Path home) {
        var jars = new ArrayList<>(list(home.resolve("stock")));
        jars.add(home.resolve("stock").resolve("classes"));
        list(home.resolve("lib")).stream()
                .filter(jar -> BESIDE_STOCK.stream()
                        .anyMatch(prefix -> String.valueOf(jar.getFileName()).startsWith(prefix)))
                .forEach(jars::add);
        return jars;
    }

    /** Everything of the benchmarks, without the stock engine. */
    static List<Path> own(Path home) {
        return list(home.resolve("lib"));
    }

    /**
     * What every measured process runs with unless it copies a node's options: a small fixed heap, the collector and the
     * warnings' switches of the packaged node.
     */
    static List<String> options(Setting setting, int heapMebibytes) {
        var options = new ArrayList<>(List.of(
                "-Xms" + heapMebibytes + "m",
                "-Xmx" + heapMebibytes + "m",
                "-XX:+UseG1GC",
                "-XX:MaxGCPauseMillis=20",
                "-XX:+UseCompactObjectHeaders",
                "-XX:-UsePerfData",
                "-XX:+ExitOnOutOfMemoryError",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Djdk.serialFilter=!*",
                "-D" + LOGGING_PROPERTY + "=" + LOGGING,
                "-Dvertx.disableFileCPResolving=true"));
        if (setting.quick()) {
            options.add("-XX:TieredStopAtLevel=1");
        }
        return options;
    }

    private static List<Path> list(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(".jar"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new BenchException(directory + " is missing (./cx build makes it)", e);
        }
    }
}
