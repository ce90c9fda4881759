package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * What a snapshot includes, a second time and with a checksum. The engine's own file says it without one: a single bit
 * there makes a member seem to have entries that it has not, so that it is elected and gives its gap to the others.
 */
final class SnapshotSeal {

    static final String FILE = "included";

    private static final String META = "meta";

    /** Some dozen addresses. */
    private static final long MAX_BYTES = 64L << 10;

    private SnapshotSeal() {}

    /** Writes it durably, and how its bytes are to be found again. */
    static SnapshotManifest.Entry write(Path root, SnapshotMeta meta) throws IOException {
        String text = new CheckedText()
                .add(META, HexFormat.of().formatHex(meta.toByteArray()))
                .checked();
        DurableFiles.replace(root.resolve(FILE), text);
        return SnapshotManifest.entry(root, FILE);
    }

    /**
     * Compares what the engine's file says with what was written.
     *
     * @throws IOException when they differ, or it is missing
     */
    static void verify(Path root, SnapshotMeta said) throws IOException {
        Path file = root.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new IOException(file + ": missing");
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException(file + ": " + Files.size(file) + " bytes (expected: <= " + MAX_BYTES + ")");
        }
        SnapshotMeta written;
        try {
            written = SnapshotMeta.parseFrom(HexFormat.of()
                    .parseHex(CheckedText.parseChecked(Files.readString(file), FILE)
                            .text(META)));
        } catch (RuntimeException e) {
            throw new IOException(file + ": damaged: " + e.getMessage(), e);
        }
        if (!written.equals(said)) {
            throw new IOException("the engine's file says that the snapshot ends with " + end(said) + "; it ends with "
                    + end(written) + ", or the members in it differ");
        }
    }

    private static String end(SnapshotMeta meta) {
        return meta.getLastIncludedIndex() + "@" + meta.getLastIncludedTerm();
    }
}
