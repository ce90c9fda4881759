package dev.conflux.qa.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A Java process that is told what to do by lines on its standard input and answers by lines on its standard output. It
 * ends when its input ends, so that none is left behind. Used by one thread.
 */
final class ChildJvm implements AutoCloseable {

    /** Answers not yet read; a child that says more is broken. */
    private static final int MAX_LINES = 10_000;

    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);

    /** Stands for the end of the output; no child says this. */
    private static final String END = "\0";

    private final String name;
    private final Path log;
    private final Process process;
    private final Writer input;
    private final BlockingQueue<String> lines = new ArrayBlockingQueue<>(MAX_LINES);

    private ChildJvm(String name, Path log, Process process) {
        this.name = name;
        this.log = log;
        this.process = process;
        this.input = process.outputWriter(StandardCharsets.UTF_8);
        Thread.ofPlatform().daemon().name("output of " + name).start(this::readLines);
    }

    /**
     * @param log takes its standard error
     * @param options of the virtual machine
     * @param main its {@code main} must end when standard input ends
     */
    static ChildJvm start(
            String name, Path log, List<String> options, List<Path> classPath, Class<?> main, List<String> arguments) {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.add("-cp");
        command.add(String.join(
                System.getProperty("path.separator"),
                classPath.stream().map(Path::toString).toList()));
        command.add(main.getName());
        command.addAll(arguments);
        var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.environment().put("MALLOC_ARENA_MAX", "2"); // as the packaged node's launcher does
        try {
            return new ChildJvm(name, log, builder.start());
        } catch (IOException e) {
            throw new BenchException(name + " cannot be started", e);
        }
    }

    /** The class path of this process. */
    static List<Path> ownClassPath() {
        return Stream.of(System.getProperty("java.class.path").split(System.getProperty("path.separator"), -1))
                .map(Path::of)
                .map(Path::toAbsolutePath)
                .toList();
    }

    long pid() {
        return process.pid();
    }

    void send(String line) {
        try {
            input.write(line + "\n");
            input.flush();
        } catch (IOException e) {
            throw failed("does not listen");
        }
    }

    /** The rest of the next line that begins with {@code word}; other lines are passed over. */
    String await(String word, Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (true) {
            String line = lines.poll(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            if (line == null) {
                throw failed("did not say '" + word + "' within " + timeout.toSeconds() + " s");
            }
            if (line.equals(word) || line.startsWith(word + " ")) {
                return line.substring(word.length()).strip();
            }
            if (line.equals(END)) {
                throw failed("ended");
            }
        }
    }

    private void readLines() {
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                lines.add(line);
            }
        } catch (IOException | IllegalStateException e) {
            process.destroyForcibly();
        }
        lines.offer(END);
    }

    private BenchException failed(String what) {
        String tail = "";
        try {
            List<String> text = Files.readAllLines(log, StandardCharsets.UTF_8);
            tail = String.join("\n", text.subList(Math.max(0, text.size() - 20), text.size()));
        } catch (IOException e) {
            tail = e.toString();
        }
        return new BenchException(
                name + " " + what + (process.isAlive() ? "" : " (exit code " + process.exitValue() + ")")
                        + "; the end of " + log + ":\n" + tail);
    }

    @Override
    public void close() {
        try {
            input.close();
            if (!process.waitFor(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
            }
        } catch (IOException e) {
            process.destroyForcibly();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
