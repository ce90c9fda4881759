package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.LocalFileMetaOutter.LocalFileMeta;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotMetaTable;
import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.rocksdb.Options;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReader;
import org.rocksdb.WALRecoveryMode;

/**
 * The directories of a stopped member, or a copy of them, read without starting anything and without writing a byte.
 * What is damaged becomes a {@link Finding}; the rest is shown all the same. Used by one thread.
 *
 * <p>While it is open, no member can start on the directory: it holds the lock file in shared mode, if there is one.
 */
public final class OfflineDirectory implements AutoCloseable {

    /** How bad a {@link Finding} is. */
    public enum Severity {
        /** Worth knowing; nothing that the member acknowledged is missing. */
        NOTE,
        /** Wrong bytes, or something missing. */
        DAMAGE
    }

    /**
     * Something that is not as it should be.
     *
     * @param file the file or directory that it is about
     * @param what is wrong with it, a sentence without its subject
     */
    public record Finding(Severity severity, Path file, String what) {}

    /**
     * Who the directory is.
     *
     * @param clusterId empty until it is a member
     * @param clusterEpoch 0 until it is a member; +1 each time the cluster is founded again
     */
    public record Who(String clusterName, String clusterId, long clusterEpoch, int nodeId, String storageId) {}

    /**
     * Who is who, as replicated.
     *
     * @param since the last change in it; zero = as founded
     * @param featureLevel what the whole cluster may use
     * @param removed ids that may never come back
     * @param change the one in progress; empty = none
     */
    public record Register(
            LogPosition since,
            long clusterEpoch,
            int featureLevel,
            SortedMap<Integer, Registered> members,
            SortedSet<Integer> removed,
            String change) {}

    /**
     * A member in the register.
     *
     * @param address for peers, {@code host:port}
     */
    public record Registered(String address, String storageId) {}

    /**
     * What the member promised.
     *
     * @param votedFor address of the candidate it voted for in {@code term}; empty = nobody
     */
    public record Vote(long term, String votedFor) {}

    /**
     * The log's extent.
     *
     * @param firstIndex 0 when the log is empty
     * @param last the last entry; {@link LogPosition#ZERO} when the log is empty
     */
    public record LogExtent(long firstIndex, LogPosition last) {}

    /**
     * A snapshot.
     *
     * @param includes the last log entry in it, as the engine knows it
     * @param state where the state's files are
     * @param statePosition the position of the last command in the state; absent when unreadable
     * @param voters addresses of the voters as of {@code includes}
     * @param files path below {@code directory} to CRC-32C, eight hexadecimal digits; empty = none recorded
     */
    public record SnapshotInfo(
            Path directory,
            LogPosition includes,
            Path state,
            Optional<LogPosition> statePosition,
            List<String> voters,
            List<String> learners,
            Map<String, String> files) {
        public SnapshotInfo {
            voters = List.copyOf(voters);
            learners = List.copyOf(learners);
            files = Map.copyOf(files);
        }
    }

    /**
     * The membership in force: the newest one in the log, else the newest snapshot's.
     *
     * @param since the entry or snapshot that says so
     */
    public record Voters(LogPosition since, List<String> voters, List<String> learners, List<String> oldVoters) {}

    private final Path dataDir;
    private final Path logDir;
    private final @Nullable DirectoryLock lock;
    private final List<Finding> findings = new ArrayList<>();
    private final Optional<Who> who;
    private final Optional<Register> register;
    private final Optional<Vote> vote;
    private final Optional<LogPosition> highWater;
    private final List<SnapshotInfo> snapshots;
    private final @Nullable OfflineLog log;
    private final LogExtent extent;
    private final Optional<Voters> voters;

    private OfflineDirectory(Path dataDir, Path logDir, @Nullable DirectoryLock lock) throws IOException {
        this.dataDir = dataDir;
        this.logDir = logDir;
        this.lock = lock;
        this.who = readIdentity();
        this.register = readRegister();
        this.vote = readVote();
        this.highWater = readMark();
        this.snapshots = readSnapshots();
        OfflineLog opened = openLog();
        LogExtent readExtent = new LogExtent(0, LogPosition.ZERO);
        Optional<Voters> readVoters = Optional.empty();
        if (opened != null) {
            try {
                readExtent = extent(opened);
                readVoters = voters(opened.membership());
            } catch (RocksDBException e) {
                opened.close();
                opened = null;
                damage(logDir, "cannot be read: " + e.getMessage());
            }
        }
        this.log = opened;
        this.extent = readExtent;
        this.voters = readVoters.or(this::votersOfSnapshot);
        compareWithMark();
    }

