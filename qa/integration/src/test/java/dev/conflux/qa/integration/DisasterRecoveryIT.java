package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import dev.conflux.tool.local.Ops;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * The quarterly drill, every time: three nodes, two destroyed, and then exactly the commands of
 * {@code docs/operations/disaster-recovery.md}.
 */
class DisasterRecoveryIT {

    private static final Path ROOT = Path.of(System.getProperty("conflux.root", "."));
    private static final Pattern BASH = Pattern.compile("```bash\n(.*?)```", Pattern.DOTALL);
    private static final int FOUNDERS = 3;

    @TempDir
    Path directory;

    private LocalCluster cluster;
    private final List<String> playbook = new ArrayList<>();
    private Path backup;
    private Path oldDirectory;

    @BeforeEach
    void layOut() throws IOException {
        Matcher blocks = BASH.matcher(Files.readString(ROOT.resolve("docs/operations/disaster-recovery.md")));
        while (blocks.find()) {
            playbook.add(blocks.group(1));
        }
        backup = directory.resolve("backup-of-node-3");
        oldDirectory = directory.resolve("old-directory-of-node-2");
        cluster = new LocalCluster(LocalCluster.Options.ofTest(directory.resolve("nodes"), 5));
        cluster.startDatabase();
        for (NodeProcess node : cluster.nodes()) {
            String config = Files.readString(node.configFile());
            String founders = peers(node.id() <= FOUNDERS ? FOUNDERS : 1);
            if (node.id() > FOUNDERS) {
                founders += "cluster.join: true\ncluster.address: 127.0.0.1:" + node.peerPort() + "\n";
            }
            Files.writeString(
                    node.configFile(),
                    config.replaceAll("(?m)^cluster.peers: .*\n", Matcher.quoteReplacement(founders)));
        }
    }

    @AfterEach
    void close() {
        cluster.close();
    }

    @Test
    void shouldComeBackFromOneSurvivorAsThePlaybookSays() throws Exception {
        // given: three nodes, a backup of node 3 that is older than what follows
        cluster.nodes().subList(0, FOUNDERS).forEach(NodeProcess::start);
        cluster.awaitReady();
        Cluster.awaitControlPlane(cluster);
        NodeClient admin = cluster.client(cluster.node(1));
        Path credentials = cluster.node(1)
                .dataDirectory()
                .resolve(cluster.credentialsFile().getFileName());
        if (!Files.exists(credentials)) {
            Files.copy(cluster.credentialsFile(), credentials); // another node came first and wrote it
        }
        List<String> early = write(admin, "early", 20);
        cluster.node(3).stop();
        copy(cluster.node(3).dataDirectory(), backup);
        cluster.node(3).start();
        cluster.awaitReady();
        List<String> late = write(admin, "late", 20);
        String digest = Cluster.awaitEqualDigests(cluster);
        String state = digest.substring(digest.indexOf(' ') + 1);

        // when: two are destroyed; what is left of node 2 turns up again later
        cluster.node(2).kill();
        cluster.node(3).kill();
        Files.move(cluster.node(2).dataDirectory(), oldDirectory);
        delete(cluster.node(3).dataDirectory());
        cluster.node(1).stop();

        // then: steps 2 to 4, offline
        String compared = run(playbook.get(0));
        assertThat(compared)
                .contains("best survivor: node 1")
                .contains("may be lost: whatever the absent voters committed after");
        assertThat(run(playbook.get(1))).contains("CreateConfig", "late-19");
        String forced = run(playbook.get(2));
        assertThat(forced).contains("1 -> 2", "node 2 (127.0.0.1:", "node 3 (127.0.0.1:");
        assertThat(run(playbook.get(3))).contains(state, "40 configs", "everything agrees");

        // and: step 4, alive
        cluster.node(1).start();
        cluster.awaitReady();
        Cluster.awaitControlPlane(cluster);
        assertThat(run(playbook.get(4))).contains("\"cluster_epoch\":2").contains("\"state_digest\":\"" + state + "\"");
        JsonNode status = Ops.get(cluster.node(1), "/_cluster/status");
        assertThat(status.get("nodes").propertyNames()).containsExactly("1");
        expectAll(admin, early);
        expectAll(admin, late);

        // and: step 5
        cluster.node(4).start();
        cluster.node(5).start();
        String added = run(playbook.get(5));
        assertThat(added).contains("\"node_id\":4", "\"node_id\":5");
        await().atMost(Cluster.PATIENCE).untilAsserted(() -> {
            JsonNode grown = Ops.get(cluster.node(1), "/_cluster/status");
            assertThat(grown.get("nodes").propertyNames()).containsExactlyInAnyOrder("1", "4", "5");
            assertThat(grown.get("change").asString()).isEqualTo("none");
        });
        cluster.awaitReady();

        // and: it is a cluster of three again, which survives the survivor
        List<String> after = write(admin, "after", 10);
        Cluster.awaitEqualDigests(cluster);
        cluster.node(1).kill();
        NodeProcess leader = Cluster.awaitLeader(cluster);
        for (List<String> names : List.of(early, late, after)) {
            expectAll(admin.at(leader), names);
        }
        cluster.node(1).start();
        cluster.awaitReady();

        // and: the old member with its old directory is fenced, and harms nobody
        Files.move(oldDirectory, cluster.node(2).dataDirectory());
        cluster.node(2).start();
        Integer exit = cluster.node(2).awaitExit(Duration.ofSeconds(60));
        assertThat(exit).as(cluster.node(2).tail()).isEqualTo(65);
        assertThat(Files.readString(cluster.node(2).logFile())).contains("was founded again as epoch 2");
        write(admin, "end", 5);
        Cluster.awaitEqualDigests(cluster);
    }

