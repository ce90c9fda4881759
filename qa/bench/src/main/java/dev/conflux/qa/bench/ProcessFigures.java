package dev.conflux.qa.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What the kernel knows of a process. Linux. */
final class ProcessFigures {

    /** Kernel ticks per second as user space sees them: fixed at 100 on every Linux port that runs a JVM. */
    private static final long TICK_MICROS = 10_000;

    /** Fields of /proc/pid/stat (proc(5)), counted after the command's closing parenthesis: state is 3. */
    private static final int USER_TIME = 14 - 3;

    private static final int SYSTEM_TIME = 15 - 3;

    private ProcessFigures() {}

    /** User and system time of all threads, in microseconds, in steps of 10 ms. */
    static long cpuMicros(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            return (Long.parseLong(fields[USER_TIME]) + Long.parseLong(fields[SYSTEM_TIME])) * TICK_MICROS;
        } catch (IOException e) {
            throw new BenchException("process " + pid + " has gone", e);
        }
    }

    static long cpuMicros(List<Long> pids) {
        return pids.stream().mapToLong(ProcessFigures::cpuMicros).sum();
    }

    /** The process and everything below it. */
    static List<Long> tree(long pid) {
        return ProcessHandle.of(pid).stream()
                .flatMap(handle -> Stream.concat(Stream.of(handle), handle.descendants()))
                .map(ProcessHandle::pid)
                .toList();
    }

    /** Resident set: counts pages shared with others in full. */
    static long rssKibibytes(long pid) {
        return kibibytes(Path.of("/proc/" + pid + "/status"), "VmRSS:");
    }

    /** Proportional set: a page shared by n processes counts as 1/n. */
    static long pssKibibytes(long pid) {
        return kibibytes(Path.of("/proc/" + pid + "/smaps_rollup"), "Pss:");
    }

    /** The command line as it was started. */
    static List<String> commandLine(long pid) {
        try {
            return List.of(
                    Files.readString(Path.of("/proc/" + pid + "/cmdline")).split("\0", -1));
        } catch (IOException e) {
            throw new BenchException("process " + pid + " has gone", e);
        }
    }

    private static long kibibytes(Path file, String field) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(field))
                    .map(line -> line.substring(field.length()).strip().toLowerCase(Locale.ROOT))
                    .mapToLong(value -> Long.parseLong(value.split(" ", 2)[0]))
                    .findFirst()
                    .orElseThrow(() -> new BenchException(file + " has no " + field));
        } catch (IOException e) {
            throw new BenchException(file + " cannot be read", e);
        }
    }
}
