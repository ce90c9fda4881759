package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Judges each key as a register with CAS, from calls, returns and values alone: a wrong revision cannot hide anything
 * from it. Operations on several keys are judged on each of them. An operation whose outcome is unknown may take effect
 * at any time after its call, or never.
 *
 * <p>The search is that of Wing and Gong (1993) over a linked list of calls and returns, with Lowe's memory of what was
 * tried: pairs of (operations done, value). It is exponential in the number of clients that overlap, hence the limits.
 * The furthest return that the search cannot get past ends the shortest failing prefix.
 */
public final class WglChecker implements Checker {

    /** Clients under way at a time on one key, not counting unknown outcomes; 30 gave no answer in 4 s. */
    public static final int MAX_CLIENTS_PER_KEY = 10;

    /** Operations on one key. */
    public static final int MAX_OPERATIONS_PER_KEY = 5_000;

    /** Pairs remembered for one key: at most about 200 bytes each. */
    public static final int MAX_REMEMBERED_PER_KEY = 2_000_000;

    private static final String NAME = "linearizability (WGL)";

    /** Lines of context in a witness. */
    private static final int WITNESS_OPERATIONS = 16;

    @Override
    public Verdict check(History history) {
        Map<String, List<Step>> byKey = new LinkedHashMap<>();
        long checked = 0;
        for (Operation operation : history.operations()) {
            boolean ok = operation.status() == Operation.Status.OK;
            boolean read = operation.kind() == Operation.Kind.READ && ok;
            boolean update = operation.kind().isUpdate() && operation.status() != Operation.Status.FAIL;
            if (!read && !update) {
                continue;
            }
            checked++;
            for (int i = 0; i < operation.keys().size(); i++) {
                byKey.computeIfAbsent(operation.keys().get(i), key -> new ArrayList<>())
                        .add(new Step(operation, i));
            }
        }
        Verdict.Undecided undecided = null;
        for (Map.Entry<String, List<Step>> key : byKey.entrySet()) {
            Verdict verdict = check(key.getKey(), key.getValue(), HistoryText.origin(history));
            if (verdict instanceof Verdict.Invalid) {
                return verdict;
            }
            if (verdict instanceof Verdict.Undecided found && undecided == null) {
                undecided = found;
            }
        }
        return undecided == null ? new Verdict.Valid(NAME, checked) : undecided;
    }

    private static Verdict check(String key, List<Step> all, long origin) {
        List<Step> steps = withoutUnobserved(all);
        if (steps.size() > MAX_OPERATIONS_PER_KEY) {
            return new Verdict.Undecided(
                    NAME, key + ": " + steps.size() + " operations (limit: " + MAX_OPERATIONS_PER_KEY + ")");
        }
        int clients = clients(steps);
        if (clients > MAX_CLIENTS_PER_KEY) {
            return new Verdict.Undecided(
                    NAME, key + ": " + clients + " clients at a time (limit: " + MAX_CLIENTS_PER_KEY + ")");
        }
        var search = new Search(steps);
        return switch (search.run()) {
            case LEGAL -> new Verdict.Valid(NAME, steps.size());
            case TOO_LARGE ->
                new Verdict.Undecided(
                        NAME, key + ": " + MAX_REMEMBERED_PER_KEY + " pairs remembered (limit), no answer yet");
            case ILLEGAL -> search.witness(key, origin);
        };
    }

    /**
     * An update of unknown outcome whose value nobody saw or expected changes no verdict: taking it out of a legal order
     * leaves one.
     */
    private static List<Step> withoutUnobserved(List<Step> steps) {
        Set<Long> observed = new HashSet<>();
        for (Step step : steps) {
            if (step.observes) {
                observed.add(step.expected);
            }
        }
        return steps.stream()
                .filter(step -> step.definite() || observed.contains(step.value))
                .toList();
    }

