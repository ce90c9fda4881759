package dev.conflux.tool.inspector;

import dev.conflux.consensus.jraft.OfflineDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where the parts of a node lie.
 *
 * @param given what the operator wrote, for messages
 * @param raft identity, vote, mark, snapshots
 * @param log the replicated log
 * @param state the applied state; absent for a service that is not Conflux
 */
record NodeDirectory(Path given, Path raft, Path log, Optional<Path> state) {

    /**
     * Reads {@code DATA_DIR} or {@code DATA_DIR,WAL_DIR}, each as in the node's configuration. A directory of the
     * consensus component alone, without a node around it, is taken as well.
     */
    static NodeDirectory parse(String text) {
        int comma = text.lastIndexOf(',');
        Path data = Path.of(comma < 0 ? text : text.substring(0, comma))
                .toAbsolutePath()
                .normalize();
        Path inner = data.resolve("raft");
        Path raft = Files.isDirectory(inner) ? inner : data;
        Path log = comma < 0
                ? data.resolve("log")
                : Path.of(text.substring(comma + 1)).toAbsolutePath().normalize();
        Path state = data.resolve("state");
        return new NodeDirectory(data, raft, log, Files.isDirectory(state) ? Optional.of(state) : Optional.empty());
    }

    OfflineDirectory open() throws IOException {
        return OfflineDirectory.open(raft, log);
    }
}
