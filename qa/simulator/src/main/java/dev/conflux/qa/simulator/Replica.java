package dev.conflux.qa.simulator;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import dev.conflux.consensus.testkit.Operation;
import dev.conflux.core.model.Labels;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.ConfigView;
import dev.conflux.core.state.ServedConfig;
import dev.conflux.core.state.ServedVersion;
import dev.conflux.core.state.StateStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * One member: Raft (Ongaro and Ousterhout 2014, figures 2 and 13; reads by dissertation §6.4) around a real
 * {@link ConfigState}. Term, vote and truncations are durable at once; appended entries only after a sync, and only then
 * they are acknowledged, counted and applied. A crash keeps all that was synced and any prefix of the rest.
 */
final class Replica {

    private static final int NOBODY = -1;
    private static final int ENTRIES_PER_MESSAGE = 16;
    private static final int ENTRIES_PER_BATCH = 8;

    // Virtual microseconds.
    private static final long ELECTION_TIMEOUT = 150_000;
    private static final long HEARTBEAT = 40_000;
    private static final long MAX_SYNC = 4_000;

    private enum Role {
        FOLLOWER,
        CANDIDATE,
        LEADER
    }

    private record Waiting(long term, Message.Request.Propose request) {}

    private record WaitingRead(long index, long round, Message.Request.Read request) {}

    private record Acknowledgement(long index, int leader, long term, long round) {}

    final int id;
    private final int members;
    private final Simulation simulation;
    private final SplittableRandom random;
    private final long clockSkewMillis;
    private final int snapshotEvery;

    // Durable.
    private long term;
    private int votedFor = NOBODY;
    private final ArrayList<Entry> log = new ArrayList<>();
    private long logStart;
    private long logStartTerm;
    private @Nullable Path snapshot;
    private long synced;
    private StateStore store;
    private ConfigState state;

    // Gone after a crash.
    private boolean up = true;
    private int incarnation;
    private Role role = Role.FOLLOWER;
    private int leader = NOBODY;
    private long commit;
    private long applied;
    private int votes;
    private final long[] next;
    private final long[] match;
    private final long[] confirmed;
    private long round;
    private long timer;

    /** Moves whenever entries are taken back: what was being synced then is void. */
    private long truncations;

    private final Map<Long, Waiting> waiting = new HashMap<>();
    private final List<WaitingRead> reads = new ArrayList<>();
    private final List<Acknowledgement> unsent = new ArrayList<>();

    Replica(int id, int members, Simulation simulation, SplittableRandom random) {
        this.id = id;
        this.members = members;
        this.simulation = simulation;
        this.random = random;
        next = new long[members];
        match = new long[members];
        confirmed = new long[members];
        clockSkewMillis = random.nextLong(-3_000, 3_000);
        snapshotEvery = 10 + random.nextInt(40);
        store = new SimulatedStore(simulation.defectOf(id), random.split());
        state = new ConfigState(store);
        resetTimer();
    }

    // --- what the simulation looks at -------------------------------------------------------------------------------

    boolean isUp() {
        return up;
    }

    boolean isLeader() {
        return up && role == Role.LEADER;
    }

    long term() {
        return term;
    }

    long lastIndex() {
        return logStart + log.size();
    }

    long applied() {
        return applied;
    }

    long commit() {
        return commit;
    }

    ConfigState state() {
        return state;
    }

    StateStore store() {
        return store;
    }

    // --- crash and restart -----------------------------------------------------------------------------------------

    void crash() {
        up = false;
        incarnation++;
        waiting.clear();
        reads.clear();
        unsent.clear();
        long kept = synced + random.nextLong(lastIndex() - synced + 1);
        while (lastIndex() > kept) {
            log.removeLast();
        }
    }

