package dev.conflux.qa.simulator;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.testkit.AssignmentChecker;
import dev.conflux.consensus.testkit.BankChecker;
import dev.conflux.consensus.testkit.Change;
import dev.conflux.consensus.testkit.Checker;
import dev.conflux.consensus.testkit.Fault;
import dev.conflux.consensus.testkit.History;
import dev.conflux.consensus.testkit.NodeLog;
import dev.conflux.consensus.testkit.Operation;
import dev.conflux.consensus.testkit.RevisionOrderChecker;
import dev.conflux.consensus.testkit.Verdict;
import dev.conflux.consensus.testkit.WatchChecker;
import dev.conflux.consensus.testkit.WatchFrame;
import dev.conflux.consensus.testkit.WglChecker;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Release;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.CommandEnvelope;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.StateArea;
import dev.conflux.core.state.StateReader;
import dev.conflux.core.state.StateReads;
import dev.conflux.core.state.StateStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One run: members, network, faults, clients and watchers of one seed, in virtual time on the calling thread. The same
 * seed and defect give the same run, event for event.
 */
final class Simulation {

    // Virtual microseconds.
    private static final long FAULTS_END = 3_000_000;
    private static final long GIVE_UP = 60_000_000;

    private static final long MICROS_PER_MILLI = 1_000;
    private static final long NANOS_PER_MICRO = 1_000;
    private static final int EVENTS_READ = 64;

    private static final List<Checker> CHECKERS = List.of(
            new RevisionOrderChecker(),
            new WglChecker(),
            new AssignmentChecker(),
            new BankChecker(Client.ACCOUNTS, Client.TOTAL),
            new WatchChecker());

    /**
     * What came of a run.
     *
     * @param fingerprint equal for equal runs
     * @param operations of clients
     * @param entries committed
     * @param faults injected
     */
    record Result(long fingerprint, int operations, long entries, int faults, History history) {}

    private record Event(long at, long sequence, Runnable action) {}

