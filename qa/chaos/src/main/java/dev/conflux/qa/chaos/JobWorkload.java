package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.AssignmentChecker;
import dev.conflux.consensus.testkit.Checker;
import dev.conflux.consensus.testkit.History;
import dev.conflux.consensus.testkit.HistoryWriter;
import dev.conflux.consensus.testkit.Operation.Kind;
import dev.conflux.consensus.testkit.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Build jobs are submitted and handed to runners. Each client repeats what it does not know the fate of, with the same
 * request id and wherever it can, until it knows: so everything has happened exactly once at the end.
 *
 * <p>{@code assign} names a job and goes into the history for {@link AssignmentChecker}. {@code take} asks for the
 * oldest job and would take another one when executed twice: {@link OnceChecker} compares what clients were told with
 * what the members hold.
 */
final class JobWorkload implements Workload {

    /** So many clients want the same named job. */
    private static final int RIVALS = 3;

    private final SampleTarget target;
    private final HistoryWriter history;
    private final Processes processes = new Processes();
    private final AtomicLong lastNamed = new AtomicLong();
    private final AtomicLong lastRunner = new AtomicLong();
    private final Map<String, String> taken = new ConcurrentHashMap<>(); // request to job
    private final Map<String, Boolean> open = new ConcurrentHashMap<>(); // requests whose fate nobody knows
    private volatile Map<String, String> held = Map.of(); // job to "runner request", as all members have it
    private volatile List<String> disagreements = List.of();

    JobWorkload(SampleTarget target, HistoryWriter history) {
        this.target = target;
        this.history = history;
    }

    @Override
    public void prepare() {
        // Jobs come while they are handed out.
    }

    @Override
    public void run(int number, SplittableRandom random, BooleanSupplier running) {
        try (var client = new SampleClient(target, random.split())) {
            for (long i = 0; running.getAsBoolean(); i++) {
                if (random.nextBoolean()) {
                    takeOne(client, "c" + number + "-" + i, running);
                } else {
                    assignOne(client, "c" + number + "-" + i, running);
                }
            }
        }
    }

    private void takeOne(SampleClient client, String id, BooleanSupplier running) {
        if (persist(client, "s" + id, "submit t" + id, running) == null) {
            return;
        }
        String request = "t" + id;
        List<String> words = persist(client, request, "take " + lastRunner.incrementAndGet(), running);
        if (words == null) {
            open.put(request, true);
        } else if (words.get(2).equals("ok")) {
            taken.put(request, words.get(3));
        }
    }

    private void assignOne(SampleClient client, String id, BooleanSupplier running) {
        String job = "n" + lastNamed.incrementAndGet() / RIVALS;
        long runner = lastRunner.incrementAndGet();
        int node = client.node();
        HistoryWriter.Call call = history.call(processes.next(), Kind.ASSIGN, List.of(job), List.of(runner), node);
        List<String> words = persist(client, "a" + id, "assign " + job + " " + runner, running);
        if (words == null) {
            call.unknown();
        } else {
            long has = Long.parseLong(words.get(3));
            call.ok(List.of(has), 0, 0, node);
        }
    }

    /** Sends until the fate is known; null when told to stop first. */
    private static @Nullable List<String> persist(
            SampleClient client, String request, String command, BooleanSupplier running) {
        do {
            SampleClient.Reply reply = client.send("do " + request + " " + command);
            if (reply.fate() == Fate.OK) {
                return reply.words();
            }
        } while (running.getAsBoolean());
        return null;
    }

    @Override
    public void conclude() {
        SampleLogs.of(target).forEach(history::log);
        var dumps = new HashMap<String, Integer>();
        for (int node : target.members()) {
            dumps.put(target.ask(node, "read stale dump"), node);
        }
        disagreements = dumps.size() == 1 ? List.of() : List.of("members hold different jobs: nodes " + dumps.values());
        var found = new HashMap<String, String>();
        String dump = dumps.keySet().iterator().next();
        for (String line : dump.substring(dump.indexOf(' ', 3) + 1).split(";", -1)) {
            String[] words = line.split(" ", -1);
            if (words.length == 4 && !words[1].equals("waiting")) {
                found.put(words[0], words[3]);
            }
        }
        held = Map.copyOf(found);
    }

    @Override
    public List<Checker> checkers() {
        return List.of(new AssignmentChecker(), new OnceChecker());
    }

    /** Every request to take a job has exactly the job that its client was told; one without an answer has one or none. */
    private final class OnceChecker implements Checker {

        private static final String NAME = "taken once";

        @Override
        public Verdict check(History ignored) {
            if (!disagreements.isEmpty()) {
                return new Verdict.Invalid(NAME, "all members hold the same", disagreements.getFirst(), List.of());
            }
            var byRequest = new HashMap<String, List<String>>();
            held.forEach((job, request) ->
                    byRequest.computeIfAbsent(request, r -> new ArrayList<>()).add(job));
            for (Map.Entry<String, List<String>> entry : byRequest.entrySet()) {
                if (entry.getValue().size() > 1) {
                    return invalid("a request takes one job", entry.getKey() + " took " + entry.getValue());
                }
                if (entry.getKey().startsWith("t")
                        && !taken.containsKey(entry.getKey())
                        && !open.containsKey(entry.getKey())) {
                    return invalid(
                            "only what was asked for happens",
                            entry.getKey() + " took " + entry.getValue()
                                    + ", though its client was told that there was none");
                }
            }
            for (Map.Entry<String, String> told : taken.entrySet()) {
                List<String> jobs = byRequest.getOrDefault(told.getKey(), List.of());
                if (!jobs.equals(List.of(told.getValue()))) {
                    return invalid(
                            "an acknowledged job stays taken",
                            told.getKey() + " was told " + told.getValue() + ", the members hold " + jobs);
                }
            }
            return new Verdict.Valid(NAME, taken.size());
        }

        private static Verdict invalid(String rule, String witness) {
            return new Verdict.Invalid(NAME, rule, witness, List.of());
        }
    }
}
