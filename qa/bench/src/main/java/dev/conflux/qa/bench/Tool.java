package dev.conflux.qa.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A program of the operating system that a benchmark needs. */
enum Tool {
    WRK("wrk", "wrk"),
    H2LOAD("h2load", "nghttp2-client"),
    NGINX("nginx", "nginx-light");

    /** Where distributions put what an ordinary PATH does not reach. */
    private static final List<String> SYSTEM = List.of("/usr/sbin", "/usr/local/sbin");

    private final String program;
    private final String debianPackage;

    Tool(String program, String debianPackage) {
        this.program = program;
        this.debianPackage = debianPackage;
    }

    /** What to tell the user who lacks it. */
    String advice() {
        return program + " is not installed (Debian: apt-get install " + debianPackage + ")";
    }

    Optional<Path> find() {
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
        return Stream.concat(Stream.of(path.split(":", -1)), SYSTEM.stream())
                .map(directory -> Path.of(directory, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    Path path() {
        return find().orElseThrow(() -> new BenchException(advice()));
    }

    /** Runs a command to its end and returns what it printed; a failure or a time-out is a {@link BenchException}. */
    static String run(List<String> command, Path output, Duration limit) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .start();
        try {
            boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
            String text = Files.readString(output, StandardCharsets.UTF_8);
            if (!ended || process.exitValue() != 0) {
                throw new BenchException(
                        command.getFirst() + (ended ? " failed" : " did not end in time") + ":\n" + text);
            }
            return text;
        } finally {
            process.destroyForcibly();
        }
    }

    /** The first group of the first match. */
    static String find(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        if (!matcher.find()) {
            throw new BenchException("no " + pattern + " in:\n" + text);
        }
        return matcher.group(1);
    }

    /** {@code 1.23ms} in milliseconds; understands us, ms, s and m. */
    static double millis(String text) {
        int unit = 0;
        while (unit < text.length() && (Character.isDigit(text.charAt(unit)) || text.charAt(unit) == '.')) {
            unit++;
        }
        double value = Double.parseDouble(text.substring(0, unit));
        return switch (text.substring(unit)) {
            case "us" -> value / 1000;
            case "ms" -> value;
            case "s" -> value * 1000;
            case "m" -> value * 60_000;
            default -> throw new BenchException("time '" + text + "' (expected: us, ms, s or m)");
        };
    }
}
