package dev.conflux.consensus.jraft;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Who a data directory is. The storage id is made once, with the directory, and recorded in the replicated membership:
 * a member that comes back with another one has forgotten what it voted for and acknowledged.
 *
 * @param storageId of this directory
 * @param clusterId empty until it is a member
 * @param clusterEpoch 0 until it is a member; raised only by founding the cluster again from one survivor
 */
record Identity(String clusterName, int nodeId, String storageId, String clusterId, long clusterEpoch) {

    static final String FILE = "identity";
    private static final String FORMAT = "2";

    static Identity fresh(String clusterName, int nodeId) {
        return new Identity(clusterName, nodeId, UUID.randomUUID().toString(), "", 0);
    }

    boolean initialised() {
        return !clusterId.isEmpty();
    }

    Identity memberOf(String newClusterId, long epoch) {
        return new Identity(clusterName, nodeId, storageId, newClusterId, epoch);
    }

    void write(Path directory) throws IOException {
        DurableFiles.replace(
                directory.resolve(FILE),
                new CheckedText()
                        .add("format", FORMAT)
                        .add("cluster_name", clusterName)
                        .add("node_id", nodeId)
                        .add("storage_id", storageId)
                        .add("cluster_id", clusterId)
                        .add("cluster_epoch", clusterEpoch)
                        .checked());
    }

    /** Reads a directory's identity; null when it has none. */
    static @Nullable Identity read(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        if (!Files.exists(file)) {
            return null;
        }
        var values = CheckedText.parseChecked(Files.readString(file), file.toString());
        values.expectFormat(FORMAT);
        return new Identity(
                values.text("cluster_name"),
                values.integer("node_id"),
                values.text("storage_id"),
                values.text("cluster_id"),
                values.number("cluster_epoch"));
    }
}
