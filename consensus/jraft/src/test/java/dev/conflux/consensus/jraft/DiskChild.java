package dev.conflux.consensus.jraft;

import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.base.tls.PeerName;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A process with a single member that writes {@code w0}, {@code w1}, … and says {@code acked N} for each, and
 * {@code role R} again and again. Arguments: its directory, where to listen, seconds until it is stuck, and a file whose
 * existence asks for a snapshot.
 */
final class DiskChild {

    private DiskChild() {}

    public static void main(String[] arguments) throws Exception {
        Path directory = Path.of(arguments[0]);
        Path wantsSnapshot = Path.of(arguments[3]);
        var member = new Member(new NodeId(1), arguments[1], true);
        JRaftConfig config = JRaftConfig.of(
                        "alpha",
                        member.id(),
                        List.of(member),
                        directory.resolve("raft"),
                        new DevCertificateAuthority("test authority").issue(new PeerName("alpha", 1)))
                .withBindHost("127.0.0.1")
                .withUpkeep(Upkeep.DEFAULT
                        .withMinFreeBytes(0)
                        .withStuckTimeout(Duration.ofSeconds(Long.parseLong(arguments[2]))));
        var state = new CountingStateMachine(directory.resolve("state"));
        JRaftNode node = JRaftNode.start(config, state);
        Thread.ofPlatform().daemon().start(() -> {
            while (true) {
                System.out.println("role " + node.status().role());
                java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            }
        });
        node.ready().join();
        System.out.println("found " + state.count());
        for (long i = state.count(); ; i++) {
            try {
                node.propose(("w" + i).getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(30))
                        .join();
                System.out.println("acked " + i);
            } catch (RuntimeException e) {
                System.out.println("failed " + e);
            }
            java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            if (Files.exists(wantsSnapshot)) {
                var _ = node.snapshot()
                        .whenComplete((index, problem) -> System.out.println("snapshot " + index + problem));
                Files.delete(wantsSnapshot);
            }
        }
    }
}