    private final Defect defect;
    private final Path directory;
    private final @Nullable Consumer<String> log;
    private final SplittableRandom network;
    private final SplittableRandom nemesis;
    private final PriorityQueue<Event> queue =
            new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::sequence));
    private final Oracle oracle = new Oracle();
    private final List<Replica> replicas = new ArrayList<>();
    private final List<Client> clients = new ArrayList<>();
    private final List<Watcher> watchers = new ArrayList<>();
    private final List<Operation> operations = new ArrayList<>();
    private final List<WatchFrame> frames = new ArrayList<>();
    private final List<Fault> faults = new ArrayList<>();
    private final Map<Long, Integer> leaders = new HashMap<>();
    private final boolean[][] cut;
    private final long[] indexes;
    private final long[] revisions;

    private long now;
    private long sequence;
    private long fingerprint;
    private int directories;
    private boolean rest;

    /** Of messages between members, in hundredths. */
    private int lossPercent;

    private int duplicatePercent;
    private long maxDelay = 5_000;

    /**
     * Prepares a run.
     *
     * @param directory empty; snapshots are written there, the caller deletes them
     * @param log receives what happens, one line each; null when nobody wants to know
     */
    Simulation(long seed, Defect defect, Path directory, @Nullable Consumer<String> log) {
        this.defect = defect;
        this.directory = directory;
        this.log = log;
        var random = new SplittableRandom(seed);
        network = random.split();
        nemesis = random.split();
        int members = random.nextInt(3) == 0 ? 5 : 3;
        cut = new boolean[members][members];
        indexes = new long[members];
        revisions = new long[members];
        for (int id = 0; id < members; id++) {
            replicas.add(new Replica(id, members, this, random.split()));
        }
        var shared = new Client.Shared();
        for (int number = 1; number <= 4; number++) {
            clients.add(new Client(number, this, shared, random.split()));
        }
        for (int number = 1; number <= 2; number++) {
            watchers.add(new Watcher(number, random.split()));
        }
    }

    Result run() {
        clients.getFirst().prepare(this::begin);
        while (!rest) {
            Event event = queue.remove();
            now = event.at;
            if (now > GIVE_UP) {
                throw new Violation("the cluster did not come to rest");
            }
            event.action.run();
        }
        return check();
    }

    private void begin() {
        clients.forEach(Client::begin);
        watchers.forEach(Watcher::begin);
        disturb();
        after(FAULTS_END, this::heal);
    }

    // --- time, messages, files -------------------------------------------------------------------------------------

    void after(long delay, Runnable action) {
        queue.add(new Event(now + delay, sequence++, action));
    }

    long nanos() {
        return now * NANOS_PER_MICRO;
    }

    long millis() {
        return Commands.T0 + now / MICROS_PER_MILLI;
    }

    void send(int from, int to, Message message) {
        mix(from * 31L + to, message.term());
        if (cut[from][to] || network.nextInt(100) < lossPercent) {
            return;
        }
        int copies = network.nextInt(100) < duplicatePercent ? 2 : 1;
        for (int copy = 0; copy < copies; copy++) {
            after(delay(), () -> {
                // What is under way when a link breaks is lost with it.
                if (!cut[from][to]) {
                    replicas.get(to).receive(message);
                }
            });
        }
    }

    void request(int to, Message.Request request) {
        if (network.nextInt(100) < lossPercent) {
            return;
        }
        int copies = network.nextInt(100) < duplicatePercent ? 2 : 1;
        for (int copy = 0; copy < copies; copy++) {
            after(delay(), () -> replicas.get(to).receive(request));
        }
    }

    void reply(int from, Message.Request request, Message.Reply reply) {
        mix(from, 77);
        if (network.nextInt(100) >= lossPercent) {
            after(delay(), () -> request.reply().accept(reply));
        }
    }

    private long delay() {
        // Mostly short; now and then so long that later messages overtake.
        return 100 + network.nextLong(network.nextInt(20) == 0 ? maxDelay * 10 : maxDelay);
    }

    Path newDirectory(int node, long index) {
        try {
            return Files.createDirectory(directory.resolve("node" + node + "-" + index + "-" + directories++));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Tells the log of this run, if there is one. */
    void note(Supplier<String> what) {
        if (log != null) {
            log.accept(String.format(Locale.ROOT, "%10.3f ms  ", now / 1_000.0) + what.get());
        }
    }

    private void mix(long a, long b) {
        fingerprint = (fingerprint ^ (a + now * 0x9E3779B97F4A7C15L)) * 0xBF58476D1CE4E5B9L + b;
    }

    // --- defects ---------------------------------------------------------------------------------------------------

    Defect defect() {
        return defect;
    }

    /** Some hit one member only. */
    Defect defectOf(int node) {
        return defect == Defect.EVENT_NOT_STORED && node != 0 ? Defect.NONE : defect;
    }

    LogEntry logEntry(long index, Entry entry) {
        byte[] command = entry.command();
        if (command == null) {
            throw new IllegalArgumentException("entry " + index + " is a no-op");
        }
        if (defect == Defect.DEDUP_OFF) {
            var envelope = CommandCodec.decode(command);
            command = CommandCodec.encode(new CommandEnvelope(
                    envelope.author(), envelope.authorId(), envelope.traceId(), null, envelope.command()));
        }
        return new LogEntry(new LogPosition(index, entry.term()), entry.stampMillis(), command);
    }

    void disorder(Replica node, List<LogEntry> batch) {
        if (defect != Defect.APPLY_ORDER_SWAPPED || node.id != 0 || batch.size() < 2 || nemesis.nextInt(4) > 0) {
            return;
        }
        LogEntry first = batch.get(0);
        LogEntry second = batch.get(1);
        batch.set(0, new LogEntry(first.position(), second.proposedAtMillis(), second.command()));
        batch.set(1, new LogEntry(second.position(), first.proposedAtMillis(), first.command()));
    }

    // --- what members report ---------------------------------------------------------------------------------------

    void elected(Replica node) {
        note(() -> "node " + node.id + " leads term " + node.term());
        Integer other = leaders.putIfAbsent(node.term(), node.id);
        if (other != null) {
            throw new Violation("nodes " + other + " and " + node.id + " both lead term " + node.term());
        }
    }

    void committed(Replica node, long index, Entry entry) {
        oracle.committed(node.id, index, entry, entry.command() == null ? NO_OP : logEntry(index, entry));
    }

    private static final LogEntry NO_OP = new LogEntry(LogPosition.ZERO, 0, new byte[0]);

    void compareOutcome(Replica node, long index, byte[] outcome) {
        if (!Arrays.equals(outcome, oracle.outcome(index))) {
            throw new Violation("node " + node.id + " answers entry " + index + " with "
                    + CommandCodec.decodeOutcome(outcome) + "; right is "
                    + CommandCodec.decodeOutcome(oracle.outcome(index)));
        }
    }

    /** After a batch, a restart, a restore: equal index, equal digest; the revision never goes back. */
    void compare(Replica node, ConfigState state) {
        long index = state.applied().index();
        String digest = state.view().digest();
        mix(index, digest.hashCode());
        if (index > 0 && !digest.equals(oracle.digest(index))) {
            throw new Violation("node " + node.id + " has digest " + digest + " at entry " + index + "; right is "
                    + oracle.digest(index));
        }
        long revision = state.view().revision();
        if (index >= indexes[node.id] && revision < revisions[node.id]) {
            throw new Violation(
                    "node " + node.id + " went back from revision " + revisions[node.id] + " to " + revision);
        }
        indexes[node.id] = index;
        revisions[node.id] = revision;
    }

    void record(Operation operation) {
        mix(operation.callNanos(), operation.revision());
        operations.add(operation);
        note(operation::toString);
    }

    int members() {
        return replicas.size();
    }

    // --- faults ----------------------------------------------------------------------------------------------------

    private void disturb() {
        after(60_000 + nemesis.nextLong(300_000), () -> {
            if (now < FAULTS_END) {
                fault();
                disturb();
            }
        });
    }

    private void fault() {
        int members = replicas.size();
        Replica victim = replicas.get(nemesis.nextInt(members));
        for (Replica replica : replicas) {
            // Half of the time the leader: that is where it hurts.
            if (replica.isLeader() && nemesis.nextBoolean()) {
                victim = replica;
            }
        }
        Replica node = victim;
        long lasts = 20_000 + nemesis.nextLong(600_000);
        switch (nemesis.nextInt(8)) {
            case 0, 1 -> crash(node, lasts);
            case 2 -> {
                int count = 2 + nemesis.nextInt(members - 1);
                for (int i = 0; i < count; i++) {
                    crash(replicas.get((node.id + i) % members), nemesis.nextLong(lasts));
                }
            }
            case 3 -> {
                boolean[] side = new boolean[members];
                for (int i = 0; i < members; i++) {
                    side[i] = nemesis.nextBoolean();
                }
                partition("partition", lasts, (from, to) -> side[from] != side[to]);
            }
            case 4 -> partition("isolate", lasts, (from, to) -> from == node.id || to == node.id);
            case 5 -> {
                boolean outgoing = nemesis.nextBoolean();
                partition("one way", lasts, (from, to) -> (outgoing ? from : to) == node.id);
            }
            case 6 -> {
                lossPercent = nemesis.nextInt(30);
                duplicatePercent = nemesis.nextInt(30);
                maxDelay = 1_000 + nemesis.nextLong(60_000);
                happened("weather", List.of(), lasts, lossPercent + " % lost, up to " + maxDelay + " us");
                after(lasts, this::calm);
            }
            default -> {
                happened("campaign", List.of(node.id), 1, "");
                node.campaign();
            }
        }
    }

    private void crash(Replica node, long lasts) {
        if (!node.isUp()) {
            return;
        }
        happened("crash", List.of(node.id), lasts, "");
        node.crash();
        after(lasts, () -> {
            if (!node.isUp()) {
                note(() -> "node " + node.id + " restarts");
                node.restart();
            }
        });
    }

    private interface Link {
        boolean isCut(int from, int to);
    }

    private void partition(String name, long lasts, Link link) {
        var hit = new ArrayList<Integer>();
        for (int from = 0; from < cut.length; from++) {
            for (int to = 0; to < cut.length; to++) {
                cut[from][to] = from != to && link.isCut(from, to);
                if (cut[from][to] && !hit.contains(from)) {
                    hit.add(from);
                }
            }
        }
        happened(name, hit, lasts, "");
        after(lasts, this::join);
    }

    private void join() {
        for (boolean[] links : cut) {
            Arrays.fill(links, false);
        }
    }

    private void calm() {
        lossPercent = 0;
        duplicatePercent = 0;
        maxDelay = 5_000;
    }

    private void happened(String name, List<Integer> nodes, long lasts, String detail) {
        note(() -> "fault: " + name + " " + nodes + " for " + lasts + " us " + detail);
        mix(name.hashCode(), lasts);
        faults.add(new Fault(name, nodes, nanos(), nanos() + lasts * NANOS_PER_MICRO, detail));
    }

    private void heal() {
        join();
        calm();
        for (Replica replica : replicas) {
            if (!replica.isUp()) {
                replica.restart();
            }
        }
        settle();
    }

    private void settle() {
        after(20_000, () -> {
            boolean equal = clients.stream().allMatch(Client::isDone);
            for (Replica replica : replicas) {
                equal &= replica.isUp()
                        && replica.applied() == oracle.lastIndex()
                        && replica.lastIndex() == oracle.lastIndex();
            }
            if (equal && replicas.stream().anyMatch(Replica::isLeader)) {
                rest = true;
            } else {
                settle();
            }
        });
    }

    // --- watchers --------------------------------------------------------------------------------------------------

    /** Follows the durable event log of one member after the other. */
    private final class Watcher {
        private final int number;
        private final SplittableRandom random;
        private int node;
        private long told;

        Watcher(int number, SplittableRandom random) {
            this.number = number;
            this.random = random;
        }

        void begin() {
            frame(WatchFrame.Kind.SUBSCRIBED, 0, List.of());
            poll();
        }

        private void poll() {
            after(10_000 + random.nextLong(80_000), () -> {
                if (random.nextInt(5) == 0) {
                    frame(WatchFrame.Kind.CLOSED, told, List.of());
                    node = random.nextInt(replicas.size());
                    frame(WatchFrame.Kind.SUBSCRIBED, told, List.of());
                }
                if (replicas.get(node).isUp()) {
                    catchUp();
                }
                poll();
            });
        }

        private void catchUp() {
            ConfigState state = replicas.get(node).state();
            List<ChangeEvent> events = state.reader().events(told, EVENTS_READ);
            for (int i = 0; i < events.size(); ) {
                long revision = events.get(i).revision();
                int end = i;
                while (end < events.size() && events.get(end).revision() == revision) {
                    end++;
                }
                List<Change> changes = changes(events.subList(i, end), state.reader());
                i = end;
                told = revision;
                if (!changes.isEmpty()) {
                    frame(WatchFrame.Kind.CHANGES, revision, changes);
                }
            }
            if (events.size() < EVENTS_READ && state.view().revision() >= told) {
                told = state.view().revision();
                frame(WatchFrame.Kind.PROGRESS, told, List.of());
            }
        }

        private void frame(WatchFrame.Kind kind, long revision, List<Change> changes) {
            frames.add(new WatchFrame(number, node, nanos(), kind, revision, List.of(), changes));
        }

        void finish() {
            long last = replicas.get(node).state().view().revision();
            while (told < last) {
                catchUp();
            }
            frame(WatchFrame.Kind.QUIESCED, last, List.of());
        }
    }

    /** What events mean to the keys of the history. */
    private List<Change> changes(List<ChangeEvent> events, StateReader reader) {
        var changes = new ArrayList<Change>();
        for (ChangeEvent event : events) {
            String path = event.key().toString();
            if (!Client.isKey(path)) {
                continue;
            }
            long value = Operation.NIL;
            for (Release rule : event.after()) {
                if (rule.isDefault()) {
                    byte[] content = reader.content(event.configId(), rule.versionId())
                            .orElseThrow(() -> new Violation("version " + rule.versionId() + " of " + path
                                    + " is released at revision " + event.revision() + " and has no content"));
                    value = Long.parseLong(new String(content, StandardCharsets.UTF_8));
                }
            }
            changes.add(new Change(event.revision(), path, value));
        }
        return changes;
    }

    // --- the end ---------------------------------------------------------------------------------------------------

    private Result check() {
        long revision = oracle.state().view().revision();
        List<ChangeEvent> expected = oracle.events();
        Map<StateArea, Long> contents = contents(oracle.store());
        var logs = new ArrayList<NodeLog>();
        List<Change> changes = changes(expected, oracle.state().reader());
        for (Replica replica : replicas) {
            ConfigState state = replica.state();
            if (state.view().revision() != revision) {
                throw new Violation("node " + replica.id + " rests at revision "
                        + state.view().revision() + " (right: " + revision + ")");
            }
            checkEvents(replica, expected);
            checkStore(replica, contents);
            logs.add(new NodeLog(replica.id, 0, revision, changes));
        }
        checkHistoryOfState(changes);
        watchers.forEach(Watcher::finish);
        operations.sort(Comparator.comparingLong(Operation::id));
        var history = new History(operations, frames, logs, List.of(), faults);
        for (Checker checker : CHECKERS) {
            Verdict verdict = checker.check(history);
            switch (verdict) {
                case Verdict.Valid _ -> {}
                case Verdict.Invalid invalid ->
                    throw new Violation(invalid.checker() + ": " + invalid.rule() + "\n" + invalid.witness());
                case Verdict.Undecided undecided ->
                    throw new Violation(undecided.checker() + " cannot decide: " + undecided.limit());
            }
        }
        return new Result(fingerprint, operations.size(), oracle.lastIndex(), faults.size(), history);
    }

    /** The durable event log is what was told when it happened: nothing lost, nothing added, same order. */
    private static void checkEvents(Replica replica, List<ChangeEvent> expected) {
        StateReader reader = replica.state().reader();
        var stored = new ArrayList<ChangeEvent>();
        long after = reader.eventsCompactedThrough();
        for (List<ChangeEvent> part = reader.events(after, 1000); !part.isEmpty(); part = reader.events(after, 1000)) {
            stored.addAll(part);
            after = part.getLast().revision();
        }
        long compacted = reader.eventsCompactedThrough();
        List<ChangeEvent> wanted =
                expected.stream().filter(event -> event.revision() > compacted).toList();
        if (!stored.equals(wanted)) {
            int i = 0;
            while (i < Math.min(stored.size(), wanted.size()) && stored.get(i).equals(wanted.get(i))) {
                i++;
            }
            throw new Violation("the event log of node " + replica.id + " differs at event " + i + ": "
                    + (i < stored.size() ? stored.get(i) : "nothing") + " (right: "
                    + (i < wanted.size() ? wanted.get(i) : "nothing") + ")");
        }
    }

    /** Byte for byte what a state machine has that never crashed. */
    private static void checkStore(Replica replica, Map<StateArea, Long> right) {
        Map<StateArea, Long> own = contents(replica.store());
        if (!own.equals(right)) {
            Set<StateArea> different = EnumSet.noneOf(StateArea.class);
            own.forEach((area, hash) -> {
                if (!hash.equals(right.get(area))) {
                    different.add(area);
                }
            });
            throw new Violation("the store of node " + replica.id + " differs in " + different);
        }
    }

    private static Map<StateArea, Long> contents(StateStore store) {
        Map<StateArea, Long> contents = new EnumMap<>(StateArea.class);
        for (StateArea area : StateArea.values()) {
            long[] hash = {1};
            store.scan(area.from(), area.to(), StateReads.Order.ASCENDING, (key, value) -> {
                hash[0] = (hash[0] * 31 + Arrays.hashCode(key)) * 0x9E3779B97F4A7C15L + Arrays.hashCode(value);
                return true;
            });
            contents.put(area, hash[0]);
        }
        return contents;
    }

    /** Replaying the event log ends where the state is. */
    private void checkHistoryOfState(List<Change> changes) {
        Map<String, Long> replayed = new HashMap<>();
        changes.forEach(change -> replayed.put(change.key(), change.value()));
        Replica any = replicas.getFirst();
        for (Map.Entry<String, Long> key : replayed.entrySet()) {
            long shown = any.shot(any.state().view(), key.getKey()).value();
            if (shown != key.getValue()) {
                throw new Violation("the event log ends with " + key + ", the state shows " + shown);
            }
        }
    }
}
