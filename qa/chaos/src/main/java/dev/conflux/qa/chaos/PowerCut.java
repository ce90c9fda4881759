package dev.conflux.qa.chaos;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a power failure leaves: of every file what had been made durable, and nothing behind it. A library that is
 * preloaded into the nodes notes how far each file was synced; after SIGKILL the files are cut back to that. Needs a C
 * compiler. Files that are overwritten in place, rather than appended to, keep their contents.
 */
final class PowerCut {

    private static final String SOURCE = "power-cut.c";

    private static @Nullable Path library; // guarded by the class

    private PowerCut() {}

    static boolean possible() {
        return Os.run("cc", "--version").contains(".");
    }

    /** What a node's environment needs so that its disk can be cut later. */
    static Map<String, String> environment(Path notes) {
        try {
            Files.createDirectories(notes);
        } catch (IOException e) {
            throw new ChaosException(notes + " cannot be made", e);
        }
        return Map.of("LD_PRELOAD", library().toString(), "POWER_CUT_DIR", notes.toString());
    }

    private static synchronized Path library() {
        Path made = library;
        if (made != null) {
            return made;
        }
        try (InputStream source = PowerCut.class.getResourceAsStream("/" + SOURCE)) {
            if (source == null) {
                throw new ChaosException(SOURCE + " is missing");
            }
            Path directory = Files.createTempDirectory("conflux-power-cut-");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> Os.delete(directory), "power-cut"));
            Path text = directory.resolve(SOURCE);
            Files.copy(source, text);
            made = directory.resolve("power-cut.so");
            String said = Os.run("cc", "-shared", "-fPIC", "-O2", "-o", made.toString(), text.toString(), "-ldl");
            if (!Files.exists(made)) {
                throw new ChaosException(SOURCE + " cannot be compiled: " + said);
            }
            library = made;
            return made;
        } catch (IOException e) {
            throw new ChaosException(SOURCE + " cannot be compiled", e);
        }
    }

    /** Cuts the files of a node that does not run. */
    static void apply(Path data, Path notes) {
        try (Stream<Path> files = Files.walk(data)) {
            List<Path> all = files.filter(Files::isRegularFile).toList();
            for (Path file : all) {
                Path note = notes.resolve(String.valueOf(Files.getAttribute(file, "unix:ino")));
                long durable = Files.exists(note)
                        ? Long.parseLong(Files.readString(note).strip())
                        : 0;
                if (Files.size(file) > durable) {
                    try (var open = new RandomAccessFile(file.toFile(), "rw")) {
                        open.setLength(durable);
                    }
                }
            }
        } catch (IOException e) {
            throw new ChaosException(data + " cannot be cut", e);
        }
    }
}
