package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Judges reads and updates by the revisions that their answers name, in O(n log n), any number of clients. A legal
 * order in real time exists, given the revisions, exactly when
 *
 * <ol>
 *   <li>updates in the order of their revisions are legal: one update per revision, and a CAS finds what it expects;
 *   <li>no operation shows less than another that had returned before it was called: the revision of a read is at least,
 *       of an update greater than, every revision returned before its call;
 *   <li>a read shows the values that its keys had at its revision (the only rule for a stale read);
 *   <li>what the ground truth holds was asked for, once: each update that succeeded is there at its revision, and
 *       everything else there is an update whose outcome is unknown, which then takes part as one that never returned.
 * </ol>
 *
 * <p>Without ground truth, or with one that begins later than the history, unknown updates cannot be placed: such a
 * history is undecided. Give unknown updates values of their own: of two that would leave the same values, the ground
 * truth cannot tell which one it holds. Since the rules believe the revisions, {@link WglChecker} should judge a sample without them.
 */
public final class RevisionOrderChecker implements Checker {

    private static final String NAME = "revision order";

    /** Lines of context in a witness. */
    private static final int WITNESS_OPERATIONS = 12;

    private static final int MAX_PRINTED_CANDIDATES = 5;

    @Override
    public Verdict check(History history) {
        return new Run(history).verdict();
    }

    /** An update at the revision where it happened. */
    private record Placed(Operation operation, long revision) {}

    private static final class Found extends RuntimeException {
        private final String rule;
        private final String why;
        private final List<Operation> operations;

        Found(String rule, String why, List<Operation> operations) {
            super(rule, null, false, false);
            this.rule = rule;
            this.why = why;
            this.operations = List.copyOf(operations);
        }
    }

    private static final class Run {

        private final History history;
        private final Truth truth;
        private final Operation[] done;
        private final List<Operation> unknown = new ArrayList<>();
        private final Set<String> keys = new HashSet<>();

        Run(History history) {
            this.history = history;
            truth = Truth.of(history);
            var answered = new ArrayList<Operation>(history.operations().size());
            for (Operation operation : history.operations()) {
                Operation.Kind kind = operation.kind();
                if (!kind.isRead() && !kind.isUpdate()) {
                    continue;
                }
                keys.addAll(operation.keys());
                if (operation.status() == Operation.Status.OK) {
                    answered.add(operation);
                } else if (operation.status() == Operation.Status.UNKNOWN && kind.isUpdate()) {
                    unknown.add(operation);
                }
            }
            done = answered.toArray(Operation[]::new);
        }

        Verdict verdict() {
            if (!unknown.isEmpty() && (!truth.known() || truth.afterRevision() > 0)) {
                return new Verdict.Undecided(
                        NAME,
                        unknown.size() + " updates have an unknown outcome, and "
                                + (truth.known()
                                        ? "the ground truth begins after revision " + truth.afterRevision()
                                        : "there is no ground truth")
                                + " (expected: a log from revision 0 on)");
            }
            try {
                String disagreement = truth.disagreement();
                if (disagreement != null) {
                    throw new Found("every node holds the same log", disagreement, List.of());
                }
                for (Operation operation : done) {
                    if (operation.revision() <= 0 && (operation.kind().isUpdate() || !isEmptyRead(operation))) {
                        throw new Found(
                                "every answer names its revision",
                                "Operation " + operation.id() + " names none.",
                                List.of(operation));
                    }
                }
                // Rule 2 first: of two contradictions in time the earlier is the better witness.
                realTime(done);
                replay(placed());
                return new Verdict.Valid(NAME, done.length + unknown.size());
            } catch (Found found) {
                return new Verdict.Invalid(
                        NAME,
                        found.rule,
                        witness(found),
                        found.operations.stream().map(Operation::id).toList());
            }
        }

        /** Before the first write a service has no revision to name. */
        private static boolean isEmptyRead(Operation operation) {
            return operation.results().stream().allMatch(value -> value == Operation.NIL);
        }

        /** Rule 2 for operations that returned, and with their revision as lower bound for those that never did. */
        private static void realTime(Operation[] operations) {
            Operation[] byCall = operations.clone();
            Arrays.sort(byCall, Comparator.comparingLong(Operation::callNanos));
            Operation[] byReturn = operations.clone();
            Arrays.sort(byReturn, Comparator.comparingLong(Operation::returnNanos));
            int returned = 0;
            Operation newest = null;
            for (Operation operation : byCall) {
                if (operation.kind() == Operation.Kind.STALE_READ) {
                    continue;
                }
                while (byReturn[returned].returnNanos() < operation.callNanos()) {
                    if (newest == null || byReturn[returned].revision() > newest.revision()) {
                        newest = byReturn[returned];
                    }
                    returned++;
                }
                if (newest == null) {
                    continue;
                }
                if (operation.kind().isRead() && operation.revision() < newest.revision()) {
                    throw new Found(
                            "a read shows everything that had returned before it was called",
                            "Operation " + newest.id() + " had returned revision " + newest.revision()
                                    + " when operation " + operation.id() + " was called, which shows revision "
                                    + operation.revision() + ".",
                            List.of(newest, operation));
                }
                if (operation.kind().isUpdate() && operation.revision() <= newest.revision()) {
                    throw new Found(
                            "an update comes after everything that had returned before it was called",
                            "Operation " + newest.id() + " had returned revision " + newest.revision()
                                    + " when operation " + operation.id() + " was called, which got revision "
                                    + operation.revision() + ".",
                            List.of(newest, operation));
                }
            }
        }

