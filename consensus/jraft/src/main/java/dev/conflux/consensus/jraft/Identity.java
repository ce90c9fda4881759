package dev.conflux.consensus.jraft;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Who a data directory is. The storage id is made once, with the directory, and recorded by every member at bootstrap:
 * a member that comes back with another one has forgotten what it voted for and acknowledged.
 *
 * @param storageId of this directory
 * @param clusterId empty until bootstrap
 * @param storages each member's storage id as of bootstrap; empty until then
 * @param membership each member's address as of bootstrap, in the form of {@link Membership#describe}; empty until then
 */
record Identity(
        String clusterName,
        int nodeId,
        String storageId,
        String clusterId,
        SortedMap<Integer, String> storages,
        String membership) {

    static final String FILE = "identity";
    private static final String FORMAT = "1";

    static Identity fresh(String clusterName, int nodeId) {
        return new Identity(clusterName, nodeId, UUID.randomUUID().toString(), "", new TreeMap<>(), "");
    }

    boolean initialised() {
        return !clusterId.isEmpty();
    }

    Identity bootstrapped(String newClusterId, Map<Integer, String> newStorages, String newMembership) {
        return new Identity(clusterName, nodeId, storageId, newClusterId, new TreeMap<>(newStorages), newMembership);
    }

    void write(Path directory) throws IOException {
        var lines = new StringBuilder();
        line(lines, "format", FORMAT);
        line(lines, "cluster_name", clusterName);
        line(lines, "node_id", Integer.toString(nodeId));
        line(lines, "storage_id", storageId);
        line(lines, "cluster_id", clusterId);
        line(lines, "membership", membership);
        storages.forEach((id, storage) -> line(lines, "storage." + id, storage));
        line(lines, "crc32c", crc(lines.toString()));
        DurableFiles.replace(directory.resolve(FILE), lines.toString());
    }

    /** Reads a directory's identity; null when it has none. */
    static @Nullable Identity read(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        if (!Files.exists(file)) {
            return null;
        }
        String text = Files.readString(file);
        int crcLine = text.lastIndexOf("crc32c=");
        if (crcLine < 0 || !text.substring(crcLine).trim().equals("crc32c=" + crc(text.substring(0, crcLine)))) {
            throw new IdentityException(file + " is damaged (its checksum does not fit). Restore this file from a"
                    + " backup, or remove this member and join again under a new node id");
        }
        var values = new LinkedHashMap<String, String>();
        text.substring(0, crcLine).lines().forEach(line -> {
            int equals = line.indexOf('=');
            values.put(line.substring(0, equals), line.substring(equals + 1));
        });
        if (!FORMAT.equals(values.get("format"))) {
            throw new IdentityException(file + ": format " + values.get("format") + " (expected: " + FORMAT
                    + "); written by a newer version?");
        }
        var storages = new TreeMap<Integer, String>();
        values.forEach((key, value) -> {
            if (key.startsWith("storage.")) {
                storages.put(Integer.parseInt(key.substring("storage.".length())), value);
            }
        });
        return new Identity(
                required(values, "cluster_name", file),
                Integer.parseInt(required(values, "node_id", file)),
                required(values, "storage_id", file),
                required(values, "cluster_id", file),
                storages,
                required(values, "membership", file));
    }

    private static String required(Map<String, String> values, String key, Path file) {
        String value = values.get(key);
        if (value == null) {
            throw new IdentityException(file + ": " + key + " is missing");
        }
        return value;
    }

    private static void line(StringBuilder lines, String key, String value) {
        lines.append(key).append('=').append(value).append('\n');
    }

    private static String crc(String text) {
        CRC32C crc = new CRC32C();
        crc.update(text.getBytes(StandardCharsets.UTF_8));
        return "%08x".formatted(crc.getValue());
    }
}
