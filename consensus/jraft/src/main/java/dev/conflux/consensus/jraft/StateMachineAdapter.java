package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.entity.LeaderChangeContext;
import com.alipay.sofa.jraft.entity.LocalFileMetaOutter.LocalFileMeta;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.error.RaftException;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotWriter;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Drives the {@link StateMachine}. All {@code on…} methods run on the engine's one apply thread; {@link #passed} on a
 * timer, between them. Whatever goes wrong
 * there ends the process: a member that stays alive without applying serves old state and helps nobody.
 */
final class StateMachineAdapter implements com.alipay.sofa.jraft.StateMachine {

    private static final Logger LOG = LoggerFactory.getLogger(StateMachineAdapter.class);

    /** Where the state's files are inside a snapshot. */
    static final String STATE = "state";

    private final StateMachine stateMachine;
    private final Halt halt;
    private final Counters counters;
    private final Executor snapshots;
    private final AppliedIndex applied;
    private final Membership membership;
    private final Watchdog.Activity working;
    private final Digests digests;
    private final AtomicBoolean failed = new AtomicBoolean();
    private @Nullable EngineStorage storage; // set once before the engine starts

    /** Held while the state machine works: by the apply thread always, by {@link #passed} now and then. */
    private final ReentrantLock turn = new ReentrantLock();

    private volatile long lastPassed;
    private volatile long leaderTerm; // 0 = not leading, or nothing committed in the own term yet
    private volatile long snapshotIndex;
    private volatile boolean restoring;
    private volatile long snapshotAtMillis; // wall clock; 0 = there is none
    private volatile long snapshotMillis;
    private volatile long snapshotBytes;

    // Written by the apply thread, read by the snapshot trigger.
    private final AtomicLong bytesSinceSnapshot = new AtomicLong();
    private final AtomicLong entriesSinceSnapshot = new AtomicLong();

    StateMachineAdapter(
            StateMachine stateMachine,
            Membership membership,
            Halt halt,
            Counters counters,
            Executor snapshots,
            AppliedIndex applied,
            Watchdog.Activity working,
            Digests digests) {
        this.stateMachine = stateMachine;
        this.halt = halt;
        this.counters = counters;
        this.snapshots = snapshots;
        this.applied = applied;
        this.membership = membership;
        this.working = working;
        this.digests = digests;
    }

    void attach(EngineStorage engineStorage) {
        storage = engineStorage;
    }

    /** Entries that an earlier process applied after the newest snapshot count for the next one. */
    void entriesBeforeStart(long entries) {
        entriesSinceSnapshot.addAndGet(entries);
    }

    void snapshotIndex(long index) {
        snapshotIndex = index;
    }

    long snapshotIndex() {
        return snapshotIndex;
    }

    /** When the newest snapshot was made or received, Unix milliseconds; 0 = there is none. */
    long snapshotAtMillis() {
        return snapshotAtMillis;
    }

    void snapshotAtMillis(long millis) {
        snapshotAtMillis = millis;
    }

    /** How long the last one taken here took; 0 before the first. */
    long snapshotMillis() {
        return snapshotMillis;
    }

    long snapshotBytes() {
        return snapshotBytes;
    }

    /** True on a leader that has committed an entry of its own term: its commit index is the cluster's. */
    boolean leads() {
        EngineStorage current = storage;
        long term = leaderTerm;
        // A later term can begin, even as leader again, before the apply thread hears that the earlier one has ended.
        return term != 0 && current != null && term == current.term();
    }

    /** True while a snapshot is being restored: it may take as long as reading it takes. */
    boolean restoring() {
        return restoring;
    }

    boolean failed() {
        return failed.get();
    }

    long bytesSinceSnapshot() {
        return bytesSinceSnapshot.get();
    }

    long entriesSinceSnapshot() {
        return entriesSinceSnapshot.get();
    }

    // ---- apply ----

    @Override
    public void onApply(Iterator iterator) {
        turn.lock();
        working.begin();
        try {
            apply(iterator);
        } finally {
            working.end();
            turn.unlock();
        }
    }