        /** Rule 4: all updates that happened, at their revisions, in order. */
        private List<Placed> placed() {
            Operation[] updates = Arrays.stream(done)
                    .filter(operation -> operation.kind().isUpdate())
                    .toArray(Operation[]::new);
            Arrays.sort(updates, Comparator.comparingLong(Operation::revision));
            for (int i = 1; i < updates.length; i++) {
                if (updates[i].revision() == updates[i - 1].revision()) {
                    throw new Found(
                            "one update per revision",
                            "Two updates got revision " + updates[i].revision() + ".",
                            List.of(updates[i - 1], updates[i]));
                }
            }
            var placed = new ArrayList<Placed>(updates.length + unknown.size());
            if (!truth.known()) {
                for (Operation update : updates) {
                    placed.add(new Placed(update, update.revision()));
                }
                return placed;
            }
            var candidates = new Candidates(unknown, done);
            List<Change> changes = truth.changes();
            int next = 0;
            while (next < updates.length && updates[next].revision() <= truth.afterRevision()) {
                placed.add(new Placed(updates[next], updates[next].revision()));
                next++;
            }
            for (int i = 0; i < changes.size(); ) {
                long revision = changes.get(i).revision();
                var made = new HashMap<String, Long>();
                int count = 0;
                for (; i < changes.size() && changes.get(i).revision() == revision; i++) {
                    if (keys.contains(changes.get(i).key())) {
                        made.put(changes.get(i).key(), changes.get(i).value());
                        count++;
                    }
                }
                if (count == 0) {
                    continue;
                }
                if (next < updates.length && updates[next].revision() < revision) {
                    throw lost(updates[next]);
                }
                if (next < updates.length && updates[next].revision() == revision) {
                    Operation update = updates[next++];
                    if (count != made.size() || !made.equals(effect(update))) {
                        throw new Found(
                                "an update does what was asked, all of it and nothing else",
                                "At revision " + revision + " the log has " + made + ".",
                                List.of(update));
                    }
                    placed.add(new Placed(update, revision));
                } else {
                    Operation update = candidates.take(made, revision);
                    if (update == null || count != made.size()) {
                        throw new Found(
                                "everything that happened was asked for, and happened once",
                                "At revision " + revision + " the log has " + made
                                        + ", which no update asked for that is not accounted for already.",
                                candidates.similar(made, updates));
                    }
                    placed.add(new Placed(update, revision));
                }
            }
            if (next < updates.length) {
                throw lost(updates[next]);
            }
            return placed;
        }

        private static Found lost(Operation update) {
            return new Found(
                    "what was acknowledged is there",
                    "The log has nothing of operation " + update.id() + " at revision " + update.revision() + ".",
                    List.of(update));
        }

        /** Rules 1 and 3. */
        private void replay(List<Placed> updates) {
            Operation[] reads = Arrays.stream(done)
                    .filter(operation -> operation.kind().isRead())
                    .toArray(Operation[]::new);
            Arrays.sort(reads, Comparator.comparingLong(Operation::revision));
            Map<String, Placed> writers = new HashMap<>();
            Map<String, Long> state = new HashMap<>();
            int next = 0;
            for (Operation read : reads) {
                while (next < updates.size() && updates.get(next).revision() <= read.revision()) {
                    update(updates.get(next++), state, writers);
                }
                for (int i = 0; i < read.keys().size(); i++) {
                    String key = read.keys().get(i);
                    long value = state.getOrDefault(key, Operation.NIL);
                    if (value != read.results().get(i) && isKnown(key, state)) {
                        Placed writer = writers.get(key);
                        throw new Found(
                                "a read shows the state at its revision",
                                "At revision " + read.revision() + " " + key + " was " + HistoryText.value(value)
                                        + (writer == null
                                                ? ""
                                                : ", since operation "
                                                        + writer.operation().id() + " at revision " + writer.revision())
                                        + "; operation " + read.id() + " shows "
                                        + HistoryText.value(read.results().get(i)) + ".",
                                writer == null ? List.of(read) : List.of(writer.operation(), read));
                    }
                }
            }
            while (next < updates.size()) {
                update(updates.get(next++), state, writers);
            }
        }

