package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;

/**
 * Histories that a correct service could have made: every operation takes effect at one moment between its call and its
 * return, an unknown one at any later moment or never; watchers and logs tell just that.
 */
final class ValidHistory {

    static final List<String> ACCOUNTS = List.of("acct1", "acct2", "acct3", "acct4");
    static final long TOTAL = 400;

    private static final int NODES = 3;
    private static final int JOBS = 6;
    private static final int REGISTERS = 3;
    private static final long STEP = 1_000_000;

    private final SplittableRandom random;
    private final int clients;
    private final int operationsLeft;
    private final int unknownPercent;
    private final List<Operation> operations = new ArrayList<>();
    private final List<Change> changes = new ArrayList<>();
    private final Map<String, Long> state = new HashMap<>();
    private final PriorityQueue<Pending> pending = new PriorityQueue<>(Comparator.comparingLong(Pending::effectNanos));
    private long revision;
    private long lastValue = 1_000;

    private record Pending(
            int client,
            Operation.Kind kind,
            List<String> keys,
            List<Long> args,
            long call,
            long effectNanos,
            long returned,
            boolean unknown,
            boolean effective) {}

    private ValidHistory(long seed) {
        random = new SplittableRandom(seed);
        clients = 2 + random.nextInt(7);
        operationsLeft = 120 + random.nextInt(200);
        unknownPercent = random.nextInt(3) * 4;
    }

    /** All checkers, with the accounts of these histories. */
    static List<Checker> checkers() {
        return List.of(
                new RevisionOrderChecker(),
                new WglChecker(),
                new AssignmentChecker(),
                new BankChecker(ACCOUNTS, TOTAL),
                new WatchChecker(),
                new MembershipChecker());
    }

    static History generate(long seed) {
        return new ValidHistory(seed).run();
    }

    private History run() {
        apply(new Pending(0, Operation.Kind.WRITE, ACCOUNTS, List.of(100L, 100L, 100L, 100L), 0, 1, 2, false, true));
        for (int client = 1; client <= clients; client++) {
            schedule(client, 10 + random.nextLong(STEP));
        }
        for (int left = operationsLeft; left > 0; left--) {
            Pending next = pending.remove();
            apply(next);
            if (!next.unknown) {
                schedule(next.client, next.returned + random.nextLong(STEP));
            } else {
                // The client gives up; another takes its place.
                schedule(next.client + 100, next.effectNanos + random.nextLong(STEP));
            }
        }
        // What is still under way never had its effect.
        for (Pending left : pending) {
            operations.add(operation(left, Operation.Status.UNKNOWN, List.of(), 0));
        }
        operations.sort(Comparator.comparingLong(Operation::callNanos));
        for (int i = 0; i < operations.size(); i++) {
            operations.set(i, withId(operations.get(i), i + 1));
        }
        var logs = new ArrayList<NodeLog>();
        for (int node = 1; node <= NODES; node++) {
            // One node has forgotten the beginning, one does not have the end.
            long after = node == 2 ? random.nextLong(revision) : 0;
            long last = node == 3 ? revision - random.nextLong(revision / 2) : revision;
            logs.add(new NodeLog(
                    node,
                    after,
                    last,
                    changes.stream()
                            .filter(change -> change.revision() > after && change.revision() <= last)
                            .toList()));
        }
        var memberships = new ArrayList<Membership>();
        memberships(memberships);
        return new History(
                operations,
                frames(),
                logs,
                memberships,
                List.of(new Fault("kill", List.of(1), 5 * STEP, 7 * STEP, "the leader")));
    }

