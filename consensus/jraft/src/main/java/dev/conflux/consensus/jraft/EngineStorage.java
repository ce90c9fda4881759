package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.core.DefaultJRaftServiceFactory;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import com.alipay.sofa.jraft.option.NodeOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import com.alipay.sofa.jraft.storage.RaftMetaStorage;
import com.alipay.sofa.jraft.storage.SnapshotStorage;
import com.alipay.sofa.jraft.storage.impl.RocksDBLogStorage;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotMetaTable;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.LogPosition;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine's own storages, watched: the log keeps the high-water mark in step and is compared with it when opened,
 * before the engine can do anything with it; the vote file tells the current term.
 */
final class EngineStorage extends DefaultJRaftServiceFactory {

    private static final Logger LOG = LoggerFactory.getLogger(EngineStorage.class);

    /** What a person does about a damaged disk; {@code DESIGN.md} says why it is safe. */
    static final String REPAIR = "While the other members are well: stop this node, delete its log, its snapshots and"
            + " its state and nothing else (identity, vote and high-water stay), and start it: it takes no part until it"
            + " has everything from the leader again. A single member must be restored from a backup."
            + " `raft-inspector verify DIR` says what is damaged";

    private final JRaftConfig config;
    private final HighWaterMark mark;
    private final boolean markLost;
    private final boolean onlyMember;
    private final Quarantine quarantine;
    private final LogPosition stateApplied;
    private final Counters counters;
    private final Watchdog watchdog;
    private final AppliedIndex applied;
    private volatile LogPosition durable = LogPosition.ZERO;
    private volatile long term;
    private volatile @Nullable LogStorage log;
    private volatile @Nullable GuardedSnapshotStorage snapshots;
    private volatile Consumer<LogPosition> onDurable = position -> {};
    private volatile LongConsumer appendTime = nanos -> {};

    /**
     * @param markLost true when the mark had to be made anew beside a directory that must have had one
     * @param onlyMember true when nobody else could repair this one
     * @param stateApplied how far the state machine says it is: the log cannot have been shorter
     */
    EngineStorage(
            JRaftConfig config,
            HighWaterMark mark,
            boolean markLost,
            boolean onlyMember,
            Quarantine quarantine,
            LogPosition stateApplied,
            Counters counters,
            Watchdog watchdog,
            AppliedIndex applied) {
        this.config = config;
        this.mark = mark;
        this.markLost = markLost;
        this.onlyMember = onlyMember;
        this.quarantine = quarantine;
        this.stateApplied = stateApplied;
        this.counters = counters;
        this.watchdog = watchdog;
        this.applied = applied;
    }

    /** The last position known to be durable here, in log or snapshot. */
    LogPosition durable() {
        return durable;
    }

    /** Told how many nanoseconds it took to append a batch and make it durable. */
    void appendTime(LongConsumer timer) {
        appendTime = timer;
    }

    /** Told on the log thread after every append: must not block. */
    void onDurable(Consumer<LogPosition> listener) {
        onDurable = listener;
    }

    /** The term in the vote file. */
    long term() {
        return term;
    }

    /** The term of a log entry, if the log (not its cache) has it. */
    @Nullable
    Long termOf(long index) {
        LogStorage current = log;
        LogEntry entry = current == null ? null : current.getEntry(index);
        return entry == null ? null : entry.getId().getTerm();
    }

    /** A leader's snapshot has been restored. */
    void snapshotLoaded(LogPosition snapshot) {
        mark.snapshotLoaded(snapshot);
        if (snapshot.compareTo(durable) > 0) {
            durable = snapshot;
        }
    }

    @Override
    public LogStorage createLogStorage(String uri, RaftOptions raftOptions) {
        var storage = new GuardedLogStorage(uri, raftOptions);
        log = storage;
        return storage;
    }

    @Override
    public RaftMetaStorage createRaftMetaStorage(String uri, RaftOptions raftOptions) {
        return new VoteStorage(
                EngineOptions.raftMetaFile(config.dataDir()),
                mark.position().term(),
                newTerm -> term = newTerm,
                watchdog.vote());
    }

    @Override
    public SnapshotStorage createSnapshotStorage(NodeOptions options) {
        var storage = new GuardedSnapshotStorage(
                EngineOptions.snapshots(config.dataDir()), options.getRaftOptions(), counters);
        snapshots = storage;
        return storage;
    }

    /** True while a leader's snapshot is being fetched. */
    boolean fetchingSnapshot() {
        GuardedSnapshotStorage current = snapshots;
        return current != null && current.fetching();
    }

