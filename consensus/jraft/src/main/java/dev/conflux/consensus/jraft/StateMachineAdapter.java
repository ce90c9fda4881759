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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
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

    /** Where the state's files are inside a snapshot, and where it says what they contain. */
    static final String STATE = "state";

    static final String POSITION = "position";

    private final StateMachine stateMachine;
    private final Halt halt;
    private final Counters counters;
    private final Executor snapshots;
    private final AppliedIndex applied;
    private final AtomicBoolean failed = new AtomicBoolean();
    private @Nullable EngineStorage storage; // set once before the engine starts

    /** Held while the state machine works: by the apply thread always, by {@link #passed} now and then. */
    private final ReentrantLock working = new ReentrantLock();

    private volatile long lastPassed;
    private volatile long leaderTerm; // 0 = not leading, or nothing committed in the own term yet
    private volatile long snapshotIndex;

    // Written by the apply thread, read by the snapshot trigger.
    private final AtomicLong bytesSinceSnapshot = new AtomicLong();
    private final AtomicLong entriesSinceSnapshot = new AtomicLong();

    StateMachineAdapter(
            StateMachine stateMachine, Halt halt, Counters counters, Executor snapshots, AppliedIndex applied) {
        this.stateMachine = stateMachine;
        this.halt = halt;
        this.counters = counters;
        this.snapshots = snapshots;
        this.applied = applied;
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

    /** True on a leader that has committed an entry of its own term: its commit index is the cluster's. */
    boolean leads() {
        EngineStorage current = storage;
        long term = leaderTerm;
        // A later term can begin, even as leader again, before the apply thread hears that the earlier one has ended.
        return term != 0 && current != null && term == current.term();
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
        working.lock();
        try {
            apply(iterator);
        } finally {
            working.unlock();
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
                if (position.index() <= reached.index()) {
                    // The state is ahead of the engine's snapshot after a restart. No proposer waits for these.
                    counters.replayedEntries.increment();
                    if (closure != null) {
                        closure.run(new Status(RaftError.EINTERNAL, "already applied"));
                    }
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

    private void flush(List<LogEntry> entries, List<@Nullable Closure> closures, long bytes) {
        if (entries.isEmpty()) {
            return;
        }
        Failpoints.hit("apply.before_batch");
        List<byte[]> results = stateMachine.apply(List.copyOf(entries));
        Failpoints.hit("apply.after_batch");
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
        if (index <= lastPassed || failed.get() || !working.tryLock()) {
            return;
        }
        try {
            if (index > stateMachine.applied().index()) {
                skipped(index);
            }
            lastPassed = index;
        } finally {
            working.unlock();
        }
    }

    private void fail(String reason, @Nullable Throwable cause) {
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
            Failpoints.disk("snapshot.before_begin");
            Path root = Path.of(writer.getPath());
            Path directory = root.resolve(STATE);
            Files.createDirectories(directory);
            bytesSinceSnapshot.set(0);
            entriesSinceSnapshot.set(0);
            StateMachine.Snapshot snapshot = beginSnapshot(directory);
            Failpoints.disk("snapshot.begun");
            snapshots.execute(() -> complete(writer, root, snapshot, done));
        } catch (IOException | RuntimeException e) {
            snapshotFailed(done, e);
        }
    }

    private StateMachine.Snapshot beginSnapshot(Path directory) throws IOException {
        working.lock();
        try {
            return stateMachine.beginSnapshot(directory);
        } finally {
            working.unlock();
        }
    }

    private void complete(SnapshotWriter writer, Path root, StateMachine.Snapshot snapshot, Closure done) {
        try {
            Failpoints.disk("snapshot.before_complete");
            List<String> names = snapshot.complete();
            LogPosition position = snapshot.position();
            Path positionFile = root.resolve(POSITION);
            DurableFiles.replace(positionFile, position.index() + " " + position.term() + "\n");
            add(writer, root, POSITION);
            for (String name : names) {
                Failpoints.disk("snapshot.before_file_sync");
                DurableFiles.syncFile(root.resolve(STATE).resolve(name));
                add(writer, root, STATE + "/" + name);
            }
            DurableFiles.syncDirectory(root.resolve(STATE));
            DurableFiles.syncDirectory(root);
            Failpoints.disk("snapshot.before_done");
            counters.snapshotsTaken.increment();
            done.run(Status.OK());
        } catch (IOException | RuntimeException e) {
            snapshotFailed(done, e);
        } catch (Error e) {
            fail("snapshot failed", e); // Without an answer the engine would never take another one.
        }
    }

    private static void add(SnapshotWriter writer, Path root, String name) throws IOException {
        LocalFileMeta meta = LocalFileMeta.newBuilder()
                .setChecksum(DurableFiles.checksum(root.resolve(name)))
                .build();
        if (!writer.addFile(name, meta)) {
            throw new IOException("snapshot file " + name + " occurs twice");
        }
    }

    private void snapshotFailed(Closure done, Exception e) {
        counters.snapshotsFailed.increment();
        LOG.error("snapshot_failed", e);
        done.run(new Status(RaftError.EIO, "snapshot failed: %s", e.getMessage()));
    }

    @Override
    public boolean onSnapshotLoad(SnapshotReader reader) {
        working.lock();
        try {
            var included = reader.load();
            LogPosition logPosition = new LogPosition(included.getLastIncludedIndex(), included.getLastIncludedTerm());
            Path root = Path.of(reader.getPath());
            LogPosition position = readPosition(root.resolve(POSITION));
            if (stateMachine.applied().index() < position.index()) {
                Failpoints.disk("install.before_verify");
                verify(reader, root);
                Failpoints.disk("install.before_restore");
                LogPosition restored = stateMachine.restore(root.resolve(STATE));
                Failpoints.disk("install.after_restore");
                if (restored.index() != position.index()
                        || stateMachine.applied().index() != position.index()) {
                    throw new IOException(
                            "restored state is at " + stateMachine.applied() + ", the snapshot at " + position);
                }
                counters.snapshotsInstalled.increment();
                LOG.info("snapshot_restored position={}", position);
            }
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
            fail("snapshot cannot be restored from " + reader.getPath() + ": " + e.getMessage(), e);
            return false;
        } finally {
            working.unlock();
        }
    }

    private static LogPosition readPosition(Path file) throws IOException {
        String text = Files.readString(file).trim();
        int space = text.indexOf(' ');
        return new LogPosition(Long.parseLong(text.substring(0, space)), Long.parseLong(text.substring(space + 1)));
    }

    private static void verify(SnapshotReader reader, Path root) throws IOException {
        for (String name : reader.listFiles()) {
            if (reader.getFileMeta(name) instanceof LocalFileMeta meta && meta.hasChecksum()) {
                String checksum = DurableFiles.checksum(root.resolve(name));
                if (!checksum.equals(meta.getChecksum())) {
                    throw new IOException(
                            root.resolve(name) + ": checksum " + checksum + " (expected: " + meta.getChecksum() + ")");
                }
            } else {
                throw new IOException(root.resolve(name) + ": no checksum");
            }
        }
    }

    // ---- leadership ----

    @Override
    public void onLeaderStart(long term) {
        Failpoints.hit("leader.start");
        leaderTerm = term;
        LOG.info("leader_start term={}", term);
    }

    @Override
    public void onLeaderStop(Status status) {
        leaderTerm = 0;
        LOG.info("leader_stop reason=\"{}\"", status.getErrorMsg());
    }

    @Override
    public void onStartFollowing(LeaderChangeContext context) {
        LOG.info("following leader={} term={}", context.getLeaderId(), context.getTerm());
    }

    @Override
    public void onStopFollowing(LeaderChangeContext context) {
        // The next leader, or its absence, is what matters.
    }

    @Override
    public void onConfigurationCommitted(Configuration configuration) {
        // Membership is static for now.
    }

    @Override
    public void onShutdown() {
        leaderTerm = 0;
    }
}
