package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.conf.ConfigurationManager;
import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.codec.v2.LogEntryV2CodecFactory;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import com.alipay.sofa.jraft.storage.impl.RocksDBLogStorage;
import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Founds a cluster again from one stopped survivor, as a cluster of one, under the same id and the next epoch: for when a
 * majority is lost for good. Everything in the survivor's log becomes the truth, acknowledged or not; whatever only the
 * others had is lost. The others are fenced: their ids are dead, and their epoch is refused by every handshake.
 *
 * <p>Interrupted at any point, the directory refuses to start until it has been done again: the membership record, by
 * which a start tells, is written last. Used by one thread.
 */
public final class FoundingAgain implements AutoCloseable {

    /**
     * What is going to happen, or has.
     *
     * @param lost address of each other member, by node id; none of them can come back under its id
     * @param end the last entry that the survivor has
     * @param position of the last entry after the founding
     * @param copies where what is replaced is kept: small files, then the log
     */
    public record Plan(
            int nodeId,
            String address,
            String clusterId,
            long oldEpoch,
            long newEpoch,
            SortedMap<Integer, String> lost,
            LogPosition end,
            LogPosition position,
            List<Path> copies) {}

    private final Path dataDir;
    private final Path logDir;
    private final DirectoryLock lock;
    private final Identity identity;
    private final MembershipRecord membership;
    private final MembershipRecord founded;
    private final PeerId self;
    private final LogPosition snapshot;
    private final LogPosition lastOfLog;
    private final Plan plan;

    private FoundingAgain(Path dataDir, Path logDir, DirectoryLock lock) throws IOException {
        this.dataDir = dataDir;
        this.logDir = logDir;
        this.lock = lock;
        this.identity = required(Identity.read(dataDir), Identity.FILE);
        this.membership = required(MembershipRecord.read(dataDir), MembershipRecord.FILE);
        int nodeId = identity.nodeId();
        MembershipRecord.Entry own = membership.members().get(nodeId);
        if (!identity.initialised() || own == null) {
            throw new IdentityException(dataDir + ": node " + nodeId + " does not belong to a cluster; there is nothing"
                    + " to found again");
        }
        this.self = PeerAddress.parse(own.address()).peerId();
        LogPosition mark = Optional.ofNullable(HighWaterMark.read(dataDir)).orElse(LogPosition.ZERO);
        long votedIn;
        LogPosition end;
        try (OfflineDirectory offline = OfflineDirectory.unlocked(dataDir, logDir)) {
            snapshot = offline.snapshots().isEmpty()
                    ? LogPosition.ZERO
                    : offline.snapshots().getLast().includes();
            lastOfLog = offline.log().last();
            end = offline.end();
            votedIn = offline.vote().map(OfflineDirectory.Vote::term).orElse(0L);
        }
        if (end.equals(LogPosition.ZERO)) {
            throw new IdentityException(
                    dataDir + " and " + logDir + " hold no entry and no snapshot: there is nothing to" + " go on from");
        }
        long term = Math.max(votedIn, Math.max(end.term(), mark.term())) + 1;
        LogPosition recordAt = new LogPosition(end.index() + 1, term);
        long epoch = Math.max(identity.clusterEpoch(), membership.clusterEpoch()) + 1;
        var lost = new TreeMap<Integer, String>();
        membership.members().forEach((id, member) -> lost.put(id, member.address()));
        lost.remove(nodeId);
        var removed = new TreeSet<>(membership.removed());
        removed.addAll(lost.keySet());
        var alone = new TreeMap<Integer, MembershipRecord.Entry>();
        alone.put(nodeId, own);
        this.founded = new MembershipRecord(
                recordAt, membership.clusterId(), epoch, membership.featureLevel(), Optional.empty(), removed, alone);
        String suffix = "before-epoch-" + epoch;
        this.plan = new Plan(
                nodeId,
                own.address(),
                membership.clusterId(),
                membership.clusterEpoch(),
                epoch,
                lost,
                end,
                new LogPosition(recordAt.index() + 1, term),
                List.of(dataDir.resolve(suffix), logDir.resolveSibling(logDir.getFileName() + "." + suffix)));
    }

    /**
     * Looks, and takes the directory so that no process can start on it.
     *
     * @throws IdentityException when a process has it in use, or there is nothing to go on from
     */
    public static FoundingAgain prepare(Path dataDir, Path logDir) throws IOException {
        DirectoryLock lock = DirectoryLock.acquire(dataDir);
        FoundingAgain prepared = null;
        try {
            prepared = new FoundingAgain(dataDir, logDir, lock);
            return prepared;
        } finally {
            if (prepared == null) {
                lock.close();
            }
        }
    }

