package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.LogEntry;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.LongFunction;
import java.util.stream.Stream;

/**
 * Copies of log entries that a leader has had cut off: {@code cut/<first>-<last>}, per entry {@code index (8) | term (8)
 * | length (4) | data}, big-endian. The newest few are kept. Nobody reads them but a person.
 */
final class CutSuffix {

    private static final String DIRECTORY = "cut";

    private CutSuffix() {}

    static Path keep(Path dataDir, long first, long last, LongFunction<LogEntry> entries) throws IOException {
        Path directory = dataDir.resolve(DIRECTORY);
        DurableFiles.createDirectories(directory);
        Path copy = directory.resolve(first + "-" + last);
        try (var out = new DataOutputStream(new java.io.BufferedOutputStream(Files.newOutputStream(copy)))) {
            for (long index = first; index <= last; index++) {
                LogEntry entry = entries.apply(index);
                if (entry != null) {
                    ByteBuffer data = entry.getData() == null
                            ? ByteBuffer.allocate(0)
                            : entry.getData().duplicate();
                    byte[] bytes = new byte[data.remaining()];
                    data.get(bytes);
                    out.writeLong(index);
                    out.writeLong(entry.getId().getTerm());
                    out.writeInt(bytes.length);
                    out.write(bytes);
                }
            }
        }
        DurableFiles.syncFile(copy);
        DurableFiles.syncDirectory(directory);
        List<Path> copies;
        try (Stream<Path> files = Files.list(directory)) {
            copies = files.sorted(Comparator.comparing(CutSuffix::modified)).toList();
        }
        for (Path old : copies.subList(0, Math.max(0, copies.size() - Limits.CUT_SUFFIXES_KEPT))) {
            Files.delete(old);
        }
        return copy;
    }

    private static java.nio.file.attribute.FileTime modified(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException e) {
            return java.nio.file.attribute.FileTime.fromMillis(0);
        }
    }
}