    private void schedule(int client, long call) {
        Operation.Kind kind;
        List<String> keys;
        List<Long> args;
        int choice = random.nextInt(10);
        String register = "key" + random.nextInt(REGISTERS);
        if (choice < 3) {
            kind = choice == 0 ? Operation.Kind.STALE_READ : Operation.Kind.READ;
            keys = List.of(register);
            args = List.of();
        } else if (choice < 5) {
            kind = Operation.Kind.WRITE;
            keys = List.of(register);
            args = List.of(++lastValue);
        } else if (choice < 7) {
            kind = Operation.Kind.CAS;
            keys = List.of(register);
            args = List.of(state.getOrDefault(register, Operation.NIL), ++lastValue);
        } else if (choice < 8) {
            kind = Operation.Kind.ASSIGN;
            keys = List.of("job" + random.nextInt(JOBS));
            args = List.of((long) client);
        } else if (choice < 9) {
            kind = Operation.Kind.READ;
            keys = ACCOUNTS;
            args = List.of();
        } else {
            int from = random.nextInt(ACCOUNTS.size());
            String debit = ACCOUNTS.get(from);
            String credit = ACCOUNTS.get((from + 1 + random.nextInt(ACCOUNTS.size() - 1)) % ACCOUNTS.size());
            long amount = 1 + random.nextLong(20);
            kind = Operation.Kind.CAS;
            keys = List.of(debit, credit);
            args = List.of(state.get(debit), state.get(credit), state.get(debit) - amount, state.get(credit) + amount);
        }
        boolean unknown = random.nextInt(100) < unknownPercent;
        long effect = call + 1 + random.nextLong(unknown ? 8 * STEP : STEP);
        pending.add(new Pending(
                client,
                kind,
                keys,
                args,
                call,
                effect,
                effect + 1 + random.nextLong(STEP),
                unknown,
                random.nextBoolean()));
    }

    private void apply(Pending next) {
        Operation.Status status = next.unknown ? Operation.Status.UNKNOWN : Operation.Status.OK;
        if (next.unknown && (!next.effective || next.kind.isRead())) {
            operations.add(operation(next, status, List.of(), 0));
            return;
        }
        int keys = next.keys.size();
        List<Long> results = List.of();
        long answered = revision;
        switch (next.kind) {
            case READ ->
                results = next.keys.stream()
                        .map(key -> state.getOrDefault(key, Operation.NIL))
                        .toList();
            case STALE_READ -> {
                answered = random.nextLong(revision + 1);
                long shown = answered;
                results = next.keys.stream().map(key -> valueAt(key, shown)).toList();
            }
            case WRITE -> answered = change(next.keys, next.args);
            case CAS -> {
                boolean matches = true;
                for (int i = 0; i < keys; i++) {
                    matches &=
                            state.getOrDefault(next.keys.get(i), Operation.NIL).equals(next.args.get(i));
                }
                if (matches) {
                    answered = change(next.keys, next.args.subList(keys, 2 * keys));
                } else if (!next.unknown) {
                    status = Operation.Status.FAIL;
                    answered = 0;
                }
            }
            case ASSIGN -> {
                if (!state.containsKey(next.keys.getFirst())) {
                    answered = change(next.keys, next.args);
                }
                results = List.of(state.get(next.keys.getFirst()));
            }
            default -> throw new AssertionError(next.kind);
        }
        operations.add(
                next.unknown ? operation(next, status, List.of(), 0) : operation(next, status, results, answered));
    }

    private long valueAt(String key, long at) {
        long value = Operation.NIL;
        for (Change change : changes) {
            if (change.key().equals(key) && change.revision() <= at) {
                value = change.value();
            }
        }
        return value;
    }

    private long change(List<String> keys, List<Long> values) {
        revision++;
        for (int i = 0; i < keys.size(); i++) {
            state.put(keys.get(i), values.get(i));
            changes.add(new Change(revision, keys.get(i), values.get(i)));
        }
        return revision;
    }

    private Operation operation(Pending pending, Operation.Status status, List<Long> results, long answered) {
        return new Operation(
                0,
                pending.client,
                pending.kind,
                pending.keys,
                pending.args,
                results,
                pending.call,
                status == Operation.Status.UNKNOWN ? Operation.NEVER : pending.returned,
                status,
                answered,
                1,
                1 + random.nextInt(NODES));
    }