        private void update(Placed update, Map<String, Long> state, Map<String, Placed> writers) {
            Operation operation = update.operation();
            List<String> updated = operation.keys();
            if (operation.kind() == Operation.Kind.CAS) {
                for (int i = 0; i < updated.size(); i++) {
                    long value = state.getOrDefault(updated.get(i), Operation.NIL);
                    if (value != operation.args().get(i) && isKnown(updated.get(i), state)) {
                        Placed writer = writers.get(updated.get(i));
                        throw new Found(
                                "a CAS finds what it expects",
                                "Before revision " + update.revision() + " " + updated.get(i) + " was "
                                        + HistoryText.value(value) + "; operation " + operation.id() + " expected "
                                        + HistoryText.value(operation.args().get(i)) + ".",
                                writer == null ? List.of(operation) : List.of(writer.operation(), operation));
                    }
                }
            }
            for (int i = 0; i < updated.size(); i++) {
                state.put(updated.get(i), operation.written(i));
                writers.put(updated.get(i), update);
            }
        }

        /** What was there before a log that does not begin at 0 is known only once it has been written. */
        private boolean isKnown(String key, Map<String, Long> state) {
            return !truth.known() || truth.afterRevision() == 0 || state.containsKey(key);
        }

        private String witness(Found found) {
            long origin = HistoryText.origin(history);
            var text = new StringBuilder(found.why);
            if (found.operations.isEmpty()) {
                return text.toString();
            }
            text.append('\n').append(HistoryText.lines(found.operations, origin));
            Set<String> involved = new HashSet<>();
            long end = 0;
            for (Operation operation : found.operations) {
                involved.addAll(operation.keys());
                end = Math.max(
                        end,
                        operation.returnNanos() == Operation.NEVER ? operation.callNanos() : operation.returnNanos());
            }
            var prefix = new ArrayList<Operation>();
            for (Operation operation : history.operations()) {
                if (operation.callNanos() <= end && operation.keys().stream().anyMatch(involved::contains)) {
                    prefix.add(operation);
                }
            }
            int from = Math.max(0, prefix.size() - WITNESS_OPERATIONS);
            text.append("\nShortest failing prefix on ")
                    .append(involved)
                    .append(": ")
                    .append(prefix.size());
            text.append(" operations").append(from == 0 ? ":\n" : ", the last of them:\n");
            return text.append(HistoryText.lines(prefix.subList(from, prefix.size()), origin))
                    .toString();
        }
    }

    private static Map<String, Long> effect(Operation update) {
        var effect = new HashMap<String, Long>();
        for (int i = 0; i < update.keys().size(); i++) {
            effect.put(update.keys().get(i), update.written(i));
        }
        return effect;
    }

    /**
     * Unknown updates by what they would do. Of several that would do the same, the one that may come earliest is taken
     * first: if any assignment to the revisions exists, this one does.
     */
    private static final class Candidates {

        private record Candidate(Operation operation, long afterRevision) {}

        private final Map<Map<String, Long>, List<Candidate>> byEffect = new HashMap<>();

        Candidates(List<Operation> unknown, Operation[] done) {
            Operation[] byReturn = done.clone();
            Arrays.sort(byReturn, Comparator.comparingLong(Operation::returnNanos));
            int returned = 0;
            long newest = 0;
            List<Operation> byCall = unknown.stream()
                    .sorted(Comparator.comparingLong(Operation::callNanos))
                    .toList();
            for (Operation operation : byCall) {
                while (returned < byReturn.length && byReturn[returned].returnNanos() < operation.callNanos()) {
                    newest = Math.max(newest, byReturn[returned++].revision());
                }
                byEffect.computeIfAbsent(effect(operation), effect -> new ArrayList<>())
                        .add(new Candidate(operation, newest));
            }
        }

        @Nullable
        Operation take(Map<String, Long> effect, long revision) {
            List<Candidate> candidates = byEffect.get(effect);
            if (candidates == null || candidates.isEmpty() || candidates.getFirst().afterRevision >= revision) {
                return null;
            }
            return candidates.removeFirst().operation;
        }

        /** Who might have to do with it, for the witness. */
        List<Operation> similar(Map<String, Long> effect, Operation[] updates) {
            var similar = new ArrayList<Operation>();
            byEffect.getOrDefault(effect, List.of()).forEach(candidate -> similar.add(candidate.operation));
            for (Operation update : updates) {
                if (similar.size() >= MAX_PRINTED_CANDIDATES) {
                    break;
                }
                if (effect(update).equals(effect)) {
                    similar.add(update);
                }
            }
            return similar;
        }
    }
}
