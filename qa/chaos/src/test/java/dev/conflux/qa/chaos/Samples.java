package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;

/** What the tests ask of a sample service. */
final class Samples {

    static final Duration PATIENCE = Duration.ofSeconds(60);

    /** Nodes write down what they came to several times a second. */
    static final Duration TOLD = Duration.ofSeconds(2);

    private Samples() {}

    static int awaitLeader(SampleTarget target, IntPredicate fits) {
        assertThat(Os.await(PATIENCE, () -> target.leader().filter(fits::test).isPresent()))
                .as("a leader")
                .isTrue();
        return target.leader().orElseThrow();
    }

    /** Waits until all members tell the same state. */
    static void awaitAgreement(SampleTarget target) {
        var states = new HashSet<String>();
        boolean agreed = Os.await(PATIENCE, () -> {
            states.clear();
            for (int node : target.members()) {
                states.add(target.state(node).orElse("node " + node + " is silent"));
            }
            return states.size() == 1 && target.leader().isPresent();
        });
        assertThat(agreed).as("members tell " + states).isTrue();
    }

    /** Another member leads; the points that the old leader has come to. */
    static Set<String> handOver(SampleTarget target) {
        int leader = awaitLeader(target, node -> true);
        int next = leader % target.members().size() + 1;
        assertThat(Os.await(PATIENCE, () -> {
                    target.transferLeadership(next);
                    return target.leader().filter(node -> node == next).isPresent();
                }))
                .as("node " + next + " leads")
                .isTrue();
        var points = new HashSet<String>();
        Os.await(TOLD, () -> {
            points.addAll(FailpointFile.of(target.failpoints(leader)).hits());
            return points.contains("leader.before_transfer");
        });
        return points;
    }

    /** Repeats a request under its id until its fate is known; the answer's words. */
    static List<String> persist(SampleClient client, String request, String command) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() - deadline < 0) {
            SampleClient.Reply reply = client.send("do " + request + " " + command);
            if (reply.fate() == Fate.OK) {
                return reply.words();
            }
        }
        throw new AssertionError(command + " found no answer in " + PATIENCE);
    }

    /** The same, asking only these nodes. */
    static void persist(SampleTarget target, List<Integer> nodes, String request, String command) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        for (int i = 0; System.nanoTime() - deadline < 0; i++) {
            if (target.ask(nodes.get(i % nodes.size()), "do " + request + " " + command)
                    .startsWith("ok ")) {
                return;
            }
        }
        throw new AssertionError(command + " found no answer in " + PATIENCE);
    }
}
