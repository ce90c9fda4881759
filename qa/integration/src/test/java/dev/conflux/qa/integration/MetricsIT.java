package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.tool.local.LocalCluster;
import dev.conflux.tool.local.NodeClient;
import dev.conflux.tool.local.NodeProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What operators see of three real nodes, and that docs/operations/metrics.md tells all of it. */
class MetricsIT {

    private static final Path DOCUMENT = Path.of("../../docs/operations/metrics.md");
    private static final Pattern FAMILY = Pattern.compile("^# TYPE (conflux_\\w+) ", Pattern.MULTILINE);
    private static final Pattern SAMPLE = Pattern.compile("^(conflux_\\w+(?:\\{[^}]*})?) (\\S+)$", Pattern.MULTILINE);
    private static final Pattern ROW = Pattern.compile("^\\| `(conflux_\\w+)` ", Pattern.MULTILINE);

    @TempDir
    static Path directory;

    @Test
    void shouldExportWhatIsDocumentedAndMean() throws IOException {
        try (var cluster = new LocalCluster(LocalCluster.Options.ofTest(directory, 3)).start()) {
            // given
            Cluster.awaitControlPlane(cluster);
            NodeClient client = cluster.client(cluster.node(1));
            for (NodeProcess node : cluster.nodes()) {
                Cluster.create(client.at(node), "metrics-" + node.id() + ".json", "{}");
            }
            var led = new HashSet<Integer>();

            // when
            var families = new TreeSet<String>();
            for (NodeProcess node : cluster.nodes()) {
                families.addAll(families(scrape(client.at(node))));
                families.addAll(families(scrape(client.at(node)))); // the first one is a request itself
            }

            // then
            assertThat(families).containsExactlyElementsOf(documented());

            await().atMost(Cluster.PATIENCE).untilAsserted(() -> {
                NodeProcess leader = Cluster.awaitLeader(cluster);
                NodeProcess follower = cluster.node(leader.id() % 3 + 1);
                if (led.add(leader.id())) { // another one, after a pause of the machine
                    Cluster.create(client.at(leader), "leader-" + leader.id() + ".json", "{}");
                    Cluster.create(client.at(follower), "follower-of-" + leader.id() + ".json", "{}");
                }
                Map<String, Double> leading = samples(scrape(client.at(leader)));
                Map<String, Double> following = samples(scrape(client.at(follower)));
                String peer = "{peer=\"" + follower.id() + "\"}";
                assertThat(leading.get("conflux_raft_is_leader")).isEqualTo(1);
                assertThat(following.get("conflux_raft_is_leader")).isEqualTo(0);
                assertThat(following.get("conflux_raft_role{role=\"follower\"}"))
                        .isEqualTo(1);
                assertThat(leading.get("conflux_raft_term")).isPositive().isEqualTo(following.get("conflux_raft_term"));
                assertThat(leading.get("conflux_raft_commit_index"))
                        .isPositive()
                        .isEqualTo(leading.get("conflux_raft_applied_index"))
                        .isEqualTo(following.get("conflux_raft_applied_index"));
                assertThat(leading.get("conflux_raft_replication_lag_entries" + peer))
                        .isEqualTo(0);
                assertThat(following.get("conflux_raft_replication_lag_entries{peer=\"" + leader.id() + "\"}"))
                        .isNaN();
                assertThat(leading.get("conflux_raft_staleness_seconds")).isBetween(0.0, 2.0);
                assertThat(following.get("conflux_raft_staleness_seconds")).isBetween(0.0, 2.0);
                assertThat(leading.get("conflux_raft_proposals_total{outcome=\"committed\"}"))
                        .isGreaterThanOrEqualTo(2);
                assertThat(following.get("conflux_raft_proposals_forwarded_total"))
                        .isPositive();
                assertThat(leading.get("conflux_raft_append_seconds_count")).isPositive();
                assertThat(following.get("conflux_raft_append_seconds_count")).isPositive();
                assertThat(following.get("conflux_raft_apply_seconds_count")).isPositive();
                assertThat(leading.get("conflux_peer_connected" + peer)).isEqualTo(1);
                assertThat(leading.get("conflux_peer_sent_bytes_total" + peer)).isPositive();
                assertThat(leading.get("conflux_peer_received_bytes_total" + peer))
                        .isPositive();
                assertThat(following.get("conflux_raft_leader_changes_total")).isPositive();
                assertThat(leading.get("conflux_raft_ring_entries{ring=\"propose\"}"))
                        .isBetween(0.0, 4_096.0);
                assertThat(leading.get("conflux_dedup_records{kind=\"request\"}"))
                        .isPositive();
                assertThat(leading.get("conflux_reads_total{level=\"linearizable\",result=\"answered\"}"))
                        .isNotNull();
            });
        }
    }

    private static String scrape(NodeClient client) {
        return client.get("/metrics").expect(200).body();
    }

    /** Without the maximum that accompanies each histogram. */
    private static Set<String> families(String scraped) {
        return FAMILY.matcher(scraped)
                .results()
                .map(match -> match.group(1).replaceFirst("_seconds_max$", "_seconds"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Map<String, Double> samples(String scraped) {
        return SAMPLE.matcher(scraped)
                .results()
                .collect(Collectors.toMap(
                        match -> match.group(1),
                        match -> Double.valueOf(match.group(2).replace("+Inf", "Infinity")),
                        (first, second) -> second,
                        TreeMap::new));
    }

    private static Set<String> documented() throws IOException {
        return ROW.matcher(Files.readString(DOCUMENT))
                .results()
                .map((MatchResult match) -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