    private static int clients(List<Step> steps) {
        List<Step> definite = steps.stream().filter(Step::definite).toList();
        long[] calls = definite.stream()
                .mapToLong(step -> step.operation.callNanos())
                .sorted()
                .toArray();
        long[] returns = definite.stream()
                .mapToLong(step -> step.operation.returnNanos())
                .sorted()
                .toArray();
        int most = 0;
        int returned = 0;
        for (int called = 0; called < calls.length; called++) {
            while (returns[returned] < calls[called]) {
                returned++;
            }
            most = Math.max(most, called + 1 - returned);
        }
        return most;
    }

    /** What an operation does to one key. */
    private static final class Step {
        private final Operation operation;
        private final boolean observes;
        private final long expected;
        private final boolean writes;
        private final long value;

        Step(Operation operation, int keyIndex) {
            this.operation = operation;
            observes = operation.kind() != Operation.Kind.WRITE;
            writes = operation.kind() != Operation.Kind.READ;
            expected = switch (operation.kind()) {
                case READ -> operation.results().get(keyIndex);
                case CAS -> operation.args().get(keyIndex);
                default -> 0;
            };
            value = writes ? operation.written(keyIndex) : 0;
        }

        boolean definite() {
            return operation.status() == Operation.Status.OK;
        }
    }

    private enum Answer {
        LEGAL,
        ILLEGAL,
        TOO_LARGE
    }

    /** A call, or the return of one, in a doubly linked list. */
    private static final class Node {
        private final int step;
        private final boolean call;
        private Node previous = this;
        private Node next = this;
        private Node match = this;
        private final int place;

        Node(int step, boolean call, int place) {
            this.step = step;
            this.call = call;
            this.place = place;
        }
    }

    private static final class Search {

        /** Those that returned first, by call; then the unknown ones: the first words fill up and need no memory. */
        private final Step[] steps;

        private final int definite;
        private final Node head = new Node(-1, true, -1);
        private final long[] done;
        private final Set<Tried> remembered = new HashSet<>();

        private int furthest = -1;
        private int furthestStep = -1;
        private final Set<Long> valuesThere = new TreeSet<>();

        Search(List<Step> all) {
            steps = all.stream()
                    .sorted(Comparator.comparing((Step step) -> !step.definite())
                            .thenComparingLong(step -> step.operation.callNanos()))
                    .toArray(Step[]::new);
            definite = (int) all.stream().filter(Step::definite).count();
            done = new long[(steps.length + Long.SIZE - 1) / Long.SIZE];
            link();
        }

        private void link() {
            record Event(long nanos, boolean call, int step) {}
            var events = new ArrayList<Event>(2 * steps.length);
            for (int i = 0; i < steps.length; i++) {
                events.add(new Event(steps[i].operation.callNanos(), true, i));
                if (steps[i].definite()) {
                    events.add(new Event(steps[i].operation.returnNanos(), false, i));
                }
            }
            // At the same instant calls come first: such operations overlap.
            events.sort(Comparator.comparingLong(Event::nanos).thenComparing(event -> !event.call));
            var calls = new Node[steps.length];
            Node last = head;
            for (int place = 0; place < events.size(); place++) {
                Event event = events.get(place);
                var node = new Node(event.step, event.call, place);
                if (event.call) {
                    calls[event.step] = node;
                } else {
                    node.match = calls[event.step];
                    calls[event.step].match = node;
                }
                node.previous = last;
                last.next = node;
                last = node;
            }
            last.next = head;
            head.previous = last;
        }

        Answer run() {
            long value = Operation.NIL;
            int left = definite;
            var path = new ArrayList<Node>();
            var values = new ArrayList<Long>();
            Node node = head.next;
            while (left > 0) {
                if (node.call) {
                    Step step = steps[node.step];
                    if (!step.observes || step.expected == value) {
                        long next = step.writes ? step.value : value;
                        done[node.step >> 6] |= 1L << node.step;
                        if (remembered.add(Tried.of(done, next))) {
                            if (remembered.size() > MAX_REMEMBERED_PER_KEY) {
                                return Answer.TOO_LARGE;
                            }
                            path.add(node);
                            values.add(value);
                            value = next;
                            lift(node);
                            if (step.definite()) {
                                left--;
                            }
                            node = head.next;
                            continue;
                        }
                        done[node.step >> 6] &= ~(1L << node.step);
                    }
                    node = node.next;
                } else {
                    if (node.place >= furthest) {
                        if (node.place > furthest) {
                            valuesThere.clear();
                        }
                        furthest = node.place;
                        furthestStep = node.step;
                        valuesThere.add(value);
                    }
                    if (path.isEmpty()) {
                        return Answer.ILLEGAL;
                    }
                    node = path.removeLast();
                    value = values.removeLast();
                    done[node.step >> 6] &= ~(1L << node.step);
                    unlift(node);
                    if (steps[node.step].definite()) {
                        left++;
                    }
                    node = node.next;
                }
            }
            return Answer.LEGAL;
        }

