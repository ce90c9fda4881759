package dev.conflux.qa.chaos;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;

/** {@code ./cx chaos}: carries scenarios out and prints what came of them. */
public final class Chaos {

    private static final long FAST_LOAD_MILLIS = 22_000;
    private static final long SMOKE_LOAD_MILLIS = 8_000;
    private static final long SOAK_LOAD_MILLIS = 120_000;

    /** What belongs to every build. */
    private static final List<String> SMOKE = List.of("register-all", "jobs-all");

    /** A run is not deterministic: a plan counts as harmless after so many without a violation. */
    private static final int TRIES = 3;

    private static final String NETWORK = "--network";
    private static final String NETNS = "netns";
    private static final String PROXIES = "proxies";

    private static final int FAILED = 1;
    private static final int USAGE = 2;

    private final PrintStream out;
    private final Path results;
    private final Clusters clusters;
    private final List<Run.Result> done = new ArrayList<>();

    Chaos(PrintStream out, Path results) {
        this.out = out;
        this.results = results;
        this.clusters = new Clusters(results.resolve(Run.CLUSTER));
    }

    public static void main(String[] arguments) {
        List<String> given = List.of(arguments);
        int network = given.indexOf(NETWORK);
        boolean netns = network >= 0
                && network + 1 < given.size()
                && given.get(network + 1).equals(NETNS);
        if (netns && !PacketFilter.inUse() && PacketFilter.obstacle().isEmpty()) {
            System.exit(PacketFilter.inside(Chaos.class, given));
        }
        System.exit(new Chaos(System.out, Path.of(".conflux", "chaos").toAbsolutePath()).run(List.of(arguments)));
    }

    /** Returns the exit code. */
    int run(List<String> arguments) {
        try (clusters) {
            return carryOut(arguments);
        }
    }

    private int carryOut(List<String> arguments) {
        var scenarios = new ArrayList<Scenario>();
        long seed = ThreadLocalRandom.current().nextLong(1L << 53); // one that every reader of the plan can hold
        Duration soak = Duration.ZERO;
        boolean smoke = false;
        Path replay = null;
        Path minimise = null;
        int tries = TRIES;
        long seconds = 0;
        try {
            for (int i = 0; i < arguments.size(); i++) {
                switch (arguments.get(i)) {
                    case "--help", "-h" -> {
                        out.print(usage());
                        return 0;
                    }
                    case "--smoke" -> smoke = true;
                    case "--seed" -> seed = Long.parseLong(arguments.get(++i));
                    case "--soak" -> soak = Duration.parse("PT" + arguments.get(++i));
                    case "--load" -> seconds = Long.parseLong(arguments.get(++i));
                    case "--replay" -> replay = Path.of(arguments.get(++i));
                    case "--minimise" -> minimise = Path.of(arguments.get(++i));
                    case "--tries" -> tries = Integer.parseInt(arguments.get(++i));
                    case "--scenario" -> scenarios.add(named(arguments.get(++i)));
                    case NETWORK -> checkNetwork(arguments.get(++i));
                    default -> throw new IllegalArgumentException(arguments.get(i) + ": unknown option");
                }
            }
        } catch (IllegalArgumentException | IndexOutOfBoundsException | java.time.DateTimeException e) {
            out.print("cx chaos: " + e.getMessage() + "\n\n" + usage());
            return USAGE;
        }
        if (replay != null) {
            Plan plan = Plan.read(replay);
            carryOut(named(plan.scenario()), plan);
            return summary();
        }
        if (minimise != null) {
            return minimise(Plan.read(minimise), tries);
        }
        if (scenarios.isEmpty()) {
            scenarios.addAll(smoke ? SMOKE.stream().map(Chaos::named).toList() : Scenarios.ALL);
        }
        long load = soak.isZero() ? smoke ? SMOKE_LOAD_MILLIS : FAST_LOAD_MILLIS : SOAK_LOAD_MILLIS;
        if (seconds > 0) {
            load = Duration.ofSeconds(seconds).toMillis();
        }
        long end = System.nanoTime() + soak.toNanos();
        var seeds = new SplittableRandom(seed);
        out.println("seed " + seed + ", " + scenarios.size() + " scenarios of " + load / 1000 + " s"
                + (soak.isZero() ? "" : ", again and again for " + soak.toMinutes() + " minutes"));
        do {
            for (Scenario scenario : scenarios) {
                String obstacle = scenario.obstacle();
                if (!obstacle.isEmpty()) {
                    out.println(scenario.name() + ": left out, " + obstacle);
                    continue;
                }
                long own = scenarios.size() == 1 && soak.isZero() ? seed : seeds.nextLong() >>> 11;
                carryOut(scenario, scenario.plan(own, load));
            }
        } while (System.nanoTime() - end < 0);
        return summary();
    }

    /** Leaves out of a failing plan whatever it does not need to fail; what is left is kept beside the results. */
    private int minimise(Plan plan, int tries) {
        if (!fails(plan, plan.steps(), tries)) {
            out.println("no violation in " + tries + " tries: nothing to minimise (more with --tries)");
            return FAILED;
        }
        List<Plan.Step> left = Minimiser.minimal(plan.steps(), steps -> fails(plan, steps, tries));
        Path directory = results.resolve(plan.scenario() + "-" + plan.seed() + "-minimal");
        Os.delete(directory);
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        plan.with(left).write(directory);
        out.println(left.size() + " of " + plan.steps().size() + " steps are left: " + directory.resolve(Plan.FILE));
        left.forEach(step -> out.println("  " + step));
        return 0;
    }