    private void apply(Iterator iterator) {
        if (failed.get()) {
            iterator.setErrorAndRollback(1, new Status(RaftError.ESTATEMACHINE, "halted"));
            return;
        }
        try {
            var entries = new ArrayList<LogEntry>();
            var closures = new ArrayList<@Nullable Closure>();
            LogPosition reached = stateMachine.applied();
            long bytes = 0;
            long last = 0;
            boolean firstOfRun = true; // the engine breaks a run at its own entries
            while (iterator.hasNext()) {
                LogPosition position = new LogPosition(iterator.getIndex(), iterator.getTerm());
                Closure closure = iterator.done();
                last = position.index();
                if (Envelope.isMembership(iterator.getData())) {
                    flush(entries, closures, bytes);
                    bytes = 0;
                    applyMembership(position, Envelope.decode(iterator.getData()), closure);
                    reached = stateMachine.applied();
                    firstOfRun = true; // For the state machine this is a gap.
                    iterator.next();
                    continue;
                }
                if (position.index() <= reached.index()) {
                    // The state is ahead of the engine's snapshot after a restart. No proposer waits for these.
                    counters.replayedEntries.increment();
                    working.progress(); // There may be hundreds of thousands of them.
                    if (closure != null) {
                        closure.run(new Status(RaftError.EINTERNAL, "already applied"));
                    }
                } else if (Envelope.isDigestMark(iterator.getData())) {
                    flush(entries, closures, bytes);
                    bytes = 0;
                    digests.marked(
                            position.index(),
                            Envelope.decode(iterator.getData()).whole());
                    stateMachine.skipped(position);
                } else {
                    if (firstOfRun && position.index() > reached.index() + 1) {
                        skipped(position.index() - 1);
                    }
                    Envelope envelope = Envelope.decode(iterator.getData());
                    if (!entries.isEmpty() && bytes + envelope.command().length > Limits.MAX_APPLY_BYTES) {
                        flush(entries, closures, bytes);
                        bytes = 0;
                    }
                    entries.add(new LogEntry(position, envelope.proposedAtMillis(), envelope.command()));
                    closures.add(closure);
                    bytes += envelope.command().length;
                    if (entries.size() >= Limits.MAX_APPLY_ENTRIES) {
                        flush(entries, closures, bytes);
                        bytes = 0;
                    }
                }
                firstOfRun = false;
                iterator.next();
            }
            flush(entries, closures, bytes);
            applied.advance(last);
        } catch (Throwable e) {
            fail("apply failed after " + stateMachine.applied() + ": " + e.getMessage(), e);
            iterator.setErrorAndRollback(1, new Status(RaftError.ESTATEMACHINE, "halted"));
        }
    }

    /** The record is durable before the entry counts as applied; it knows itself what it has applied already. */
    private void applyMembership(LogPosition position, Envelope envelope, @Nullable Closure closure)
            throws IOException {
        String refusal = membership.apply(position, MembershipEntry.decode(envelope.command()));
        applied.advance(position.index());
        if (closure instanceof Proposal.Appended proposal) {
            proposal.applied(position, refusal.getBytes(StandardCharsets.UTF_8));
        }
    }

    private void flush(List<LogEntry> entries, List<@Nullable Closure> closures, long bytes) {
        if (entries.isEmpty()) {
            return;
        }
        long begin = System.nanoTime();
        Failpoints.hit("apply.before_batch");
        List<byte[]> results = stateMachine.apply(List.copyOf(entries));
        Failpoints.hit("apply.after_batch");
        counters.applyTime.record(System.nanoTime() - begin, TimeUnit.NANOSECONDS);
        if (results.size() != entries.size()) {
            throw new IllegalStateException(
                    "state machine returned " + results.size() + " results for " + entries.size() + " entries");
        }
        counters.appliedBatches.increment();
        counters.appliedEntries.add(entries.size());
        bytesSinceSnapshot.addAndGet(bytes);
        entriesSinceSnapshot.addAndGet(entries.size());
        applied.advance(entries.getLast().position().index());
        Failpoints.hit("apply.before_replies");
        for (int i = 0; i < results.size(); i++) {
            Closure closure = closures.get(i);
            if (closure == null) {
                continue;
            }
            try {
                if (closure instanceof Proposal.Appended proposal) {
                    proposal.applied(entries.get(i).position(), results.get(i));
                } else {
                    closure.run(Status.OK());
                }
            } catch (RuntimeException e) {
                LOG.error("a proposer's callback failed", e); // Its problem, not the state machine's.
            }
        }
        Failpoints.hit("apply.after_replies");
        entries.clear();
        closures.clear();
        working.progress();
    }