    /** What {@link #execute} will do. */
    public Plan plan() {
        return plan;
    }

    /** Does it. Everything is durable when this returns. */
    public void execute() throws IOException {
        copy();
        new Identity(identity.clusterName(), identity.nodeId(), identity.storageId(), plan.clusterId(), plan.newEpoch())
                .write(dataDir);
        append();
        vote();
        raiseMark();
        Quarantine.end(dataDir); // What it lacks, nobody has.
        founded.write(dataDir);
    }

    private void copy() throws IOException {
        Path files = plan.copies().getFirst();
        DurableFiles.createDirectories(files);
        for (Path file : List.of(
                dataDir.resolve(Identity.FILE),
                dataDir.resolve(MembershipRecord.FILE),
                dataDir.resolve(HighWaterMark.FILE),
                dataDir.resolve(Quarantine.FILE),
                EngineOptions.raftMetaFile(dataDir))) {
            if (Files.exists(file)) {
                Files.copy(file, files.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
                DurableFiles.syncFile(files.resolve(file.getFileName()));
            }
        }
        DurableFiles.syncDirectory(files);
        Path log = plan.copies().getLast();
        DurableFiles.createDirectories(log);
        try (Stream<Path> listed = Files.isDirectory(logDir) ? Files.list(logDir) : Stream.empty()) {
            for (Path file : listed.filter(Files::isRegularFile).toList()) {
                Path copy = log.resolve(file.getFileName());
                Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
                DurableFiles.syncFile(copy);
            }
        }
        DurableFiles.syncDirectory(log);
    }

    /** Two entries by nobody's leave: who is who, for our record, and who votes, for the engine. */
    private void append() throws IOException {
        EngineOptions.registerStorageOptions();
        var storage = new RocksDBLogStorage(logDir.toString(), EngineOptions.raftOptions());
        var options = new LogStorageOptions();
        options.setGroupId(EngineOptions.GROUP);
        options.setConfigurationManager(new ConfigurationManager());
        options.setLogEntryCodecFactory(LogEntryV2CodecFactory.getInstance());
        if (!storage.init(options)) {
            throw new IOException(logDir + ": cannot be opened for writing");
        }
        try {
            if (snapshot.index() > lastOfLog.index() && !storage.reset(snapshot.index() + 1)) {
                throw new IOException(logDir + ": cannot be set to begin after the snapshot, " + snapshot);
            }
            var record = new LogEntry(EntryType.ENTRY_TYPE_DATA);
            record.setId(
                    new LogId(founded.position().index(), founded.position().term()));
            record.setData(new Envelope(
                            Envelope.Kind.MEMBERSHIP,
                            System.currentTimeMillis(),
                            new MembershipEntry.FoundedAgain(founded).encode())
                    .encode());
            var voters = new LogEntry(EntryType.ENTRY_TYPE_CONFIGURATION);
            voters.setId(new LogId(plan.position().index(), plan.position().term()));
            voters.setPeers(List.of(self));
            for (LogEntry entry : List.of(record, voters)) {
                entry.setChecksum(entry.checksum());
            }
            if (storage.appendEntries(List.of(record, voters)) != 2) {
                throw new IOException(logDir + ": cannot be written");
            }
        } finally {
            storage.shutdown();
        }
    }

    /** The term in which the two entries were written is over; the next one is elected as usual. */
    private void vote() throws IOException {
        Path file = EngineOptions.raftMetaFile(dataDir);
        DurableFiles.createDirectories(DurableFiles.parent(file));
        var vote = new VoteStorage(file, 0, term -> {}, Watchdog.Activity.unwatched("writing the vote"));
        if (!vote.setTermAndVotedFor(plan.position().term(), self)) {
            throw new IOException(file + ": cannot be written");
        }
    }

    private void raiseMark() throws IOException {
        HighWaterMark mark = HighWaterMark.open(dataDir);
        try (HighWaterMark raised = mark == null ? HighWaterMark.recreate(dataDir) : mark) {
            raised.reached(plan.position());
        }
    }

    private <T> T required(@Nullable T found, String file) {
        if (found == null) {
            throw new IdentityException(dataDir.resolve(file)
                    + " is missing: nobody knows what to found again. Restore it" + " from a backup of this node");
        }
        return found;
    }

    @Override
    public void close() throws IOException {
        lock.close();
    }
}