        private void lift(Node call) {
            call.previous.next = call.next;
            call.next.previous = call.previous;
            if (steps[call.step].definite()) {
                Node end = call.match;
                end.previous.next = end.next;
                end.next.previous = end.previous;
            }
        }

        private void unlift(Node call) {
            if (steps[call.step].definite()) {
                Node end = call.match;
                end.previous.next = end;
                end.next.previous = end;
            }
            call.previous.next = call;
            call.next.previous = call;
        }

        Verdict witness(String key, long origin) {
            Operation stuck = steps[furthestStep].operation;
            var prefix = new ArrayList<Operation>();
            Map<Long, Operation> writers = new HashMap<>();
            for (Step step : steps) {
                if (step.operation.callNanos() <= stuck.returnNanos()) {
                    prefix.add(step.operation);
                    if (step.writes) {
                        writers.put(step.value, step.operation);
                    }
                }
            }
            prefix.sort(Comparator.comparingLong(Operation::callNanos));
            var text = new StringBuilder();
            text.append("Operation ").append(stuck.id()).append(" on ").append(key);
            text.append(" returned, and no order of what was under way explains its answer:\n  ");
            text.append(HistoryText.line(stuck, origin)).append('\n');
            text.append("When everything that had to come before it was done, ")
                    .append(key)
                    .append(" was ");
            text.append(String.join(
                    " or ", valuesThere.stream().map(HistoryText::value).toList()));
            text.append(".\n");
            Operation source = steps[furthestStep].observes ? writers.get(steps[furthestStep].expected) : null;
            if (steps[furthestStep].observes) {
                text.append("The value it saw or expected, ").append(HistoryText.value(steps[furthestStep].expected));
                text.append(
                        source == null
                                ? ", was never asked for.\n"
                                : ", comes from\n  " + HistoryText.line(source, origin) + "\n");
            }
            int from = Math.max(0, prefix.size() - WITNESS_OPERATIONS);
            text.append("Shortest failing prefix on ").append(key).append(": ").append(prefix.size());
            text.append(" operations").append(from == 0 ? ":\n" : ", the last of them:\n");
            text.append(HistoryText.lines(prefix.subList(from, prefix.size()), origin));
            var marked = new ArrayList<Long>();
            marked.add(stuck.id());
            if (source != null && source.id() != stuck.id()) {
                marked.add(source.id());
            }
            return new Verdict.Invalid(NAME, "each key behaves as one register", text.toString(), marked);
        }
    }

    /** Which operations are done, without the words at the beginning that are full, and the value. */
    private static final class Tried {
        private final int full;
        private final long[] words;
        private final long value;
        private final int hash;

        private Tried(int full, long[] words, long value) {
            this.full = full;
            this.words = words;
            this.value = value;
            hash = 31 * (31 * full + Arrays.hashCode(words)) + Long.hashCode(value * 0x9E3779B97F4A7C15L);
        }

        static Tried of(long[] done, long value) {
            int full = 0;
            while (full < done.length && done[full] == -1L) {
                full++;
            }
            int end = done.length;
            while (end > full && done[end - 1] == 0) {
                end--;
            }
            return new Tried(full, Arrays.copyOfRange(done, full, end), value);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Tried tried
                    && tried.full == full
                    && tried.value == value
                    && Arrays.equals(tried.words, words);
        }

        @Override
        public int hashCode() {
            return hash;
        }
    }
}
