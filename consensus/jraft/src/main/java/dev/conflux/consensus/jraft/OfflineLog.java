package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.codec.AutoDetectDecoder;
import com.alipay.sofa.jraft.storage.impl.RocksDBLogStorage;
import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;
import org.rocksdb.LiveFileMetaData;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WALRecoveryMode;

/** The engine's log database, opened without writing a byte. Used by one thread. */
final class OfflineLog implements AutoCloseable {

    /** The family in which the engine repeats its membership entries and keeps where its log begins. */
    private static final String CONFIGURATION = "Configuration";

    private final DBOptions options;
    private final ColumnFamilyOptions familyOptions;
    private final List<ColumnFamilyHandle> handles;
    private final RocksDB db;

    private OfflineLog(
            DBOptions options, ColumnFamilyOptions familyOptions, List<ColumnFamilyHandle> handles, RocksDB db) {
        this.options = options;
        this.familyOptions = familyOptions;
        this.handles = handles;
        this.db = db;
    }

    /**
     * Opens the log in {@code directory}.
     *
     * @param recovery {@code PointInTimeRecovery} shows what a start would find; {@code AbsoluteConsistency} refuses a
     *     log of which a start would drop anything
     */
    static OfflineLog open(Path directory, WALRecoveryMode recovery) throws RocksDBException {
        RocksDB.loadLibrary();
        var names = new ArrayList<ColumnFamilyDescriptor>();
        var options = new DBOptions().setWalRecoveryMode(recovery).setParanoidChecks(true);
        var familyOptions = new ColumnFamilyOptions();
        var handles = new ArrayList<ColumnFamilyHandle>();
        RocksDB db = null;
        try (var listing = new Options()) {
            for (byte[] name : RocksDB.listColumnFamilies(listing, directory.toString())) {
                names.add(new ColumnFamilyDescriptor(name, familyOptions));
            }
            db = RocksDB.openReadOnly(options, directory.toString(), names, handles);
            return new OfflineLog(options, familyOptions, List.copyOf(handles), db);
        } finally {
            if (db == null) {
                familyOptions.close();
                options.close();
            }
        }
    }

    /** Index of the first entry that counts; what lies below is on its way out. 0 when the log is empty. */
    long first() throws RocksDBException {
        ColumnFamilyHandle configuration = family(CONFIGURATION);
        byte[] recorded = configuration == null ? null : db.get(configuration, RocksDBLogStorage.FIRST_LOG_IDX_KEY);
        long from = recorded == null ? 0 : ByteBuffer.wrap(recorded).getLong();
        try (RocksIterator iterator = db.newIterator()) {
            iterator.seek(key(from));
            long first = iterator.isValid() ? index(iterator) : 0;
            iterator.status();
            return first;
        }
    }

    /** Index of the last entry; 0 when the log is empty. */
    long last() throws RocksDBException {
        try (RocksIterator iterator = db.newIterator()) {
            iterator.seekToLast();
            long last = iterator.isValid() ? index(iterator) : 0;
            iterator.status();
            return last;
        }
    }

    /** The entry, or null when there is none. */
    @Nullable
    OfflineEntry entry(long index) throws RocksDBException {
        byte[] bytes = db.get(key(index));
        return bytes == null ? null : decode(index, bytes);
    }

    /** Visits entries in order of their index, until the visitor has enough. */
    void entries(long from, long to, Predicate<OfflineEntry> visitor) throws RocksDBException {
        try (RocksIterator iterator = db.newIterator()) {
            for (iterator.seek(key(from)); iterator.isValid(); iterator.next()) {
                long index = index(iterator);
                if (index > to || !visitor.test(decode(index, iterator.value()))) {
                    break;
                }
            }
            iterator.status();
        }
    }