    /** Tells of the component's own entries before a command; their term is looked up, never guessed. */
    private void skipped(long index) {
        EngineStorage current = storage;
        Long term = current == null ? null : current.termOf(index);
        if (term != null && term > 0) {
            stateMachine.skipped(new LogPosition(index, term));
        }
    }

    /**
     * Tells the state machine of the engine's own entries at the end of the log, which no command follows yet. Never
     * waits: while the state machine works, the next call does it.
     *
     * @param index that the engine has applied, so that every command up to it has been applied
     */
    void passed(long index) {
        if (index <= lastPassed || failed.get() || !turn.tryLock()) {
            return;
        }
        try {
            if (index > stateMachine.applied().index()) {
                skipped(index);
            }
            lastPassed = index;
        } finally {
            turn.unlock();
        }
    }

    /** What is stuck will not come back: ends the process without another word, as the log may be stuck too. */
    void stuck(String reason) {
        if (failed.compareAndSet(false, true)) {
            halt.halt(reason, null);
        }
    }

    /** Ends this member: it must not go on. */
    void fail(String reason, @Nullable Throwable cause) {
        if (failed.compareAndSet(false, true)) {
            LOG.error("halt reason=\"{}\"", reason, cause);
            halt.halt(reason, cause);
        }
    }

    @Override
    public void onError(RaftException e) {
        fail("engine failed: " + e.getType() + " " + e.getStatus(), e);
    }

    // ---- snapshots ----

    @Override
    public void onSnapshotSave(SnapshotWriter writer, Closure done) {
        try {
            long begin = System.nanoTime();
            Failpoints.disk("snapshot.before_begin");
            Path root = Path.of(writer.getPath());
            Path directory = root.resolve(STATE);
            Files.createDirectories(directory);
            long bytes = bytesSinceSnapshot.getAndSet(0);
            long entries = entriesSinceSnapshot.getAndSet(0);
            Closure counted = status -> {
                if (!status.isOk()) {
                    bytesSinceSnapshot.addAndGet(bytes); // still due
                    entriesSinceSnapshot.addAndGet(entries);
                }
                done.run(status);
            };
            try {
                StateMachine.Snapshot snapshot = beginSnapshot(directory);
                Failpoints.disk("snapshot.begun");
                membership.current().write(root);
                snapshots.execute(() -> complete(writer, root, snapshot, begin, counted));
            } catch (IOException | RuntimeException e) {
                snapshotFailed(counted, e);
            }
        } catch (IOException | RuntimeException e) {
            snapshotFailed(done, e);
        }
    }

    private StateMachine.Snapshot beginSnapshot(Path directory) throws IOException {
        turn.lock();
        try {
            return stateMachine.beginSnapshot(directory);
        } finally {
            turn.unlock();
        }
    }

    private void complete(SnapshotWriter writer, Path root, StateMachine.Snapshot snapshot, long begin, Closure done) {
        try {
            Failpoints.disk("snapshot.before_complete");
            List<String> names = snapshot.complete();
            var files = new ArrayList<SnapshotManifest.Entry>();
            SnapshotManifest.Entry membershipFile = SnapshotManifest.entry(root, MembershipRecord.FILE);
            add(writer, membershipFile);
            files.add(membershipFile);
            for (String name : names) {
                Failpoints.disk("snapshot.before_file_sync");
                DurableFiles.syncFile(root.resolve(STATE).resolve(name));
                SnapshotManifest.Entry file = SnapshotManifest.entry(root, STATE + "/" + name);
                add(writer, file);
                files.add(file);
            }
            DurableFiles.syncDirectory(root.resolve(STATE));
            new SnapshotManifest(snapshot.position(), files).write(root);
            add(writer, SnapshotManifest.entry(root, SnapshotManifest.FILE));
            Failpoints.disk("snapshot.before_done");
            counters.snapshotsTaken.increment();
            long bytes = files.stream().mapToLong(SnapshotManifest.Entry::bytes).sum();
            snapshotBytes = bytes;
            snapshotMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
            snapshotAtMillis = System.currentTimeMillis();
            LOG.info(
                    "snapshot_taken position={} files={} bytes={} millis={}",
                    snapshot.position(),
                    files.size(),
                    bytes,
                    snapshotMillis);
            done.run(Status.OK());
        } catch (IOException | RuntimeException e) {
            snapshotFailed(done, e);
        } catch (Error e) {
            fail("snapshot failed", e); // Without an answer the engine would never take another one.
        }
    }