    void restart() {
        up = true;
        synced = lastIndex();
        role = Role.FOLLOWER;
        leader = NOBODY;
        if (simulation.defect() == Defect.VOTE_FORGOTTEN) {
            votedFor = NOBODY;
        }
        if (random.nextBoolean()) {
            // The machine died, and with it whatever the store had not made durable: at worst all since the snapshot.
            store = new SimulatedStore(simulation.defectOf(id), random.split());
            state = new ConfigState(store);
            if (snapshot != null) {
                restore(snapshot);
            }
        } else {
            state = new ConfigState(store);
        }
        applied = state.applied().index();
        commit = Math.max(applied, logStart);
        simulation.compare(this, state);
        resetTimer();
    }

    // --- elections -------------------------------------------------------------------------------------------------

    private void resetTimer() {
        long own = ++timer;
        int lives = incarnation;
        simulation.after(ELECTION_TIMEOUT + random.nextLong(ELECTION_TIMEOUT), () -> {
            if (up && lives == incarnation && own == timer && role != Role.LEADER) {
                campaign();
            }
        });
    }

    void campaign() {
        if (!up || role == Role.LEADER) {
            return;
        }
        term++;
        role = Role.CANDIDATE;
        leader = NOBODY;
        votedFor = id;
        votes = 1 << id;
        simulation.note(() -> "node " + id + " campaigns in term " + term);
        resetTimer();
        toAll(new Message.RequestVote(term, id, lastIndex(), termAt(lastIndex())));
        countVotes();
    }

    private void countVotes() {
        if (Integer.bitCount(votes) > members / 2) {
            lead();
        }
    }

    private void lead() {
        role = Role.LEADER;
        leader = id;
        simulation.elected(this);
        Arrays.fill(next, lastIndex() + 1);
        Arrays.fill(match, 0);
        Arrays.fill(confirmed, 0);
        round = 0;
        append(new Entry(term, 0, null));
        heartbeat();
    }

    private void heartbeat() {
        long ownTerm = term;
        int lives = incarnation;
        replicate();
        simulation.after(HEARTBEAT, () -> {
            if (lives == incarnation && isLeader() && term == ownTerm) {
                heartbeat();
            }
        });
    }

    private void follow(long newTerm, int newLeader) {
        if (newTerm > term) {
            term = newTerm;
            votedFor = NOBODY;
        }
        if (role != Role.FOLLOWER) {
            // Whether what is waiting will be applied is for others to decide now: its clients hear nothing.
            waiting.clear();
            reads.clear();
            role = Role.FOLLOWER;
            resetTimer();
        }
        leader = newLeader;
    }

    // --- messages --------------------------------------------------------------------------------------------------

    void receive(Message message) {
        if (!up) {
            return;
        }
        if (message.term() > term) {
            follow(message.term(), NOBODY);
        }
        switch (message) {
            case Message.RequestVote request -> vote(request);
            case Message.Vote vote -> {
                if (role == Role.CANDIDATE && vote.term() == term && vote.granted()) {
                    votes |= 1 << vote.voter();
                    countVotes();
                }
            }
            case Message.AppendEntries request -> append(request);
            case Message.Appended answer -> appended(answer);
            case Message.InstallSnapshot request -> install(request);
        }
    }

    private void vote(Message.RequestVote request) {
        long lastTerm = termAt(lastIndex());
        boolean upToDate =
                request.lastTerm() > lastTerm || (request.lastTerm() == lastTerm && request.lastIndex() >= lastIndex());
        boolean granted = request.term() == term
                && upToDate
                && role == Role.FOLLOWER
                && (votedFor == NOBODY || votedFor == request.candidate());
        if (granted) {
            votedFor = request.candidate();
            resetTimer();
        }
        simulation.send(id, request.candidate(), new Message.Vote(term, id, granted));
    }