    /** The newest membership in the log, committed or not; null when it holds none. */
    OfflineEntry.@Nullable Membership membership() throws RocksDBException {
        ColumnFamilyHandle configuration = family(CONFIGURATION);
        if (configuration == null) {
            return null;
        }
        long last = last();
        try (RocksIterator iterator = db.newIterator(configuration)) {
            OfflineEntry.Membership newest = null;
            for (iterator.seekToFirst(); iterator.isValid(); iterator.next()) {
                if (iterator.key().length == Long.BYTES
                        && index(iterator) <= last
                        && decode(index(iterator), iterator.value()) instanceof OfflineEntry.Membership membership) {
                    newest = membership;
                }
            }
            iterator.status();
            return newest;
        }
    }

    /** The table files that the log consists of, apart from its write-ahead files. */
    List<Path> tables() {
        return db.getLiveFilesMetaData().stream()
                .map(OfflineLog::path)
                .distinct()
                .sorted()
                .toList();
    }

    private static Path path(LiveFileMetaData file) {
        String name = file.fileName();
        return Path.of(file.path(), name.startsWith("/") ? name.substring(1) : name);
    }

    private @Nullable ColumnFamilyHandle family(String name) throws RocksDBException {
        for (ColumnFamilyHandle handle : handles) {
            if (new String(handle.getName(), StandardCharsets.UTF_8).equals(name)) {
                return handle;
            }
        }
        return null;
    }

    private static OfflineEntry decode(long index, byte[] bytes) {
        LogEntry entry;
        try {
            entry = AutoDetectDecoder.INSTANCE.decode(bytes);
        } catch (RuntimeException e) {
            entry = null;
        }
        if (entry == null) {
            return unreadable(index, bytes.length + " bytes that are not a log entry");
        }
        if (entry.getId().getIndex() != index) {
            return unreadable(index, "the entry says that it is " + entry.getId());
        }
        if (entry.isCorrupted()) {
            return unreadable(index, "its checksum does not fit");
        }
        LogPosition position = new LogPosition(index, entry.getId().getTerm());
        return switch (entry.getType()) {
            case ENTRY_TYPE_DATA -> command(position, entry.getData());
            case ENTRY_TYPE_CONFIGURATION ->
                new OfflineEntry.Membership(
                        position,
                        addresses(entry.getPeers()),
                        addresses(entry.getLearners()),
                        addresses(entry.getOldPeers()));
            case ENTRY_TYPE_NO_OP -> new OfflineEntry.Nothing(position);
            case ENTRY_TYPE_UNKNOWN -> unreadable(index, "an entry of a type that this version does not know");
        };
    }

    private static OfflineEntry command(LogPosition position, ByteBuffer data) {
        try {
            Envelope envelope = Envelope.decode(data);
            return switch (envelope.kind()) {
                case COMMAND -> new OfflineEntry.Command(position, envelope.proposedAtMillis(), envelope.command());
                case MEMBERSHIP ->
                    new OfflineEntry.MemberChange(
                            position,
                            envelope.proposedAtMillis(),
                            MembershipEntry.decode(envelope.command()).toString());
                case DIGEST_MARK ->
                    new OfflineEntry.DigestMark(position, envelope.proposedAtMillis(), envelope.whole());
            };
        } catch (IllegalArgumentException | IdentityException e) {
            return new OfflineEntry.Unreadable(position, String.valueOf(e.getMessage()));
        }
    }

    private static OfflineEntry unreadable(long index, String reason) {
        return new OfflineEntry.Unreadable(new LogPosition(index, 0), reason);
    }

    static List<String> addresses(@Nullable List<PeerId> peers) {
        return peers == null
                ? List.of()
                : peers.stream()
                        .map(peer -> peer.getIp() + ":" + peer.getPort())
                        .toList();
    }

    /** A damaged table cannot be told from a damaged device: both are an I/O failure to the caller. */
    static IOException failure(Path directory, RocksDBException cause) {
        return new IOException(directory + ": " + cause.getMessage(), cause);
    }

    private static byte[] key(long index) {
        return ByteBuffer.allocate(Long.BYTES).putLong(index).array();
    }

    private static long index(RocksIterator iterator) {
        return ByteBuffer.wrap(iterator.key()).getLong();
    }

    @Override
    public void close() {
        handles.forEach(ColumnFamilyHandle::close);
        db.close();
        familyOptions.close();
        options.close();
    }
}
