package dev.conflux.consensus.samples;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Hands out build jobs, each to one runner and once.
 *
 * <pre>
 * submit JOB          → ok | exists
 * take RUNNER         → ok JOB | none        the job that has waited longest
 * assign JOB RUNNER   → ok RUNNER            the one that has it, from now on or already; it need not be submitted
 * finish JOB RUNNER   → ok | not_assigned
 * query: job JOB      → waiting | assigned RUNNER REQUEST | finished RUNNER REQUEST | unknown
 * query: waiting      → how many
 * </pre>
 *
 * <p>{@code take} is the command that must not happen twice: repeated under another request id it takes a second job.
 */
final class JobScheduler extends MemoryMachine {

    private static final String NOBODY = "-";

    private final Map<String, Job> jobs = new LinkedHashMap<>(); // by submission
    private final Map<String, Job> waiting = new LinkedHashMap<>(); // oldest first

    /** Its place in life; runner and request are {@value #NOBODY} while it waits. */
    private record Job(String id, String state, String runner, String request) {

        String line() {
            return id + " " + state + " " + runner + " " + request;
        }
    }

    @Override
    Map<String, Integer> commands() {
        return Map.of("submit", 1, "take", 1, "assign", 2, "finish", 2);
    }

    @Override
    Map<String, Integer> queries() {
        return Map.of("job", 1, "waiting", 0);
    }

    @Override
    String execute(String request, List<String> words) {
        return switch (words.getFirst()) {
            case "submit" -> submit(words.get(1));
            case "take" -> take(words.get(1), request);
            case "assign" -> assign(words.get(1), words.get(2), request);
            default -> finish(words.get(1), words.get(2));
        };
    }

    private String submit(String id) {
        var job = new Job(id, "waiting", NOBODY, NOBODY);
        if (jobs.putIfAbsent(id, job) != null) {
            return "exists";
        }
        waiting.put(id, job);
        return "ok";
    }

    private String take(String runner, String request) {
        if (waiting.isEmpty()) {
            return "none";
        }
        String id = waiting.keySet().iterator().next();
        give(id, runner, request);
        return "ok " + id;
    }

    private String assign(String id, String runner, String request) {
        Job job = jobs.get(id);
        if (job != null && !job.state().equals("waiting")) {
            return "ok " + job.runner();
        }
        give(id, runner, request);
        return "ok " + runner;
    }

    private void give(String id, String runner, String request) {
        waiting.remove(id);
        jobs.put(id, new Job(id, "assigned", runner, request));
        changed(id, runner);
    }

    private String finish(String id, String runner) {
        Job job = jobs.get(id);
        if (job == null || !job.state().equals("assigned") || !job.runner().equals(runner)) {
            return "not_assigned";
        }
        jobs.put(id, new Job(id, "finished", runner, job.request()));
        return "ok";
    }

    @Override
    String answer(List<String> words) {
        if (words.getFirst().equals("waiting")) {
            return Integer.toString(waiting.size());
        }
        Job job = jobs.get(words.get(1));
        if (job == null) {
            return "unknown";
        }
        return job.state().equals("waiting") ? "waiting" : job.state() + " " + job.runner() + " " + job.request();
    }

    @Override
    void save(Consumer<String> lines) {
        jobs.values().forEach(job -> lines.accept(job.line()));
    }

    @Override
    void clear() {
        jobs.clear();
        waiting.clear();
    }

    @Override
    void load(List<String> words) {
        var job = new Job(words.get(0), words.get(1), words.get(2), words.get(3));
        jobs.put(job.id(), job);
        if (job.state().equals("waiting")) {
            waiting.put(job.id(), job); // first submitted, first assigned: the two orders are one
        }
    }
}