    private void judge(LogPosition lastOfLog) throws IOException {
        LogPosition snapshot = newestSnapshot(EngineOptions.snapshots(config.dataDir()));
        LogPosition have = max(lastOfLog, snapshot);
        LogPosition unfinished = Quarantine.unfinished(config.dataDir());
        LogPosition want = max(max(mark.position(), stateApplied), unfinished == null ? LogPosition.ZERO : unfinished);
        durable = have;
        if (markLost) {
            quarantine.close(
                    want,
                    "the high-water mark was missing or damaged; whether the log (" + have + ") is whole is unknown;"
                            + " see `raft-inspector verify " + config.dataDir() + "`");
        } else if (have.compareTo(want) < 0) {
            quarantine.close(
                    want,
                    "the log and snapshot reach " + have + ", but this node once reached " + want
                            + " (damaged disk?); see `raft-inspector verify " + config.dataDir() + "`");
        } else if (unfinished != null) {
            quarantine.close(
                    want,
                    "this node ended before it had everything from the leader again; the log and snapshot reach "
                            + have);
        } else {
            if (have.compareTo(mark.position()) > 0) {
                mark.reached(have); // a snapshot was installed, or a power failure took the newest mark
            }
            quarantine.open();
        }
        if (quarantine.active() && onlyMember) {
            throw new IdentityException("the only member is damaged: " + quarantine.reason()
                    + ". Nobody can repair it; restore " + config.dataDir() + " and " + config.logDir()
                    + " from a backup");
        }
    }

    static LogPosition max(LogPosition a, LogPosition b) {
        return a.compareTo(b) >= 0 ? a : b;
    }

