package dev.conflux.qa.chaos;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Makes the steps of a plan from a seed and from nothing else. */
final class Planner {

    /** Clients have begun before the first fault, and work on after the last. */
    private static final long LEAD_IN_MILLIS = 1_500;

    private static final long LEAD_OUT_MILLIS = 1_500;

    /** Between two faults of a line: without it nothing but refusals would be tested. */
    private static final long LEAST_PAUSE_MILLIS = 1_000;

    private static final long MOST_PAUSE_MILLIS = 3_000;

    /** Detail of a {@link FaultKind#REPLACE}. */
    static final String DEAD = "dead";

    /** More than any wrong clock has put the log's time ahead: an earlier time than that changes nothing. */
    private static final long LEAST_DRIFT_MILLIS = 7_200_000;

    private final SplittableRandom random;
    private final int nodes;

    Planner(long seed, int nodes) {
        this.random = new SplittableRandom(seed);
        this.nodes = nodes;
    }

    /**
     * Lines of faults that run beside each other; within a line one is healed before the next begins. The first cycle
     * of a line visits each of its kinds, so that none is left to chance.
     *
     * @param details of failpoints, damages and rebuildings, used in turn
     */
    List<Plan.Step> steps(long loadMillis, List<List<FaultKind>> lines, List<String> details) {
        var steps = new ArrayList<Plan.Step>();
        int nextDetail = details.isEmpty() ? 0 : random.nextInt(details.size());
        for (List<FaultKind> kinds : lines) {
            var bag = new ArrayList<FaultKind>();
            long at = LEAD_IN_MILLIS + random.nextLong(500);
            while (at < loadMillis - LEAD_OUT_MILLIS) {
                if (bag.isEmpty()) {
                    bag.addAll(kinds);
                }
                FaultKind kind = bag.remove(random.nextInt(bag.size()));
                String detail = "";
                boolean detailed = kind == FaultKind.FAILPOINT
                        || kind == FaultKind.DAMAGE
                        || kind == FaultKind.REBUILD
                        || (kind == FaultKind.REPLACE && !details.isEmpty());
                if (detailed) {
                    detail = details.get(nextDetail++ % details.size());
                }
                Plan.Step step = step(at, kind, detail);
                steps.add(step);
                at += step.forMillis() + between(LEAST_PAUSE_MILLIS, MOST_PAUSE_MILLIS);
            }
        }
        steps.sort(Comparator.comparingLong(Plan.Step::atMillis));
        return steps;
    }

    private Plan.Step step(long at, FaultKind kind, String detail) {
        return switch (kind) {
            case KILL -> new Plan.Step(at, kind, anyNode(), between(100, 2_500), "");
            case TERMINATE -> new Plan.Step(at, kind, anyNode(), between(100, 1_500), "");
            case FREEZE -> new Plan.Step(at, kind, anyNode(), between(300, 4_000), "");
            case CRASH_LOOP -> new Plan.Step(at, kind, anyNode(), between(3_000, 6_000), "");
            case KILL_ALL, POWER_CUT -> new Plan.Step(at, kind, "", between(100, 1_000), "");
            case PARTITION -> new Plan.Step(at, kind, "", between(1_000, 5_000), groups());
            case ONE_WAY -> oneWay(at);
            case ISOLATE -> new Plan.Step(at, kind, anyNode(), between(500, 4_000), "");
            case DELAY ->
                new Plan.Step(at, kind, anyNode(), between(1_000, 4_000), between(10, 200) + "," + between(1, 60));
            case LOSS -> new Plan.Step(at, kind, anyNode(), between(1_000, 4_000), Long.toString(between(5, 30)));
            case BANDWIDTH ->
                new Plan.Step(at, kind, anyNode(), between(1_000, 4_000), Long.toString(between(20_000, 500_000)));
            case RESET -> new Plan.Step(at, kind, anyNode(), between(200, 2_000), "");
            case REFUSE -> new Plan.Step(at, kind, anyNode(), between(500, 3_000), "");
            case HALF_OPEN -> new Plan.Step(at, kind, anyNode(), between(500, 2_000), "");
            case CLOCK ->
                new Plan.Step(
                        at, kind, anyNode(), between(1_000, 4_000), Long.toString(between(-3_600_000, 3_600_000)));
            case DRIFT ->
                new Plan.Step(
                        at,
                        kind,
                        anyNode(),
                        between(500, 1_500),
                        Long.toString(between(LEAST_DRIFT_MILLIS, 5 * LEAST_DRIFT_MILLIS)));
            case REPLACE -> new Plan.Step(at, kind, anyNode(), between(7_000, 10_000), replacement(detail));
            case TRANSFER -> new Plan.Step(at, kind, "follower", between(100, 1_000), "");
            case SNAPSHOT -> new Plan.Step(at, kind, anyNode(), between(100, 1_000), "");
            case FAILPOINT -> new Plan.Step(at, kind, anyNode(), between(600, 2_500), detail);
            case REBUILD -> new Plan.Step(at, kind, someNode(), between(500, 2_000), detail);
            case DAMAGE -> new Plan.Step(at, kind, someNode(), between(100, 500), detail);
            case DISK_FULL -> new Plan.Step(at, kind, someNode(), between(4_000, 8_000), "");
        };
    }

    private String replacement(String detail) {
        return !detail.isEmpty() ? detail : random.nextBoolean() ? DEAD : "";
    }

    private Plan.Step oneWay(long at) {
        int from = 1 + random.nextInt(nodes);
        int to = 1 + (from + random.nextInt(nodes - 1)) % nodes;
        return new Plan.Step(
                at, FaultKind.ONE_WAY, Integer.toString(from), between(1_000, 4_000), Integer.toString(to));
    }

    private long between(long least, long most) {
        return least + random.nextLong(most - least + 1);
    }

    private String anyNode() {
        return switch (random.nextInt(4)) {
            case 0, 1 -> "leader";
            case 2 -> "follower";
            default -> someNode();
        };
    }

    private String someNode() {
        return Integer.toString(1 + random.nextInt(nodes));
    }

    /** A minority of random members, and the others. */
    private String groups() {
        var minority = new TreeSet<Integer>();
        int size = 1 + random.nextInt((nodes - 1) / 2);
        while (minority.size() < size) {
            minority.add(1 + random.nextInt(nodes));
        }
        List<Integer> majority = IntStream.rangeClosed(1, nodes)
                .filter(node -> !minority.contains(node))
                .boxed()
                .toList();
        return text(minority) + "|" + text(majority);
    }

    private static String text(Collection<Integer> ids) {
        return ids.stream().map(String::valueOf).collect(Collectors.joining(","));
    }
}
