package dev.conflux.qa.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What the figures were taken on. */
record Machine(int cores, String processor, long memoryMebibytes, String system, String java, String fileSystem) {

    static Machine here(Path directory) throws IOException {
        return new Machine(
                Runtime.getRuntime().availableProcessors(),
                field(Path.of("/proc/cpuinfo"), "model name", "unknown processor"),
                Long.parseLong(field(Path.of("/proc/meminfo"), "MemTotal", "0 kB")
                                .split(" ", 2)[0])
                        / 1024,
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                Runtime.version().toString(),
                Files.getFileStore(directory).type());
    }

    String line() {
        return cores + " cores (" + processor + "), " + memoryMebibytes + " MiB, " + system + ", JDK " + java + ", "
                + fileSystem;
    }

    private static String field(Path file, String name, String otherwise) throws IOException {
        if (!Files.isReadable(file)) {
            return otherwise;
        }
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(otherwise);
        }
    }
}