    /** With the checksum the engine can leave out what a receiver has already. */
    static void add(SnapshotWriter writer, SnapshotManifest.Entry file) throws IOException {
        LocalFileMeta meta =
                LocalFileMeta.newBuilder().setChecksum(file.crc32c()).build();
        if (!writer.addFile(file.name(), meta)) {
            throw new IOException("snapshot file " + file.name() + " occurs twice");
        }
    }

    private void snapshotFailed(Closure done, Exception e) {
        counters.snapshotsFailed.increment();
        LOG.error("snapshot_failed", e);
        // The engine takes EIO for the end of this member, as it should be after an fsync that failed.
        RaftError error = isDiskFull(e) ? RaftError.ECANCELED : RaftError.EIO;
        done.run(new Status(error, "snapshot failed: %s", e.getMessage()));
    }

    /** Nothing is lost when there is no room for a snapshot: there may be later. Java has no type for it. */
    private static boolean isDiskFull(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (String.valueOf(cause.getMessage()).contains("No space left on device")) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean onSnapshotLoad(SnapshotReader reader) {
        turn.lock();
        restoring = true;
        try {
            var included = reader.load();
            LogPosition logPosition = new LogPosition(included.getLastIncludedIndex(), included.getLastIncludedTerm());
            Path root = Path.of(reader.getPath());
            SnapshotManifest manifest = SnapshotManifest.read(root);
            LogPosition position = manifest.position();
            if (stateMachine.applied().index() < position.index()) {
                Failpoints.disk("install.before_verify");
                manifest.verify(root);
                Failpoints.disk("install.before_restore");
                LogPosition restored = stateMachine.restore(root.resolve(STATE));
                Failpoints.disk("install.after_restore");
                if (restored.index() != position.index()
                        || stateMachine.applied().index() != position.index()) {
                    throw new IOException(
                            "restored state is at " + stateMachine.applied() + ", the snapshot at " + position);
                }
                counters.snapshotsInstalled.increment();
                snapshotAtMillis = System.currentTimeMillis();
                LOG.info("snapshot_restored position={}", position);
            }
            MembershipRecord record = MembershipRecord.read(root);
            if (record == null) {
                throw new IOException(root.resolve(MembershipRecord.FILE) + " is missing");
            }
            membership.install(record);
            EngineStorage current = storage;
            if (current != null) {
                current.snapshotLoaded(logPosition);
            }
            snapshotIndex = logPosition.index();
            bytesSinceSnapshot.set(0);
            entriesSinceSnapshot.set(0);
            applied.advance(logPosition.index());
            return true;
        } catch (Throwable e) {
            fail(
                    "snapshot cannot be restored from " + reader.getPath() + ": " + e.getMessage() + ". "
                            + EngineStorage.REPAIR,
                    e);
            return false;
        } finally {
            restoring = false;
            turn.unlock();
        }
    }

    // ---- leadership ----

    @Override
    public void onLeaderStart(long term) {
        Failpoints.hit("leader.start");
        leaderTerm = term;
        counters.leaderChanges.increment();
        LOG.info("leader_start term={}", term);
    }

    @Override
    public void onLeaderStop(Status status) {
        leaderTerm = 0;
        LOG.info("leader_stop reason=\"{}\"", status.getErrorMsg());
    }

    @Override
    public void onStartFollowing(LeaderChangeContext context) {
        counters.leaderChanges.increment();
        LOG.info("following leader={} term={}", context.getLeaderId(), context.getTerm());
    }

    @Override
    public void onStopFollowing(LeaderChangeContext context) {
        // The next leader, or its absence, is what matters.
    }

    @Override
    public void onConfigurationCommitted(Configuration configuration) {
        membership.voters(Set.copyOf(configuration.getPeers()));
    }

    @Override
    public void onShutdown() {
        leaderTerm = 0;
    }
}