    /**
     * Opens the directories.
     *
     * @param dataDir where identity, vote, mark and snapshots are
     * @param logDir where the log is
     * @throws IdentityException when a process has the directory in use; copy it and read the copy, or stop the process
     * @throws IOException when {@code dataDir} is no member's directory at all
     */
    public static OfflineDirectory open(Path dataDir, Path logDir) throws IOException {
        if (!Files.isDirectory(dataDir)) {
            throw new IOException(dataDir + ": no such directory");
        }
        if (!Files.exists(dataDir.resolve(Identity.FILE))
                && !Files.exists(dataDir.resolve(HighWaterMark.FILE))
                && !Files.exists(EngineOptions.raftMetaFile(dataDir))) {
            throw new IOException(dataDir + ": no member's directory (expected: " + Identity.FILE + ", "
                    + HighWaterMark.FILE + " or "
                    + dataDir.relativize(EngineOptions.raftMetaFile(dataDir)) + " in it)");
        }
        DirectoryLock lock = DirectoryLock.share(dataDir);
        return open(dataDir, logDir, lock);
    }

    /** For somebody who has acquired the directory. */
    static OfflineDirectory unlocked(Path dataDir, Path logDir) throws IOException {
        return open(dataDir, logDir, null);
    }

    private static OfflineDirectory open(Path dataDir, Path logDir, @Nullable DirectoryLock lock) throws IOException {
        OfflineDirectory directory = null;
        try {
            directory = new OfflineDirectory(dataDir, logDir, lock);
            return directory;
        } finally {
            if (directory == null && lock != null) {
                lock.close();
            }
        }
    }

    public Path dataDir() {
        return dataDir;
    }

    public Path logDir() {
        return logDir;
    }

    public Optional<Who> who() {
        return who;
    }

    public Optional<Register> register() {
        return register;
    }

    public Optional<Vote> vote() {
        return vote;
    }

    /** How far the log once reached. */
    public Optional<LogPosition> highWater() {
        return highWater;
    }

    public LogExtent log() {
        return extent;
    }

    /** Oldest first. */
    public List<SnapshotInfo> snapshots() {
        return snapshots;
    }

    public Optional<Voters> voters() {
        return voters;
    }

    /** The end of what the member has: of its log or its newest snapshot, whichever is later in Raft's order. */
    public LogPosition end() {
        LogPosition snapshot =
                snapshots.isEmpty() ? LogPosition.ZERO : snapshots.getLast().includes();
        return EngineStorage.max(extent.last(), snapshot);
    }

    /** What was found wrong when the directories were opened. */
    public List<Finding> findings() {
        return List.copyOf(findings);
    }

    /**
     * Visits log entries in order of their index.
     *
     * @param from inclusive
     * @param to inclusive
     * @param visitor returns whether to go on
     */
    public void entries(long from, long to, Predicate<OfflineEntry> visitor) throws IOException {
        if (log == null) {
            return;
        }
        try {
            log.entries(
                    Math.max(from, extent.firstIndex()),
                    Math.min(to, extent.last().index()),
                    visitor);
        } catch (RocksDBException e) {
            throw OfflineLog.failure(logDir, e);
        }
    }

    /** The entry's term; 0 when the log does not hold it. */
    public long termOf(long index) throws IOException {
        if (log == null || index < extent.firstIndex()) {
            return 0;
        }
        try {
            OfflineEntry entry = log.entry(index);
            return entry == null ? 0 : entry.position().term();
        } catch (RocksDBException e) {
            throw OfflineLog.failure(logDir, e);
        }
    }

