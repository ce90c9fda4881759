package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Building a member's state anew: asked for by a file, done at the next start. Log, snapshots and state go; identity, vote
 * and high-water mark stay, so that the member is in quarantine until it has everything from a leader again.
 */
final class Rebuild {

    private static final Logger LOG = LoggerFactory.getLogger(Rebuild.class);

    static final String FILE = "rebuild";

    private Rebuild() {}

    /** Durable when it returns. */
    static void request(Path dataDir, String reason) throws IOException {
        DurableFiles.replace(dataDir.resolve(FILE), reason + "\n");
    }

    /** Does what was asked for, if anything was; may be broken off and repeated. */
    static void perform(JRaftConfig config, StateMachine stateMachine) throws IOException {
        Path request = config.dataDir().resolve(FILE);
        if (!Files.exists(request)) {
            return;
        }
        MembershipRecord membership = MembershipRecord.read(config.dataDir());
        if (membership != null && membership.members().size() == 1) {
            throw new IdentityException(request + " asks to build the state anew, but this is the only member: nobody"
                    + " has it. Delete the file, or restore a backup");
        }
        LOG.error(
                "rebuilding node={} reason=\"{}\"",
                config.nodeId(),
                Files.readString(request).strip());
        List<Path> log;
        try (Stream<Path> files = Files.list(config.logDir())) {
            log = files.toList(); // the directory itself may be a mount point
        }
        for (Path file : log) {
            DurableFiles.deleteTree(file);
        }
        DurableFiles.syncDirectory(config.logDir());
        DurableFiles.deleteTree(EngineOptions.snapshots(config.dataDir()));
        stateMachine.reset();
        Files.delete(request);
        DurableFiles.syncDirectory(config.dataDir());
    }
}