    static Operation withId(Operation operation, long id) {
        return new Operation(
                id,
                operation.process(),
                operation.kind(),
                operation.keys(),
                operation.args(),
                operation.results(),
                operation.callNanos(),
                operation.returnNanos(),
                operation.status(),
                operation.revision(),
                operation.term(),
                operation.node());
    }

    private List<WatchFrame> frames() {
        var frames = new ArrayList<WatchFrame>();
        for (int watcher = 1; watcher <= 4; watcher++) {
            List<String> keys = watcher == 1 ? List.of() : watcher == 2 ? ACCOUNTS : List.of("key0", "job1", "acct1");
            long told = watcher == 3 ? random.nextLong(revision) : 0;
            subscribe(frames, watcher, told, keys);
            while (told < revision) {
                switch (random.nextInt(14)) {
                    case 0 -> {
                        frame(frames, watcher, WatchFrame.Kind.CLOSED, told, List.of());
                        subscribe(frames, watcher, told, keys);
                    }
                    case 1 -> frame(frames, watcher, WatchFrame.Kind.PROGRESS, told, List.of());
                    case 2 -> {
                        if (watcher == 4) {
                            told += random.nextLong(Math.min(4, revision - told) + 1);
                            frame(frames, watcher, WatchFrame.Kind.RESYNC, told, List.of());
                        }
                    }
                    default -> {
                        told++;
                        long at = told;
                        List<Change> own = changes.stream()
                                .filter(change ->
                                        change.revision() == at && (keys.isEmpty() || keys.contains(change.key())))
                                .toList();
                        if (!own.isEmpty()) {
                            frame(frames, watcher, WatchFrame.Kind.CHANGES, told, own);
                        }
                    }
                }
            }
            frame(frames, watcher, WatchFrame.Kind.QUIESCED, revision, List.of());
        }
        return frames;
    }

    private static void subscribe(List<WatchFrame> frames, int watcher, long after, List<String> keys) {
        frames.add(
                new WatchFrame(watcher, 1, frames.size() * 1_000L, WatchFrame.Kind.SUBSCRIBED, after, keys, List.of()));
    }

    private static void frame(
            List<WatchFrame> frames, int watcher, WatchFrame.Kind kind, long revision, List<Change> changes) {
        frames.add(new WatchFrame(watcher, 1, frames.size() * 1_000L, kind, revision, List.of(), changes));
    }

    private void memberships(List<Membership> reports) {
        var voters = new ArrayList<>(List.of("1", "2", "3"));
        var learners = new ArrayList<String>();
        int nextId = 4;
        long index = 1;
        for (int step = 0; step < 8; step++) {
            for (int node = 1; node <= NODES; node++) {
                reports.add(new Membership(node, index, voters, learners));
            }
            index += 1 + random.nextInt(20);
            Operation.Kind kind;
            String member;
            if (!learners.isEmpty()) {
                kind = Operation.Kind.PROMOTE_MEMBER;
                member = learners.removeFirst();
                voters.add(member);
            } else if (voters.size() > 3) {
                kind = Operation.Kind.REMOVE_MEMBER;
                member = voters.remove(random.nextInt(voters.size()));
            } else {
                kind = Operation.Kind.ADD_MEMBER;
                member = Integer.toString(nextId++);
                learners.add(member);
            }
            boolean told = random.nextInt(4) > 0 && step < 7;
            long call = step * STEP;
            operations.add(new Operation(
                    operations.size() + 1,
                    99,
                    kind,
                    List.of(member),
                    List.of(),
                    List.of(),
                    call,
                    told ? call + 10 : Operation.NEVER,
                    told ? Operation.Status.OK : Operation.Status.UNKNOWN,
                    told ? index : 0,
                    1,
                    1));
        }
    }
}