    private static List<String> write(NodeClient client, String prefix, int count) {
        var names = new ArrayList<String>();
        for (int i = 0; i < count; i++) {
            String name = prefix + "-" + i + ".json";
            NodeClient.Answer answer = Cluster.persist(
                    client,
                    "POST",
                    "/api/v1/mgt/configs",
                    Cluster.config(name, "{\"i\":" + i + "}"),
                    name,
                    Cluster.PATIENCE);
            assertThat(answer.status()).as(answer.body()).isEqualTo(201);
            names.add(name);
        }
        return names;
    }

    private static void expectAll(NodeClient client, List<String> names) {
        for (String name : names) {
            await(name)
                    .atMost(Cluster.PATIENCE)
                    .until(
                            () -> client.get(
                                            "/api/v1/fetch/config/acme/shop/prod/" + name,
                                            "X-Conflux-Consistency",
                                            "linearizable")
                                    .status(),
                            status -> status == 200);
        }
    }

    /** Runs a block of the playbook, with this cluster's places and ports in it. */
    private String run(String block) throws IOException, InterruptedException {
        NodeProcess survivor = cluster.node(1);
        String script = block.replace(
                        "/var/lib/conflux", survivor.dataDirectory().toString())
                .replace("/backup/node-3", backup.toString())
                .replace("127.0.0.1:9091", survivor.opsUrl().getAuthority())
                .replace("127.0.0.1:8080", survivor.url().getAuthority())
                .replace("10.0.0.4:9090", "127.0.0.1:" + cluster.node(4).peerPort())
                .replace("10.0.0.5:9090", "127.0.0.1:" + cluster.node(5).peerPort())
                .replace("curl -s ", "curl -s --fail-with-body --retry 5 --retry-all-errors ");
        Path output = directory.resolve("output.txt");
        var builder = new ProcessBuilder("bash", "-euo", "pipefail", "-c", script)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment()
                .merge("PATH", LocalCluster.distribution().resolve("bin").toString(), (old, bin) -> bin + ":" + old);
        builder.environment().putIfAbsent("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).as(script).isTrue();
        String text = Files.readString(output);
        System.out.println(block + text);
        assertThat(process.exitValue()).as(script + "\n" + text).isZero();
        return text;
    }

    private String peers(int count) {
        return cluster.nodes().subList(0, count).stream()
                .map(node -> "\"" + node.id() + "@127.0.0.1:" + node.peerPort() + "\"")
                .collect(Collectors.joining(", ", "cluster.peers: [", "]\n"));
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }

    private static void delete(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