    /**
     * Reads everything and checks every checksum: the log's files and each entry, the snapshots' files. May take as long
     * as reading the directory does.
     *
     * @return {@link #findings} and what was found on top
     */
    public List<Finding> verify() {
        var before = List.copyOf(findings);
        try {
            verifyWriteAhead();
            verifyTables();
            verifyEntries();
            for (SnapshotInfo snapshot : snapshots) {
                verifySnapshot(snapshot);
            }
            return List.copyOf(findings);
        } finally {
            findings.clear();
            findings.addAll(before);
        }
    }

    // ---- small files ----

    private Optional<Who> readIdentity() {
        Path file = dataDir.resolve(Identity.FILE);
        try {
            Identity identity = Identity.read(dataDir);
            if (identity == null) {
                damage(file, "is missing: nobody knows which member of which cluster this is");
                return Optional.empty();
            }
            return Optional.of(new Who(
                    identity.clusterName(),
                    identity.clusterId(),
                    identity.clusterEpoch(),
                    identity.nodeId(),
                    identity.storageId()));
        } catch (IOException | RuntimeException e) {
            damage(file, reason(file, e));
            return Optional.empty();
        }
    }

    private Optional<Register> readRegister() {
        Path file = dataDir.resolve(MembershipRecord.FILE);
        try {
            MembershipRecord record = MembershipRecord.read(dataDir);
            if (record == null) {
                if (who.isPresent() && !who.get().clusterId().isEmpty()) {
                    damage(file, "is missing: nobody knows who the other members are");
                }
                return Optional.empty();
            }
            if (who.isPresent() && who.get().clusterEpoch() != record.clusterEpoch()) {
                damage(
                        file,
                        "is of epoch " + record.clusterEpoch() + ", the identity of epoch "
                                + who.get().clusterEpoch() + ": force-new-cluster was interrupted; do it again");
            }
            var members = new TreeMap<Integer, Registered>();
            record.members()
                    .forEach((id, member) -> members.put(id, new Registered(member.address(), member.storageId())));
            return Optional.of(new Register(
                    record.position(),
                    record.clusterEpoch(),
                    record.featureLevel(),
                    members,
                    record.removed(),
                    record.change()
                            .map(change -> change.kind() + " node " + change.member())
                            .orElse("")));
        } catch (IOException | RuntimeException e) {
            damage(file, reason(file, e));
            return Optional.empty();
        }
    }

    private Optional<Vote> readVote() {
        Path file = EngineOptions.raftMetaFile(dataDir);
        try {
            if (!Files.exists(file)) {
                damage(file, "is missing: with it, what this member voted for");
                return Optional.empty();
            }
            VoteStorage.Vote read = VoteStorage.read(file);
            return Optional.of(new Vote(
                    read.term(),
                    String.join(
                            "", OfflineLog.addresses(read.votedFor().isEmpty() ? null : List.of(read.votedFor())))));
        } catch (IOException | RuntimeException e) {
            damage(file, reason(file, e));
            return Optional.empty();
        }
    }

    private Optional<LogPosition> readMark() throws IOException {
        Path file = dataDir.resolve(HighWaterMark.FILE);
        LogPosition mark = HighWaterMark.read(dataDir);
        if (mark == null) {
            damage(
                    file,
                    Files.exists(file)
                            ? "is damaged (neither of its two pages is whole): whether the log is whole is unknown"
                            : "is missing: whether the log is whole is unknown");
        }
        Path quarantine = dataDir.resolve(Quarantine.FILE);
        try {
            LogPosition unfinished = Quarantine.unfinished(dataDir);
            if (unfinished != null) {
                damage(
                        quarantine,
                        "this member was in quarantine: it may lack what it acknowledged, up to " + unfinished);
                mark = EngineStorage.max(unfinished, mark == null ? LogPosition.ZERO : mark);
            }
        } catch (IOException | RuntimeException e) {
            damage(quarantine, reason(quarantine, e));
        }
        return Optional.ofNullable(mark);
    }

    private void compareWithMark() {
        LogPosition mark = highWater.orElse(LogPosition.ZERO);
        if (end().compareTo(mark) < 0) {
            damage(
                    logDir,
                    "log and snapshots reach " + end() + ", but this member once reached " + mark
                            + ": what it acknowledged is missing");
        }
        vote.ifPresent(read -> {
            if (read.term() < Math.max(mark.term(), end().term())) {
                damage(
                        EngineOptions.raftMetaFile(dataDir),
                        "is of term " + read.term() + ", but this member has taken part in term "
                                + Math.max(mark.term(), end().term()) + " (an old copy?)");
            }
        });
    }

