package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A leader of the policy service is cut off while it appends, so that its log holds what no other's does; the others
 * elect, commit and, when told to, forget their logs behind a snapshot; then it hears of them again.
 */
final class Overtaking {

    /** More than the others append meanwhile: their snapshot then ends at an entry that the old leader has differently. */
    private static final int UNHEARD = 60;

    /** A machine at its limit may depose a leader before the writes have come to it. */
    private static final int TRIES = 5;

    private final SampleTarget target;
    private int round;

    Overtaking(SampleTarget target) {
        this.target = target;
    }

    /**
     * Carries it out until the old leader has come to a point.
     *
     * @param forget so that the old leader must be sent a snapshot, instead of entries
     * @param halt whether it ends there, and is started again
     * @return all points that the old leader has come to until then
     */
    Set<String> until(String point, boolean forget, boolean halt) {
        for (int i = 0; i < TRIES; i++) {
            Set<String> points = once(point, forget, halt);
            if (points.contains(point)) {
                return points;
            }
        }
        throw new AssertionError(point + " was not come to in " + TRIES + " rounds");
    }

    private Set<String> once(String point, boolean forget, boolean halt) {
        round++;
        // given
        int leader = Samples.awaitLeader(target, node -> true);
        List<Integer> others =
                target.members().stream().filter(node -> node != leader).toList();
        Samples.persist(target, target.members(), "before-" + round, "put before-" + round + " kept");
        if (halt) {
            FailpointFile.of(target.failpoints(leader)).arm(point + "=halt");
        }

        // when: it appends, and nobody hears of it
        var clients = new ArrayList<LineClient>();
        try {
            for (int i = 0; i < UNHEARD; i++) {
                clients.add(new LineClient(target.clientPort(leader), Samples.PATIENCE));
            }
            target.network().around(leader, Flow.Fault.ofCut());
            for (int i = 0; i < UNHEARD; i++) {
                clients.get(i).send("do unheard-" + round + "-" + i + " put unheard-" + round + "-" + i + " lost");
            }
            Samples.awaitLeader(target, node -> node != leader);
            Samples.persist(target, others, "during-" + round, "put during-" + round + " kept");
            if (forget) {
                others.forEach(this::forget);
            }
        } catch (IOException e) {
            throw new AssertionError("the leader does not take requests", e);
        } finally {
            clients.forEach(LineClient::close);
        }
        target.network().healAround(leader);

        // then: it ends there, or follows
        boolean moved = Os.await(Samples.PATIENCE, () -> hits(leader).contains(point) || caughtUp(leader));
        assertThat(moved).as("node " + leader + " follows").isTrue();
        boolean reached = Os.await(Samples.TOLD, () -> hits(leader).contains(point));
        if (reached && halt) {
            assertThat(Os.await(Samples.PATIENCE, () -> !target.alive(leader)))
                    .as("node " + leader + " ends at " + point)
                    .isTrue();
        }
        Set<String> points = hits(leader);
        FailpointFile.of(target.failpoints(leader)).disarm();
        if (!target.alive(leader)) {
            target.start(leader);
        }
        Samples.awaitAgreement(target);
        for (int node : target.members()) {
            assertThat(target.ask(node, "read stale get before-" + round)).endsWith(" kept");
            assertThat(target.ask(node, "read stale get during-" + round)).endsWith(" kept");
        }
        return points;
    }

    /** Two snapshots, as the log is kept back to the one before the newest. */
    private void forget(int node) {
        for (int i = 1; i <= 2; i++) {
            String request = "forget-" + round + "-" + node + "-" + i;
            Samples.persist(target, List.of(node), request, "put " + request + " kept");
            assertThat(Os.await(
                            Samples.PATIENCE, () -> target.ask(node, "snapshot").startsWith("ok ")))
                    .as("node " + node + " takes a snapshot")
                    .isTrue();
        }
    }

    private boolean caughtUp(int node) {
        return target.ask(node, "read stale get during-" + round).endsWith(" kept");
    }

    private Set<String> hits(int node) {
        return FailpointFile.of(target.failpoints(node)).hits();
    }
}
