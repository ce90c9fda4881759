package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Judges atomic updates of several keys that keep their sum: it is the same at every revision of the ground truth, in
 * every read of all accounts, and for a watcher after every frame. Before all accounts have a value there is no sum.
 * Linear.
 */
public final class BankChecker implements Checker {

    private static final String NAME = "constant sum";

    /** Changes of context in a witness. */
    private static final int WITNESS_CHANGES = 8;

    private final List<String> accounts;
    private final long total;

    /**
     * @param accounts the keys
     * @param total of their values
     */
    public BankChecker(List<String> accounts, long total) {
        this.accounts = List.copyOf(accounts);
        this.total = total;
    }

    @Override
    public Verdict check(History history) {
        long origin = HistoryText.origin(history);
        long checked = 0;
        for (Operation operation : history.operations()) {
            if (!operation.kind().isRead()
                    || operation.status() != Operation.Status.OK
                    || !operation.keys().containsAll(accounts)) {
                continue;
            }
            var seen = new Balances();
            for (int i = 0; i < operation.keys().size(); i++) {
                seen.set(operation.keys().get(i), operation.results().get(i));
            }
            checked++;
            if (!seen.isEmpty() && !seen.balances()) {
                return new Verdict.Invalid(
                        NAME,
                        "a read sees all of a revision",
                        "Operation " + operation.id() + " saw " + seen + ".\n" + HistoryText.line(operation, origin),
                        List.of(operation.id()));
            }
        }
        Truth truth = Truth.of(history);
        String disagreement = truth.disagreement();
        if (disagreement != null) {
            return new Verdict.Invalid(NAME, "every node holds the same log", disagreement, List.of());
        }
        if (!truth.known() || truth.afterRevision() > 0) {
            return new Verdict.Valid(NAME, checked);
        }
        var balances = new Balances();
        for (int i = 0; i < truth.changes().size(); ) {
            int start = i;
            i = balances.takeRevision(truth.changes(), i);
            checked++;
            if (balances.isComplete() && !balances.balances()) {
                List<Change> changes = truth.changes();
                return new Verdict.Invalid(
                        NAME,
                        "an update is atomic",
                        "After revision " + changes.get(start).revision() + " the accounts hold " + balances
                                + ".\nThe log up to there: "
                                + HistoryText.changes(changes.subList(Math.max(0, i - WITNESS_CHANGES), i)),
                        List.of());
            }
        }
        Map<Integer, List<WatchFrame>> byWatcher = new HashMap<>();
        for (WatchFrame frame : history.frames()) {
            byWatcher
                    .computeIfAbsent(frame.watcher(), watcher -> new ArrayList<>())
                    .add(frame);
        }
        for (List<WatchFrame> frames : byWatcher.values()) {
            Balances seen = new Balances();
            boolean all = false;
            for (WatchFrame frame : frames) {
                switch (frame.kind()) {
                    case SUBSCRIBED -> {
                        all = frame.keys().isEmpty() || frame.keys().containsAll(accounts);
                        seen = stateAt(truth, frame.revision());
                    }
                    case RESYNC -> seen = stateAt(truth, frame.revision());
                    case CHANGES -> {
                        checked++;
                        for (Change change : frame.changes()) {
                            seen.set(change.key(), change.value());
                        }
                        if (all && seen.isComplete() && !seen.balances()) {
                            return new Verdict.Invalid(
                                    NAME,
                                    "a frame carries all of a revision",
                                    "After this frame watcher " + frame.watcher() + " sees " + seen + ":\n  "
                                            + HistoryText.line(frame, origin),
                                    List.of());
                        }
                    }
                    case PROGRESS, CLOSED, QUIESCED -> {}
                }
            }
        }
        return new Verdict.Valid(NAME, checked);
    }

    /** What a fetch at a revision shows. */
    private Balances stateAt(Truth truth, long revision) {
        var state = new Balances();
        for (Change change : truth.changes().subList(0, truth.indexAfter(revision))) {
            state.set(change.key(), change.value());
        }
        return state;
    }

    private final class Balances {
        private final Map<String, Long> values = new HashMap<>();

        void set(String account, long value) {
            if (value == Operation.NIL) {
                values.remove(account);
            } else if (accounts.contains(account)) {
                values.put(account, value);
            }
        }

        /** Takes all changes of the revision at {@code i}; returns the index after them. */
        int takeRevision(List<Change> changes, int i) {
            long revision = changes.get(i).revision();
            int next = i;
            while (next < changes.size() && changes.get(next).revision() == revision) {
                set(changes.get(next).key(), changes.get(next).value());
                next++;
            }
            return next;
        }

        boolean isComplete() {
            return values.size() == accounts.size();
        }

        boolean isEmpty() {
            return values.isEmpty();
        }

        boolean balances() {
            return isComplete()
                    && values.values().stream().mapToLong(Long::longValue).sum() == total;
        }

        @Override
        public String toString() {
            return accounts.stream()
                            .map(account ->
                                    account + " = " + HistoryText.value(values.getOrDefault(account, Operation.NIL)))
                            .toList()
                    + ", together "
                    + values.values().stream().mapToLong(Long::longValue).sum() + " (expected: " + total + ")";
        }
    }
}