    // ---- log ----

    private @Nullable OfflineLog openLog() throws IOException {
        if (DurableFiles.isEmptyOrAbsent(logDir)) {
            if (!highWater.orElse(LogPosition.ZERO).equals(LogPosition.ZERO)) {
                damage(logDir, "is missing or empty");
            }
            return null;
        }
        try {
            return OfflineLog.open(logDir, WALRecoveryMode.PointInTimeRecovery);
        } catch (RocksDBException e) {
            damage(logDir, "cannot be opened: " + e.getMessage());
            return null;
        }
    }

    private static LogExtent extent(OfflineLog log) throws RocksDBException {
        long last = log.last();
        OfflineEntry entry = last == 0 ? null : log.entry(last);
        return entry == null ? new LogExtent(0, LogPosition.ZERO) : new LogExtent(log.first(), entry.position());
    }

    private static Optional<Voters> voters(OfflineEntry.@Nullable Membership entry) {
        return Optional.ofNullable(entry)
                .map(found -> new Voters(found.position(), found.voters(), found.learners(), found.oldVoters()));
    }

    private Optional<Voters> votersOfSnapshot() {
        return snapshots.isEmpty()
                ? Optional.empty()
                : Optional.of(new Voters(
                        snapshots.getLast().includes(),
                        snapshots.getLast().voters(),
                        snapshots.getLast().learners(),
                        List.of()));
    }

    private void verifyWriteAhead() {
        if (log == null) {
            return;
        }
        try {
            OfflineLog.open(logDir, WALRecoveryMode.AbsoluteConsistency).close();
        } catch (RocksDBException e) {
            locate(String.valueOf(e.getMessage()));
        }
    }