    private void append(Message.AppendEntries request) {
        int from = request.leader();
        if (request.term() < term) {
            simulation.send(id, from, new Message.Appended(term, id, false, 0, 0));
            return;
        }
        if (role == Role.LEADER) {
            throw new Violation("node " + id + " and node " + from + " both lead term " + term);
        }
        follow(term, from);
        resetTimer();
        long previous = request.previousIndex();
        if (previous > lastIndex() || (previous >= logStart && termAt(previous) != request.previousTerm())) {
            long hint = Math.max(logStart, Math.min(lastIndex(), previous - 1));
            simulation.send(id, from, new Message.Appended(term, id, false, hint, request.round()));
            return;
        }
        long index = previous;
        for (Entry entry : request.entries()) {
            index++;
            if (index <= logStart) {
                continue;
            }
            if (index <= lastIndex()) {
                if (termAt(index) == entry.term()) {
                    continue;
                }
                truncateFrom(index);
            }
            log.add(entry);
        }
        if (synced < lastIndex()) {
            sync();
        }
        long last = previous + request.entries().size();
        advanceCommit(Math.min(request.commit(), last));
        var acknowledgement = new Acknowledgement(last, from, term, request.round());
        if (last <= synced || simulation.defect() == Defect.ACKNOWLEDGE_BEFORE_SYNC) {
            acknowledge(acknowledgement);
        } else {
            unsent.add(acknowledgement);
        }
        apply();
    }

    private void truncateFrom(long index) {
        if (index <= commit) {
            throw new Violation(
                    "node " + id + " takes back entry " + index + ", which is committed (to " + commit + ")");
        }
        while (lastIndex() >= index) {
            log.removeLast();
        }
        synced = Math.min(synced, lastIndex());
        truncations++;
        unsent.clear();
    }

    private void acknowledge(Acknowledgement acknowledgement) {
        if (acknowledgement.term == term) {
            simulation.send(
                    id,
                    acknowledgement.leader,
                    new Message.Appended(term, id, true, acknowledgement.index, acknowledgement.round));
        }
    }

    private void sync() {
        long upTo = lastIndex();
        long generation = truncations;
        int lives = incarnation;
        // A disk stalls now and then.
        long longest = random.nextInt(10) == 0 ? 20 * MAX_SYNC : MAX_SYNC;
        simulation.after(200 + random.nextLong(longest), () -> {
            if (!up || lives != incarnation || generation != truncations || upTo <= synced) {
                return;
            }
            synced = upTo;
            for (Iterator<Acknowledgement> each = unsent.iterator(); each.hasNext(); ) {
                Acknowledgement acknowledgement = each.next();
                if (acknowledgement.index <= synced) {
                    each.remove();
                    acknowledge(acknowledgement);
                }
            }
            if (role == Role.LEADER) {
                countCopies();
            }
            apply();
        });
    }

    private void appended(Message.Appended answer) {
        if (role != Role.LEADER || answer.term() != term) {
            return;
        }
        int from = answer.follower();
        confirmed[from] = Math.max(confirmed[from], answer.round());
        if (answer.success()) {
            match[from] = Math.max(match[from], answer.index());
            next[from] = Math.max(next[from], match[from] + 1);
            countCopies();
            if (next[from] <= lastIndex() && answer.index() == match[from]) {
                replicateTo(from);
            }
        } else {
            long back = Math.max(match[from] + 1, Math.min(next[from] - 1, answer.index() + 1));
            if (back != next[from]) {
                next[from] = back;
                replicateTo(from);
            }
        }
        serveReads();
    }

    /** Only entries of the own term are committed by counting (Raft §5.4.2). */
    private void countCopies() {
        match[id] = synced;
        long[] sorted = match.clone();
        Arrays.sort(sorted);
        long majority = simulation.defect() == Defect.COMMIT_WITHOUT_MAJORITY ? synced : sorted[(members - 1) / 2];
        if (majority > commit && termAt(majority) == term) {
            advanceCommit(majority);
            apply();
        }
    }

    private void advanceCommit(long to) {
        for (long index = commit + 1; index <= to; index++) {
            simulation.committed(this, index, entry(index));
            commit = index;
        }
    }

    // --- replication -----------------------------------------------------------------------------------------------

    private void append(Entry entry) {
        log.add(entry);
        sync();
    }

