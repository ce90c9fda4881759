package dev.conflux.core.state;

import com.google.protobuf.ByteString;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.state.proto.StateProto;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** The manifest of a snapshot: what belongs to it, the hash of each file, and one of itself. */
final class SnapshotFiles {

    static final String MANIFEST = "state.manifest";

    private static final int FORMAT_VERSION = 1;

    private static final int BUFFER_BYTES = 1 << 16;

    private SnapshotFiles() {}

    /** Hashes and syncs the files, writes the manifest, syncs it and the directory. */
    static List<String> seal(Path directory, StateMeta meta, List<String> files) throws IOException {
        var manifest = StateProto.SnapshotManifest.newBuilder()
                .setFormatVersion(FORMAT_VERSION)
                .setAppliedIndex(meta.applied.index())
                .setAppliedTerm(meta.applied.term())
                .setRevision(meta.revision)
                .setDigest(ByteString.copyFrom(meta.digest));
        for (String name : files.stream().sorted().toList()) {
            Path file = directory.resolve(name);
            sync(file);
            manifest.addFiles(StateProto.SnapshotManifest.File.newBuilder()
                    .setName(name)
                    .setSizeBytes(Files.size(file))
                    .setSha256(ByteString.copyFrom(hash(file))));
        }
        Path path = directory.resolve(MANIFEST);
        Files.write(
                path, manifest.setChecksum(checksum(manifest.build())).build().toByteArray());
        sync(path);
        sync(directory);
        var names = new ArrayList<>(files);
        names.add(MANIFEST);
        return names;
    }

    /** Reads the manifest and checks every file against it, before anything is replaced. */
    static StateProto.SnapshotManifest verify(Path directory) throws IOException {
        StateProto.SnapshotManifest manifest =
                StateProto.SnapshotManifest.parseFrom(Files.readAllBytes(directory.resolve(MANIFEST)));
        if (manifest.getFormatVersion() != FORMAT_VERSION) {
            throw new IOException(
                    "snapshot format: " + manifest.getFormatVersion() + " (this version reads " + FORMAT_VERSION + ")");
        }
        if (!manifest.getChecksum().equals(checksum(manifest))) {
            throw new IOException("snapshot manifest: " + directory.resolve(MANIFEST) + " differs from its checksum");
        }
        var seen = new HashSet<String>();
        for (StateProto.SnapshotManifest.File file : manifest.getFilesList()) {
            String name = file.getName();
            Path path = directory.resolve(name);
            if (!seen.add(name)
                    || !path.normalize().equals(path)
                    || !directory.equals(path.getParent())
                    || name.equals(MANIFEST)) {
                throw new IOException("snapshot file: " + name + " (expected: a plain name, once)");
            }
            if (Files.size(path) != file.getSizeBytes()
                    || !MessageDigest.isEqual(hash(path), file.getSha256().toByteArray())) {
                throw new IOException("snapshot file: " + name + " differs from its manifest");
            }
        }
        return manifest;
    }

    /** Covers unknown fields too: a changed tag must not make the list of files shorter. */
    private static ByteString checksum(StateProto.SnapshotManifest manifest) {
        return ByteString.copyFrom(
                sha256().digest(manifest.toBuilder().clearChecksum().build().toByteArray()));
    }

    static LogPosition position(StateProto.SnapshotManifest manifest) {
        return new LogPosition(manifest.getAppliedIndex(), manifest.getAppliedTerm());
    }

    static List<String> names(StateProto.SnapshotManifest manifest) {
        return manifest.getFilesList().stream()
                .map(StateProto.SnapshotManifest.File::getName)
                .toList();
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static byte[] hash(Path file) throws IOException {
        MessageDigest sha256 = sha256();
        byte[] buffer = new byte[BUFFER_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                sha256.update(buffer, 0, read);
            }
        }
        return sha256.digest();
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