    /** Names the file and the place; RocksDB says only what it is. */
    private void locate(String what) {
        int before = findings.size();
        try (Stream<Path> files = Files.list(logDir)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".log"))
                    .sorted()
                    .toList()) {
                WriteAheadFile.BadRecord bad = WriteAheadFile.firstBad(file);
                if (bad == null) {
                    continue;
                }
                boolean harmless = bad.last() && end().compareTo(highWater.orElse(LogPosition.ZERO)) >= 0;
                findings.add(new Finding(
                        harmless ? Severity.NOTE : Severity.DAMAGE,
                        file,
                        bad.what() + " at byte " + bad.offset() + " of " + Files.size(file)
                                + (harmless
                                        ? ", an interrupted write; the log reaches the high-water mark without it"
                                        : "; a start would read nothing from there on")));
            }
        } catch (IOException e) {
            damage(logDir, reason(logDir, e));
        }
        if (findings.size() == before) {
            damage(logDir, what);
        }
    }

    private void verifyTables() {
        if (log == null) {
            return;
        }
        for (Path table : log.tables()) {
            try (var options = new Options();
                    var reader = new SstFileReader(options)) {
                reader.open(table.toString());
                reader.verifyChecksum();
            } catch (RocksDBException e) {
                damage(table, String.valueOf(e.getMessage()));
            }
        }
    }

    private void verifyEntries() {
        if (log == null) {
            return;
        }
        var expected = new long[] {extent.firstIndex(), 0}; // the next index, the last term
        try {
            log.entries(extent.firstIndex(), Long.MAX_VALUE, entry -> {
                LogPosition position = entry.position();
                if (position.index() != expected[0]) {
                    damage(logDir, "entries " + expected[0] + " to " + (position.index() - 1) + " are missing");
                }
                expected[0] = position.index() + 1;
                if (entry instanceof OfflineEntry.Unreadable unreadable) {
                    damage(logDir, "entry " + position.index() + " is damaged: " + unreadable.reason());
                } else if (position.term() < expected[1]) {
                    damage(logDir, "entry " + position + " follows one of term " + expected[1]);
                }
                expected[1] = Math.max(expected[1], position.term());
                return true;
            });
        } catch (RocksDBException e) {
            damage(logDir, "cannot be read after entry " + (expected[0] - 1) + ": " + e.getMessage());
        }
        LogPosition snapshot =
                snapshots.isEmpty() ? LogPosition.ZERO : snapshots.getLast().includes();
        if (extent.firstIndex() > snapshot.index() + 1) {
            damage(
                    logDir,
                    "begins with entry " + extent.firstIndex() + ", the newest readable snapshot ends with "
                            + snapshot.index());
        }
    }

    // ---- snapshots ----

    private List<SnapshotInfo> readSnapshots() throws IOException {
        Path directory = EngineOptions.snapshots(dataDir);
        var found = new ArrayList<SnapshotInfo>();
        for (Path snapshot : EngineStorage.snapshotDirectories(directory)) {
            Path meta = snapshot.resolve(Snapshot.JRAFT_SNAPSHOT_META_FILE);
            try {
                found.add(read(snapshot));
            } catch (IOException | RuntimeException e) {
                damage(meta, reason(meta, e));
            }
        }
        found.sort((a, b) -> a.includes().compareTo(b.includes()));
        return List.copyOf(found);
    }

    private static SnapshotInfo read(Path directory) throws IOException {
        LocalSnapshotMetaTable table = EngineStorage.snapshotTable(directory);
        var files = new TreeMap<String, String>();
        for (String name : table.listFiles()) {
            LocalFileMeta file = table.getFileMeta(name);
            files.put(name, file.hasChecksum() ? file.getChecksum() : "");
        }
        Optional<LogPosition> position;
        try {
            position = Optional.of(SnapshotManifest.read(directory).position());
        } catch (IOException | RuntimeException e) {
            position = Optional.empty(); // its checksum tells
        }
        var included = table.getMeta();
        return new SnapshotInfo(
                directory,
                new LogPosition(included.getLastIncludedIndex(), included.getLastIncludedTerm()),
                directory.resolve(StateMachineAdapter.STATE),
                position,
                included.getPeersList(),
                included.getLearnersList(),
                files);
    }

    private void verifySnapshot(SnapshotInfo snapshot) {
        Path manifest = snapshot.directory().resolve(SnapshotManifest.FILE);
        try {
            for (SnapshotManifest.Entry file :
                    SnapshotManifest.read(snapshot.directory()).files()) {
                if (!file.crc32c().equals(snapshot.files().get(file.name()))) {
                    damage(manifest, file.name() + " has another checksum in " + Snapshot.JRAFT_SNAPSHOT_META_FILE);
                }
            }
        } catch (IOException e) {
            damage(manifest, reason(manifest, e));
        }
        snapshot.files().forEach((name, expected) -> {
            Path file = snapshot.directory().resolve(name);
            try {
                if (!Files.isRegularFile(file)) {
                    damage(file, "is missing");
                } else if (expected.isEmpty()) {
                    damage(file, "has no recorded checksum");
                } else {
                    String actual = DurableFiles.checksum(file);
                    if (!actual.equals(expected)) {
                        damage(
                                file,
                                "has checksum " + actual + " (expected: " + expected + "; " + Files.size(file)
                                        + " bytes)");
                    }
                }
            } catch (IOException e) {
                damage(file, reason(file, e));
            }
        });
        try (Stream<Path> there = Files.walk(snapshot.directory())) {
            there.filter(Files::isRegularFile)
                    .filter(file -> !file.getFileName().toString().equals(Snapshot.JRAFT_SNAPSHOT_META_FILE))
                    .filter(file -> !snapshot.files()
                            .containsKey(snapshot.directory().relativize(file).toString()))
                    .forEach(file -> findings.add(new Finding(Severity.NOTE, file, "belongs to no snapshot")));
        } catch (IOException e) {
            damage(snapshot.directory(), reason(snapshot.directory(), e));
        }
    }

    private void damage(Path file, String what) {
        findings.add(new Finding(Severity.DAMAGE, file, what));
    }

    /** The message without the file's name in front, which the finding has already. */
    private static String reason(Path file, Exception e) {
        String message = String.valueOf(e.getMessage());
        String name = file.toString();
        String rest = message.startsWith(name) ? message.substring(name.length()) : message;
        return rest.startsWith(": ") ? rest.substring(2) : rest.strip();
    }

    @Override
    public void close() throws IOException {
        if (log != null) {
            log.close();
        }
        if (lock != null) {
            lock.close();
        }
    }
}
