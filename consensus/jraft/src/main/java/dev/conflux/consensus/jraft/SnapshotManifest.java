package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * What a snapshot contains: the file {@code manifest} in its directory. Text, so that a person can check it with the
 * usual tools; the layout is in {@code DESIGN.md}.
 *
 * @param position the last log entry whose effect the state files hold
 * @param files everything else in the snapshot, in the order written; the engine's own meta file is not listed
 */
public record SnapshotManifest(LogPosition position, List<Entry> files) {

    /** The manifest's name in the snapshot directory. */
    public static final String FILE = "manifest";

    private static final String HEADER = "conflux-snapshot 1";

    /** A manifest is read as a whole: some hundred thousand files' worth. */
    private static final long MAX_BYTES = 32L << 20;

    /**
     * One file.
     *
     * @param name relative to the snapshot directory, with slashes
     * @param bytes its length
     * @param crc32c of its bytes, eight hexadecimal digits
     */
    public record Entry(String name, long bytes, String crc32c) {}

    public SnapshotManifest {
        files = List.copyOf(files);
    }

    /** Reads a file's length and checksum. */
    static Entry entry(Path root, String name) throws IOException {
        Path file = root.resolve(name);
        return new Entry(name, Files.size(file), DurableFiles.checksum(file));
    }

    /** Writes the manifest durably. */
    void write(Path root) throws IOException {
        var text = new StringBuilder(HEADER).append('\n');
        text.append("position ").append(position.index()).append(' ').append(position.term());
        text.append('\n');
        for (Entry file : files) {
            text.append("file ").append(file.crc32c()).append(' ').append(file.bytes());
            text.append(' ').append(file.name()).append('\n');
        }
        String checksum = checksum(text.toString());
        text.append("crc32c ").append(checksum).append('\n');
        DurableFiles.replace(root.resolve(FILE), text.toString());
    }

    /**
     * Reads a manifest; the files that it names are not looked at.
     *
     * @throws IOException when it is missing, damaged or of a version that this software does not know
     */
    public static SnapshotManifest read(Path root) throws IOException {
        Path path = root.resolve(FILE);
        long size = Files.size(path);
        if (size > MAX_BYTES) {
            throw new IOException(path + ": " + size + " bytes (expected: <= " + MAX_BYTES + ")");
        }
        String text = new String(Files.readAllBytes(path), StandardCharsets.UTF_8);
        int end = text.lastIndexOf("crc32c ");
        if (!text.startsWith(HEADER + "\n") || end < 0) {
            throw new IOException(path + ": not a whole manifest of this version (expected: " + HEADER + " … crc32c)");
        }
        String body = text.substring(0, end);
        String expected = "crc32c " + checksum(body) + "\n";
        if (!text.substring(end).equals(expected)) {
            throw new IOException(
                    path + ": damaged: " + text.substring(end).strip() + " (expected: " + expected.strip() + ")");
        }
        try {
            return parse(body);
        } catch (RuntimeException e) {
            throw new IOException(path + ": " + e.getMessage(), e);
        }
    }

    private static SnapshotManifest parse(String body) {
        String[] lines = body.split("\n", -1);
        String[] position = lines[1].split(" ", 3);
        var files = new ArrayList<Entry>();
        for (int i = 2; i < lines.length - 1; i++) { // after the last newline nothing
            String[] fields = lines[i].split(" ", 4);
            if (!fields[0].equals("file")) {
                throw new IllegalArgumentException("line: " + lines[i] + " (expected: file …)");
            }
            files.add(new Entry(fields[3], Long.parseLong(fields[2]), fields[1]));
        }
        return new SnapshotManifest(new LogPosition(Long.parseLong(position[1]), Long.parseLong(position[2])), files);
    }

    /**
     * Compares every file with its entry.
     *
     * @throws IOException naming the first file that is missing, of another length, or damaged
     */
    public void verify(Path root) throws IOException {
        var seen = new HashSet<String>();
        for (Entry expected : files) {
            Path file = root.resolve(expected.name()).normalize();
            if (!file.startsWith(root.normalize()) || !seen.add(expected.name())) {
                throw new IOException("snapshot file: " + expected.name() + " (expected: inside " + root + ", once)");
            }
            if (!Files.isRegularFile(file)) {
                throw new IOException(file + ": missing");
            }
            Entry found = entry(root, expected.name());
            if (!found.equals(expected)) {
                throw new IOException(file + ": " + found.bytes() + " bytes, checksum " + found.crc32c()
                        + " (expected: " + expected.bytes() + ", " + expected.crc32c() + ")");
            }
        }
    }

    private static String checksum(String text) {
        var crc = new CRC32C();
        crc.update(text.getBytes(StandardCharsets.UTF_8));
        return "%08x".formatted(crc.getValue());
    }
}