    private void replicate() {
        for (int member = 0; member < members; member++) {
            if (member != id) {
                replicateTo(member);
            }
        }
    }

    private void replicateTo(int member) {
        if (next[member] <= logStart && snapshot != null) {
            simulation.send(id, member, new Message.InstallSnapshot(term, id, logStart, logStartTerm, snapshot));
            return;
        }
        long previous = next[member] - 1;
        int from = (int) (previous - logStart);
        List<Entry> entries = List.copyOf(log.subList(from, Math.min(log.size(), from + ENTRIES_PER_MESSAGE)));
        simulation.send(
                id, member, new Message.AppendEntries(term, id, previous, termAt(previous), entries, commit, round));
    }

    private void toAll(Message message) {
        for (int member = 0; member < members; member++) {
            if (member != id) {
                simulation.send(id, member, message);
            }
        }
    }

    private Entry entry(long index) {
        return log.get((int) (index - logStart - 1));
    }

    private long termAt(long index) {
        return index == logStart ? logStartTerm : entry(index).term();
    }

    // --- applying --------------------------------------------------------------------------------------------------

    private void apply() {
        while (applied < Math.min(commit, synced)) {
            long end = Math.min(Math.min(commit, synced), applied + 1 + random.nextLong(ENTRIES_PER_BATCH));
            var batch = new ArrayList<LogEntry>();
            long index = applied + 1;
            for (; index <= end && entry(index).command() != null; index++) {
                batch.add(simulation.logEntry(index, entry(index)));
            }
            if (batch.isEmpty()) {
                state.skipped(new LogPosition(index, entry(index).term()));
                applied = index;
                continue;
            }
            simulation.disorder(this, batch);
            List<byte[]> outcomes = state.apply(batch);
            for (int i = 0; i < outcomes.size(); i++) {
                long at = batch.get(i).position().index();
                simulation.compareOutcome(this, at, outcomes.get(i));
                Waiting client = waiting.remove(at);
                if (client != null && client.term == entry(at).term()) {
                    simulation.reply(id, client.request, new Message.Reply.Applied(outcomes.get(i), client.term, id));
                }
            }
            applied = index - 1;
            simulation.compare(this, state);
        }
        serveReads();
        if (applied - logStart >= snapshotEvery) {
            takeSnapshot();
        }
    }

    // --- snapshots -------------------------------------------------------------------------------------------------

