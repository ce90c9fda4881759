package dev.conflux.consensus.samples;

import dev.conflux.base.tls.TlsFiles;
import dev.conflux.base.tls.TlsIdentity;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.jraft.JRaftConfig;
import dev.conflux.consensus.jraft.JRaftNode;
import dev.conflux.consensus.jraft.Upkeep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One member of a sample service as a process. It stops on SIGTERM and when its standard input ends, so that none
 * outlives what started it.
 */
public final class SampleNode {

    private static final Logger LOG = LoggerFactory.getLogger(SampleNode.class);

    private static final int EXIT_USAGE = 64;
    private static final int EXIT_UNAVAILABLE = 69;

    private static final String USAGE = """
            usage: SampleNode jobs|policies --cluster NAME --id N --peers 1@HOST:PORT,2@HOST:PORT,… --data DIR
                              --tls DIR --client-port PORT [--bind HOST] [--snapshot-entries N]

              --tls DIR              holds ca.pem, node-N.pem and node-N.key.pem
              --client-port PORT     line protocol on 127.0.0.1 (see LineServer)
              --bind HOST            where it listens for its peers; 127.0.0.1
              --snapshot-entries N   a snapshot after so many commands

            example
              SampleNode jobs --cluster ci --id 1 --peers 1@127.0.0.1:9190 --data /tmp/jobs-1 --tls /tmp/tls \\
                  --client-port 9290
            """;

    private SampleNode() {}

    public static void main(String[] arguments) {
        try {
            run(List.of(arguments));
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage() + "\n\n" + USAGE);
            System.exit(EXIT_USAGE);
        } catch (IOException | RuntimeException e) {
            LOG.error("could not start", e);
            System.exit(EXIT_UNAVAILABLE);
        }
    }

    private static void run(List<String> arguments) throws IOException {
        String service = arguments.isEmpty() ? "" : arguments.getFirst();
        MemoryMachine machine = switch (service) {
            case "jobs" -> new JobScheduler();
            case "policies" -> new PolicyService();
            default -> throw new IllegalArgumentException("service: '" + service + "' (expected: jobs or policies)");
        };
        Map<String, String> options = options(arguments.subList(1, arguments.size()));
        int id = Integer.parseInt(option(options, "--id"));
        var members = new ArrayList<Member>();
        for (String peer : option(options, "--peers").split(",", -1)) {
            String[] parts = peer.split("@", 2);
            members.add(new Member(new NodeId(Integer.parseInt(parts[0])), parts[1], true));
        }
        Path tls = Path.of(option(options, "--tls"));
        JRaftConfig config = JRaftConfig.of(
                        option(options, "--cluster"),
                        new NodeId(id),
                        members,
                        Path.of(option(options, "--data")),
                        TlsIdentity.load(new TlsFiles(
                                tls.resolve("node-" + id + ".pem"),
                                tls.resolve("node-" + id + ".key.pem"),
                                tls.resolve("ca.pem"))))
                .withBindHost(options.getOrDefault("--bind", "127.0.0.1"))
                .withSnapshotAfter(
                        Upkeep.DEFAULT.snapshotLogBytes(),
                        Long.parseLong(options.getOrDefault(
                                "--snapshot-entries", Long.toString(Upkeep.DEFAULT.snapshotLogEntries()))));
        JRaftNode node = JRaftNode.start(config, machine);
        var server = new LineServer(node, machine, Integer.parseInt(option(options, "--client-port")));
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> {
            try {
                server.close();
            } catch (IOException e) {
                LOG.warn("closing the client port failed", e);
            }
            node.close();
        }));
        var _ = node.ready().whenComplete((ready, failure) -> {
            if (failure != null) {
                LOG.error("this member must not take part", failure);
                Thread.ofPlatform().start(() -> System.exit(EXIT_UNAVAILABLE));
            }
        });
        while (System.in.read() >= 0) {
            // Whatever is written there is of no interest.
        }
        System.exit(0);
    }

    private static Map<String, String> options(List<String> arguments) {
        var options = new HashMap<String, String>();
        for (int i = 0; i + 1 < arguments.size(); i += 2) {
            options.put(arguments.get(i), arguments.get(i + 1));
        }
        return options;
    }

    private static String option(Map<String, String> options, String name) {
        String value = options.get(name);
        if (value == null) {
            throw new IllegalArgumentException(name + ": missing");
        }
        return value;
    }
}
