package dev.conflux.adapter.postgres;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.tukaani.xz.XZInputStream;

/**
 * Unpacks the PostgreSQL programs that come in a jar. Reads xz with a library and tar by itself: slim images have
 * neither program, and the archive holds plain files, directories and links only.
 */
final class PostgresBinaries {

    /** Of the archive on the class path; a test compares it with what the server says. */
    static final String VERSION = "18.6.0";

    private static final String ARCHIVE = "/postgres-linux-x86_64.txz";
    /** Static libraries: for linking against, never run. */
    private static final String NOT_NEEDED = ".a";

    private static final String MANIFEST = ".unpacked";
    private static final int BLOCK = 512;

    private PostgresBinaries() {}

    /**
     * Makes sure that the programs are in {@code target}, which then has {@code bin}, {@code lib} and {@code share}.
     * All or nothing, and complete again after a power cut. Threads and processes that share a target wait for each
     * other.
     *
     * @return {@code target}
     */
    static synchronized Path unpack(Path target) throws IOException {
        Files.createDirectories(parent(target));
        try (FileChannel channel = FileChannel.open(
                        target.resolveSibling(target.getFileName() + ".lock"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
                FileLock _ = channel.lock()) {
            return isComplete(target) ? target : unpackAlone(target);
        }
    }

    private static Path unpackAlone(Path target) throws IOException {
        delete(target);
        Path temporary = target.resolveSibling(target.getFileName() + ".unpacking");
        delete(temporary);
        Files.createDirectories(
                temporary, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        try (InputStream archive = PostgresBinaries.class.getResourceAsStream(ARCHIVE)) {
            if (archive == null) {
                throw new IOException("the PostgreSQL programs are not on the class path (" + ARCHIVE
                        + "); use database.url with a PostgreSQL of your own");
            }
            untar(new BufferedInputStream(new XZInputStream(new BufferedInputStream(archive)), 1 << 16), temporary);
        }
        Files.writeString(temporary.resolve(MANIFEST), Long.toString(totalSize(temporary)));
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        return target;
    }

    static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        List<Path> deepestFirst;
        try (Stream<Path> paths = Files.walk(directory)) {
            deepestFirst = paths.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : deepestFirst) {
            Files.deleteIfExists(path);
        }
    }

    /** Files are not synced one by one (a thousand fsyncs); a size that a power cut took shows here. */
    private static boolean isComplete(Path target) throws IOException {
        Path manifest = target.resolve(MANIFEST);
        return Files.exists(manifest)
                && Files.readString(manifest).equals(Long.toString(totalSize(target) - Files.size(manifest)));
    }

    private static long totalSize(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            long total = 0;
            for (Path path : paths.filter(Files::isRegularFile).toList()) {
                total += Files.size(path);
            }
            return total;
        }
    }

    private static void untar(InputStream tar, Path target) throws IOException {
        byte[] header = new byte[BLOCK];
        while (tar.readNBytes(header, 0, BLOCK) == BLOCK && header[0] != 0) {
            String name = text(header, 0, 100);
            long size = Long.parseLong(text(header, 124, 12).trim(), 8);
            boolean executable = (Integer.parseInt(text(header, 100, 8).trim(), 8) & 0100) != 0;
            Path path = target.resolve(name).normalize();
            if (!path.startsWith(target)) {
                throw new IOException("archive entry outside of its directory: " + name);
            }
            switch (header[156]) {
                case '5' -> makeDirectories(path);
                case '2' -> {
                    makeDirectories(parent(path));
                    Files.createSymbolicLink(path, Path.of(text(header, 157, 100)));
                }
                case '0', 0 -> {
                    makeDirectories(parent(path));
                    try (OutputStream out = name.endsWith(NOT_NEEDED)
                            ? OutputStream.nullOutputStream()
                            : new BufferedOutputStream(Files.newOutputStream(path), 1 << 16)) {
                        copy(tar, out, size);
                    }
                    if (!name.endsWith(NOT_NEEDED)) {
                        Files.setPosixFilePermissions(
                                path, PosixFilePermissions.fromString(executable ? "rwx------" : "rw-------"));
                    }
                    tar.skipNBytes((BLOCK - size % BLOCK) % BLOCK);
                }
                default -> throw new IOException("archive entry of an unknown kind: " + name);
            }
        }
    }

    private static void makeDirectories(Path directory) throws IOException {
        Files.createDirectories(
                directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }

    private static Path parent(Path path) throws IOException {
        Path parent = path.getParent();
        if (parent == null) {
            throw new IOException("no parent: " + path);
        }
        return parent;
    }

    private static void copy(InputStream in, OutputStream out, long size) throws IOException {
        byte[] buffer = new byte[1 << 16];
        long left = size;
        while (left > 0) {
            int count = in.read(buffer, 0, (int) Math.min(left, buffer.length));
            if (count < 0) {
                throw new EOFException("the archive ends early");
            }
            out.write(buffer, 0, count);
            left -= count;
        }
    }

    private static String text(byte[] header, int from, int length) {
        int end = from;
        while (end < from + length && header[end] != 0) {
            end++;
        }
        return new String(header, from, end - from, StandardCharsets.UTF_8);
    }
}