    private void takeSnapshot() {
        long index = lastAppliedCommand();
        if (index <= logStart) {
            return;
        }
        Path directory = simulation.newDirectory(id, index);
        try {
            StateMachine.Snapshot taken = state.beginSnapshot(directory);
            taken.complete();
            if (taken.position().index() != index) {
                throw new Violation("node " + id + " took a snapshot of " + taken.position() + " at " + index);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        long indexTerm = termAt(index);
        log.subList(0, (int) (index - logStart)).clear();
        logStart = index;
        logStartTerm = indexTerm;
        snapshot = directory;
        simulation.note(() -> "node " + id + " takes a snapshot at " + index);
    }

    /** A snapshot reaches to here: the position of a no-op after it is not durable. */
    private long lastAppliedCommand() {
        for (long index = applied; index > logStart; index--) {
            if (entry(index).command() != null) {
                return index;
            }
        }
        return logStart;
    }

    private void install(Message.InstallSnapshot request) {
        if (request.term() < term) {
            return;
        }
        follow(term, request.leader());
        resetTimer();
        long index = request.index();
        if (index <= commit) {
            simulation.send(id, request.leader(), new Message.Appended(term, id, true, Math.min(index, synced), 0));
            return;
        }
        if (random.nextInt(8) == 0) {
            refuseDamaged(request.directory());
            return;
        }
        restore(request.directory());
        if (!state.applied().equals(new LogPosition(index, request.indexTerm()))) {
            throw new Violation("node " + id + " restored " + state.applied() + " from a snapshot of " + index);
        }
        if (index <= lastIndex() && index >= logStart && termAt(index) == request.indexTerm()) {
            log.subList(0, (int) (index - logStart)).clear();
            synced = Math.max(synced, index);
        } else {
            log.clear();
            synced = index;
            truncations++;
            unsent.clear();
        }
        logStart = index;
        logStartTerm = request.indexTerm();
        snapshot = request.directory();
        commit = index;
        applied = index;
        simulation.note(() -> "node " + id + " installs the snapshot of " + index);
        simulation.compare(this, state);
        simulation.send(id, request.leader(), new Message.Appended(term, id, true, index, 0));
    }

    private void restore(Path directory) {
        try {
            state.restore(directory);
        } catch (IOException e) {
            throw new Violation("node " + id + " cannot restore a sound snapshot: " + e.getMessage());
        }
    }

    /** A transfer that went wrong leaves the state as it was. */
    @SuppressWarnings("ReferenceEquality") // Not even an equal view: none at all.
    private void refuseDamaged(Path sound) {
        ConfigView before = state.view();
        Path damaged = simulation.newDirectory(id, -1);
        try (var files = Files.list(sound)) {
            for (Path file : files.sorted().toList()) {
                byte[] bytes = Files.readAllBytes(file);
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                Files.write(damaged.resolve(file.getFileName()), bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            state.restore(damaged);
        } catch (IOException expected) {
            if (state.view() != before) {
                throw new Violation("node " + id + " changed by a snapshot that it refused");
            }
            return;
        }
        throw new Violation("node " + id + " restored a damaged snapshot");
    }

    // --- clients ---------------------------------------------------------------------------------------------------

    void receive(Message.Request request) {
        if (!up) {
            return;
        }
        if (request instanceof Message.Request.Read read && !read.linearizable()) {
            show(read);
            return;
        }
        if (role != Role.LEADER) {
            simulation.reply(id, request, new Message.Reply.NotLeader(leader));
            return;
        }
        switch (request) {
            case Message.Request.Propose propose -> {
                append(new Entry(term, simulation.millis() + clockSkewMillis, propose.command()));
                waiting.put(lastIndex(), new Waiting(term, propose));
                replicate();
            }
            case Message.Request.Read read -> {
                if (simulation.defect() == Defect.READ_WITHOUT_QUORUM) {
                    show(read);
                } else if (termAt(commit) == term) {
                    // Before its first own entry is committed a leader does not know what is.
                    reads.add(new WaitingRead(commit, ++round, read));
                    replicate();
                    serveReads();
                }
            }
        }
    }

    private void serveReads() {
        if (role != Role.LEADER) {
            return;
        }
        for (Iterator<WaitingRead> each = reads.iterator(); each.hasNext(); ) {
            WaitingRead read = each.next();
            int members = 1;
            for (int member = 0; member < this.members; member++) {
                if (member != id && confirmed[member] >= read.round) {
                    members++;
                }
            }
            if (members > this.members / 2 && applied >= read.index) {
                each.remove();
                show(read.request);
            }
        }
    }

    private void show(Message.Request.Read read) {
        ConfigView view = state.view();
        List<Message.Shot> shots =
                read.paths().stream().map(path -> shot(view, path)).toList();
        simulation.reply(id, read, new Message.Reply.Shown(shots, view.revision(), term, id));
    }

    Message.Shot shot(ConfigView view, String path) {
        ServedConfig config = view.find(path);
        ServedVersion version = config == null ? null : config.resolve(Labels.NONE);
        if (config == null || version == null) {
            return new Message.Shot(Operation.NIL, 0);
        }
        byte[] content = version.cachedContent();
        long versionId = version.version().id();
        if (content == null) {
            content = state.reader()
                    .content(config.configId(), versionId)
                    .orElseThrow(() -> new Violation(
                            "node " + id + " has released version " + versionId + " of " + path + " without content"));
        }
        return new Message.Shot(Long.parseLong(new String(content, StandardCharsets.UTF_8)), versionId);
    }
}