    static LogPosition newestSnapshot(Path directory) throws IOException {
        LogPosition newest = LogPosition.ZERO;
        for (Path snapshot : snapshotDirectories(directory)) {
            Path meta = snapshot.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE);
            try {
                if (Files.exists(meta)) {
                    var included = snapshotTable(snapshot).getMeta();
                    newest = max(
                            newest, new LogPosition(included.getLastIncludedIndex(), included.getLastIncludedTerm()));
                }
            } catch (IOException | RuntimeException e) {
                throw new IOException(meta + " is damaged (" + e.getMessage() + "). " + REPAIR, e);
            }
        }
        return newest;
    }

    /** When the newest snapshot was put there, Unix milliseconds; 0 = there is none. */
    static long newestSnapshotMillis(Path directory) throws IOException {
        long newest = 0;
        if (Files.isDirectory(directory)) {
            try (Stream<Path> entries = Files.list(directory)) {
                for (Path entry : entries.toList()) {
                    if (String.valueOf(entry.getFileName()).startsWith(Snapshot.JRAFT_SNAPSHOT_PREFIX)) {
                        newest = Math.max(
                                newest, Files.getLastModifiedTime(entry).toMillis());
                    }
                }
            }
        }
        return newest;
    }

    /** All finished snapshots below the given directory. */
    static List<Path> snapshotDirectories(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.filter(path -> String.valueOf(path.getFileName()).startsWith(Snapshot.JRAFT_SNAPSHOT_PREFIX))
                    .sorted()
                    .toList();
        }
    }

    /**
     * Reads a snapshot's list of files and what it includes.
     *
     * @throws IOException when it cannot be read, or says something else than when it was written
     */
    static LocalSnapshotMetaTable snapshotTable(Path snapshot) throws IOException {
        Path meta = snapshot.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE);
        checkLengths(meta);
        var table = new LocalSnapshotMetaTable(EngineOptions.raftOptions());
        if (!table.loadFromFile(meta.toString()) || !table.hasMeta()) {
            throw new IOException(meta + ": cannot be read");
        }
        SnapshotSeal.verify(snapshot, table.getMeta());
        return table;
    }

    /** The engine makes room for whatever lengths its file gives: length, message name, length, message. */
    private static void checkLengths(Path file) throws IOException {
        long size = Files.size(file);
        try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            int name = size < Limits.MAX_SNAPSHOT_META_BYTES ? in.readInt() : -1;
            if (name > 0 && name < size) {
                in.skipNBytes(name);
                if (in.readInt() == size - 2 * Integer.BYTES - name) {
                    return;
                }
            }
            throw new IOException(file + ": its lengths do not fit its " + size + " bytes");
        }
    }

    /** Called by the engine's log thread only, apart from reads. */
    private final class GuardedLogStorage extends RocksDBLogStorage {

        private final RecentEntries recent = new RecentEntries(Limits.RECENT_ENTRIES_BYTES);

        GuardedLogStorage(String path, RaftOptions raftOptions) {
            super(path, raftOptions);
        }

        @Override
        public boolean init(LogStorageOptions options) {
            if (!super.init(options)) {
                return false;
            }
            try {
                Failpoints.hit("log.opened");
                judge(position(getLastLogIndex()));
            } catch (IOException e) {
                throw new IllegalStateException("snapshots in " + config.dataDir() + " cannot be read", e);
            }
            return true;
        }

        @Override
        public boolean appendEntry(LogEntry entry) {
            watchdog.log().begin();
            try {
                boolean appended = super.appendEntry(entry);
                if (appended) {
                    recent.written(entry);
                    advanced(entry.getId());
                }
                return appended;
            } finally {
                watchdog.log().end();
            }
        }

        @Override
        public int appendEntries(@Nullable List<LogEntry> entries) {
            watchdog.log().begin();
            try {
                long begin = System.nanoTime();
                Failpoints.hit("log.before_append");
                int appended = super.appendEntries(entries);
                Failpoints.hit("log.after_append");
                appendTime.accept(System.nanoTime() - begin);
                if (entries != null && appended > 0) {
                    LogEntry newest = entries.get(appended - 1);
                    recent.written(newest);
                    advanced(newest.getId());
                }
                return appended;
            } finally {
                watchdog.log().end();
            }
        }

        private void advanced(LogId id) {
            if (id.getTerm() == 0) {
                return; // The engine's placeholder after a reset, not an entry that anybody acknowledged.
            }
            LogPosition position = new LogPosition(id.getIndex(), id.getTerm());
            durable = position;
            mark.reached(position);
            onDurable.accept(position);
        }

        @Override
        public boolean truncateSuffix(long lastIndexKept) {
            watchdog.log().begin();
            try {
                LogPosition kept = position(lastIndexKept);
                if (kept.equals(LogPosition.ZERO) && lastIndexKept > 0) {
                    kept = atSnapshot(lastIndexKept);
                }
                keepOrRefuse(lastIndexKept);
                Failpoints.hit("log.before_lower_mark");
                mark.lower(kept);
                Failpoints.hit("log.before_truncate");
                durable = kept;
                recent.clear();
                return super.truncateSuffix(lastIndexKept);
            } finally {
                recent.clear();
                watchdog.log().end();
            }
        }

        @Override
        public boolean truncatePrefix(long firstIndexKept) {
            recent.clear();
            try {
                return super.truncatePrefix(firstIndexKept);
            } finally {
                recent.clear();
            }
        }

        @Override
        public @Nullable LogEntry getEntry(long index) {
            LogEntry known = recent.get(index);
            if (known != null) {
                return known;
            }
            long generation = recent.generation();
            LogEntry read = super.getEntry(index);
            return read == null ? null : recent.read(read, generation);
        }

        @Override
        public boolean reset(long nextLogIndex) {
            watchdog.log().begin();
            try {
                Failpoints.hit("log.before_reset");
                mark.reset(nextLogIndex);
                durable = mark.position();
                recent.clear();
                return super.reset(nextLogIndex);
            } finally {
                recent.clear();
                watchdog.log().end();
            }
        }

        /**
         * A leader without entries that this node has applied has lost acknowledged writes: whatever happened there,
         * they must not be erased here too. Others were never acknowledged; a copy is kept for whoever doubts it.
         */
        private void keepOrRefuse(long lastIndexKept) {
            long last = getLastLogIndex();
            if (lastIndexKept < applied.get()) {
                throw new IllegalStateException("the leader's log contradicts entries " + (lastIndexKept + 1) + " to "
                        + applied.get() + ", which this node has applied: it has lost acknowledged writes. Stop all"
                        + " members, and compare them with `raft-inspector compare` before one is started again");
            }
            try {
                Path copy = CutSuffix.keep(config.dataDir(), lastIndexKept + 1, last, this::getEntry);
                LOG.warn("log_suffix_cut first={} last={} copy={}", lastIndexKept + 1, last, copy);
            } catch (IOException e) {
                throw new IllegalStateException(
                        "the log's suffix from " + (lastIndexKept + 1) + " cannot be copied", e);
            }
        }

        private LogPosition position(long index) {
            LogEntry entry = index > 0 ? getEntry(index) : null;
            return entry == null
                    ? LogPosition.ZERO
                    : new LogPosition(index, entry.getId().getTerm());
        }

        /** The entry before the first one kept in the log: only the snapshot knows its term. */
        private LogPosition atSnapshot(long index) {
            try {
                LogPosition snapshot = newestSnapshot(EngineOptions.snapshots(config.dataDir()));
                return snapshot.index() == index ? snapshot : LogPosition.ZERO;
            } catch (IOException e) {
                return LogPosition.ZERO;
            }
        }
    }
}