    private boolean fails(Plan plan, List<Plan.Step> steps, int tries) {
        for (int i = 1; i <= tries; i++) {
            Path directory = results.resolve("minimising");
            Os.delete(directory);
            Run.Result result = Run.alone(named(plan.scenario()), plan.with(steps), directory, "");
            out.println(steps.size() + " of " + plan.steps().size() + " steps, try " + i + ": "
                    + result.violations().size() + " violations");
            out.flush();
            if (!result.violations().isEmpty()) {
                return true;
            }
        }
        return false;
    }

    private static void checkNetwork(String name) {
        if (!name.equals(NETNS) && !name.equals(PROXIES)) {
            throw new IllegalArgumentException(NETWORK + ": " + name + " (expected: " + PROXIES + " or " + NETNS + ")");
        }
        if (name.equals(NETNS) && !PacketFilter.inUse()) {
            throw new IllegalArgumentException(NETWORK + " " + NETNS + ": " + PacketFilter.obstacle() + ". Without it: "
                    + NETWORK + " " + PROXIES);
        }
    }

    private static Scenario named(String name) {
        return Scenarios.find(name)
                .orElseThrow(() -> new IllegalArgumentException("scenario: " + name + " (expected: one of "
                        + Scenarios.ALL.stream().map(Scenario::name).collect(Collectors.joining(", ")) + ")"));
    }

    private void carryOut(Scenario scenario, Plan plan) {
        Path directory = results.resolve(scenario.name() + "-" + plan.seed());
        Os.delete(directory);
        Run.Result result = new Run(scenario, plan, directory, "", clusters).carryOut();
        done.add(result);
        out.println(line(result));
        if (result.violations().isEmpty()) {
            Os.delete(directory);
            return;
        }
        clusters.surrender(directory.resolve(Run.CLUSTER));
        result.violations().forEach(violation -> out.println("  VIOLATION " + violation.replace("\n", "\n  ")));
        keep(directory, result);
        out.println("  plan, history, " + Run.TIMELINE + ", logs and data: " + directory);
        out.println("  again: ./cx chaos --replay " + directory.resolve(Plan.FILE));
        out.flush();
    }

    /** The text beside the picture. */
    private static void keep(Path directory, Run.Result result) {
        try {
            Files.writeString(directory.resolve("violations.txt"), String.join("\n\n", result.violations()) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String line(Run.Result result) {
        return "%-18s %7d ops  ok %d, fail %d, unknown %d  %d faults  %d violations  seed %d  %d s"
                .formatted(
                        result.plan().scenario(),
                        result.operations(),
                        result.ok(),
                        result.fail(),
                        result.unknown(),
                        faults(result),
                        result.violations().size(),
                        result.plan().seed(),
                        result.took().toSeconds());
    }

    private static int faults(Run.Result result) {
        return result.faults().entrySet().stream()
                .filter(entry -> !entry.getKey().contains("("))
                .mapToInt(Map.Entry::getValue)
                .sum();
    }

    private int summary() {
        String row = "| %-18s | %9s | %9s | %8s | %8s | %6s | %10s | %16s | %5s |%n";
        out.println();
        out.printf(row, "scenario", "ops", "ok", "fail", "unknown", "faults", "violations", "seed", "s");
        out.printf(row, "---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:");
        long operations = 0;
        int violations = 0;
        var faults = new TreeMap<String, Integer>();
        for (Run.Result result : done) {
            out.printf(
                    row,
                    result.plan().scenario(),
                    result.operations(),
                    result.ok(),
                    result.fail(),
                    result.unknown(),
                    faults(result),
                    result.violations().size(),
                    result.plan().seed(),
                    result.took().toSeconds());
            operations += result.operations();
            violations += result.violations().size();
            result.faults().forEach((kind, count) -> faults.merge(kind, count, Integer::sum));
        }
        out.println("faults by kind: "
                + faults.entrySet().stream()
                        .map(entry -> entry.getKey() + " " + entry.getValue())
                        .collect(Collectors.joining(", ")));
        out.println(operations + " operations, " + violations + " violations");
        return violations == 0 ? 0 : FAILED;
    }

    private static String usage() {
        return """
                usage: ./cx chaos [--smoke | --soak TIME] [--seed N] [--scenario NAME]...
                                  [--load SECONDS] [--replay PLAN] [--network proxies|netns]
                       ./cx chaos --minimise PLAN [--tries N]
                       ./cx chaos proof [CLASS]

                  (nothing)        the fast tier: every scenario once, at most ten minutes
                  --smoke          what every build runs: at most 90 seconds
                  --soak TIME      every scenario again and again: 30m, 4h
                  --seed N         decides every plan; without it a new one, which is printed first
                  --load SECONDS   of each scenario, instead of what the tier says
                  --scenario NAME  only this one; may be given several times
                  --replay PLAN    the plan of an earlier run, as it was made then
                  --network netns  packets dropped in a network namespace, instead of proxies: as root, with nft
                  --minimise PLAN  leaves steps of a failing plan out, as long as one of N runs (3) still fails
                  proof            the harness's own tests: defences switched off are seen, every failpoint is come to

                examples
                  ./cx chaos
                  ./cx chaos --scenario register-links --seed 42
                  ./cx chaos --soak 4h
                  ./cx chaos --replay .conflux/chaos/jobs-all-42/plan.json

                scenarios
                """
                + Scenarios.ALL.stream()
                        .map(scenario -> "  %-18s %s%n".formatted(scenario.name(), scenario.shows()))
                        .collect(Collectors.joining())
                + """

                A run that fails keeps its plan, history, timeline.html, logs and data under .conflux/chaos/SCENARIO-SEED.
                Exit code: 0 no violation, 1 violations, 2 wrong arguments.
                """;
    }
}
