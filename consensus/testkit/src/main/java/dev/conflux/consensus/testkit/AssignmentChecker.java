package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Judges {@link Operation.Kind#ASSIGN}: a job is assigned at most once, on every node alike, to a runner that somebody
 * asked for; every acknowledgement names that runner, and its revision unless it is 0; an unknown outcome means once or
 * not at all. The ground truth is the change of the job's key. Linear.
 */
public final class AssignmentChecker implements Checker {

    private static final String NAME = "job assigned once";

    @Override
    public Verdict check(History history) {
        long origin = HistoryText.origin(history);
        Map<String, List<Operation>> byJob = new HashMap<>();
        long checked = 0;
        for (Operation operation : history.operations()) {
            if (operation.kind() != Operation.Kind.ASSIGN) {
                continue;
            }
            checked++;
            for (String job : operation.keys()) {
                byJob.computeIfAbsent(job, key -> new ArrayList<>()).add(operation);
            }
        }
        if (checked == 0) {
            return new Verdict.Valid(NAME, 0);
        }
        Truth truth = Truth.of(history);
        if (!truth.known() || truth.afterRevision() > 0) {
            return new Verdict.Undecided(
                    NAME,
                    (truth.known() ? "ground truth begins after revision " + truth.afterRevision() : "no ground truth")
                            + " (expected: a log from revision 0 on)");
        }
        String disagreement = truth.disagreement();
        if (disagreement != null) {
            return new Verdict.Invalid(NAME, "every node holds the same assignments", disagreement, List.of());
        }
        Map<String, Change> assigned = new HashMap<>();
        for (Change change : truth.changes()) {
            List<Operation> asked = byJob.get(change.key());
            if (asked == null) {
                continue;
            }
            Change earlier = assigned.putIfAbsent(change.key(), change);
            if (earlier != null) {
                return invalid(
                        "a job is assigned once",
                        "Job " + change.key() + " was assigned twice: " + HistoryText.changes(List.of(earlier, change))
                                + ".",
                        asked,
                        origin);
            }
        }
        Set<String> unexplained = new HashSet<>(assigned.keySet());
        for (Map.Entry<String, List<Operation>> job : byJob.entrySet()) {
            Change change = assigned.get(job.getKey());
            for (Operation operation : job.getValue()) {
                int i = operation.keys().indexOf(job.getKey());
                long runner = operation.args().get(i);
                if (change != null && operation.status() != Operation.Status.FAIL && runner == change.value()) {
                    unexplained.remove(job.getKey());
                }
                if (operation.status() != Operation.Status.OK) {
                    continue;
                }
                long answered = operation.results().get(i);
                if (change == null) {
                    return invalid(
                            "an acknowledged assignment is there",
                            "Job " + job.getKey() + " is assigned to nobody; operation " + operation.id()
                                    + " was told runner " + answered + ".",
                            job.getValue(),
                            origin);
                }
                if (answered != change.value()) {
                    return invalid(
                            "everybody is told the runner that has the job",
                            "Job " + job.getKey() + " belongs to runner " + change.value() + " since revision "
                                    + change.revision() + "; operation " + operation.id() + " was told runner "
                                    + answered + ".",
                            job.getValue(),
                            origin);
                }
                if (operation.revision() != 0 && operation.revision() < change.revision()) {
                    return invalid(
                            "an acknowledgement does not come before its assignment",
                            "Job " + job.getKey() + " was assigned at revision " + change.revision() + "; operation "
                                    + operation.id() + " was answered at revision " + operation.revision() + ".",
                            job.getValue(),
                            origin);
                }
            }
        }
        if (!unexplained.isEmpty()) {
            String job = unexplained.iterator().next();
            Change change = assigned.get(job);
            return invalid(
                    "an assignment was asked for",
                    "Nobody whose request can have had an effect asked for "
                            + (change == null ? job : HistoryText.changes(List.of(change))) + ".",
                    byJob.getOrDefault(job, List.of()),
                    origin);
        }
        return new Verdict.Valid(NAME, checked);
    }

    private static Verdict invalid(String rule, String why, List<Operation> asked, long origin) {
        return new Verdict.Invalid(
                NAME,
                rule,
                why + "\nAll that was asked about it:\n" + HistoryText.lines(asked, origin),
                asked.stream().map(Operation::id).toList());
    }
}
