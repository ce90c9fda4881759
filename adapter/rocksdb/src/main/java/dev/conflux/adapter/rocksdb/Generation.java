package dev.conflux.adapter.rocksdb;

import dev.conflux.adapter.rocksdb.RocksStateStore.Family;
import dev.conflux.core.state.StateReads;
import dev.conflux.core.state.StateStore;
import dev.conflux.core.state.StateStoreException;
import dev.conflux.core.state.WriteBatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.rocksdb.AbstractNativeReference;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.Checkpoint;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompactRangeOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.WriteOptions;

/**
 * One open database with every native object that belongs to it. Counted: it is closed when the last user is gone, so
 * that no read ever meets a closed handle (which would end the process).
 */
final class Generation {

    /** Blocks of all families together: enough for the index blocks and the hot part of 10 000 configs. */
    private static final long BLOCK_CACHE_BYTES = 16L << 20;

    /** Two of these per family at most, and a few KB when idle. */
    private static final long MEMTABLE_BYTES = 4L << 20;

    /**
     * Of published bytes, which are larger: each memtable becomes a file that is never merged with another, and every
     * file of a snapshot costs several fsyncs where it is taken and where it is received.
     */
    private static final long CONTENTS_MEMTABLE_BYTES = 16L << 20;

    private static final int MEMTABLES = 2;

    /** RocksDB grows a memtable by this much at a time: an idle family costs no more. */
    private static final long ARENA_BLOCK_BYTES = 64L << 10;

    /** The log between flushes, in all families: bounds what a start replays. */
    private static final long WAL_BYTES = 32L << 20;

    /** One for flushes, one for compactions: the machine may have two cores. */
    private static final int BACKGROUND_JOBS = 2;

    private static final int MAX_OPEN_FILES = 256;

    private static final int BLOOM_BITS_PER_KEY = 10;

    /** Files of RocksDB's own diagnostics. */
    private static final long INFO_LOG_BYTES = 1L << 20;

    private static final int INFO_LOGS = 2;

    static {
        RocksDB.loadLibrary();
    }

    private final Path directory;
    private final List<AbstractNativeReference> owned;
    private final RocksDB db;
    private final List<ColumnFamilyHandle> handles;
    private final ColumnFamilyHandle data;
    private final ColumnFamilyHandle contents;
    private final ColumnFamilyHandle journal;
    private final WriteOptions writeOptions;
    private final ReadOptions readOptions;
    private final CompactRangeOptions compaction;
    private final Consumer<StateStoreException> damaged;
    private final AtomicInteger users = new AtomicInteger(1);
    private volatile boolean deleteWhenClosed;

    private Generation(
            Path directory,
            List<AbstractNativeReference> owned,
            RocksDB db,
            List<ColumnFamilyHandle> handles,
            WriteOptions writeOptions,
            ReadOptions readOptions,
            Consumer<StateStoreException> damaged) {
        this.damaged = damaged;
        this.directory = directory;
        this.owned = owned;
        this.db = db;
        this.handles = handles;
        // The order of the descriptors, which is that of Family.
        data = handles.get(0);
        contents = handles.get(1);
        journal = handles.get(2);
        this.writeOptions = writeOptions;
        this.readOptions = readOptions;
        compaction = own(owned, new CompactRangeOptions().setExclusiveManualCompaction(false));
    }

    static Generation open(Path directory, Consumer<StateStoreException> damaged) {
        return open(directory, damaged, RocksDB::open);
    }

    /** Opens without writing a byte; {@link #commit} then fails. */
    static Generation openReadOnly(Path directory) {
        return open(directory, failure -> {}, RocksDB::openReadOnly);
    }

    /** How RocksDB is asked. */
    private interface Opening {
        RocksDB open(
                DBOptions options,
                String path,
                List<ColumnFamilyDescriptor> descriptors,
                List<ColumnFamilyHandle> handles)
                throws RocksDBException;
    }

    private static Generation open(Path directory, Consumer<StateStoreException> damaged, Opening opening) {
        var owned = new ArrayList<AbstractNativeReference>();
        try {
            Cache cache = own(owned, new LRUCache(BLOCK_CACHE_BYTES));
            BloomFilter bloom = own(owned, new BloomFilter(BLOOM_BITS_PER_KEY, false));
            DBOptions options = own(owned, new DBOptions())
                    .setCreateIfMissing(true)
                    .setCreateMissingColumnFamilies(true)
                    // A family that could not take a write stops the node; half a batch is never visible.
                    .setAtomicFlush(true)
                    .setParanoidChecks(true)
                    .setMaxBackgroundJobs(BACKGROUND_JOBS)
                    .setMaxOpenFiles(MAX_OPEN_FILES)
                    .setMaxTotalWalSize(WAL_BYTES)
                    .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                    .setMaxLogFileSize(INFO_LOG_BYTES)
                    .setKeepLogFileNum(INFO_LOGS)
                    // No hidden retries: a full disk is this node's end, said aloud.
                    .setMaxBgErrorResumeCount(0);
            var descriptors = new ArrayList<ColumnFamilyDescriptor>();
            for (Family family : Family.values()) {
                ColumnFamilyOptions familyOptions = own(owned, new ColumnFamilyOptions())
                        .setWriteBufferSize(family == Family.CONTENTS ? CONTENTS_MEMTABLE_BYTES : MEMTABLE_BYTES)
                        .setMaxWriteBufferNumber(MEMTABLES)
                        .setArenaBlockSize(ARENA_BLOCK_BYTES)
                        .setCompressionType(CompressionType.LZ4_COMPRESSION)
                        .setLevelCompactionDynamicLevelBytes(true)
                        .setTableFormatConfig(new BlockBasedTableConfig()
                                .setBlockCache(cache)
                                .setFilterPolicy(bloom)
                                .setCacheIndexAndFilterBlocks(true)
                                .setPinL0FilterAndIndexBlocksInCache(true));
                descriptors.add(new ColumnFamilyDescriptor(family.bytes(), familyOptions));
            }
            // Not synced: see RocksStateStore.
            WriteOptions writeOptions = own(owned, new WriteOptions()).setSync(false);
            ReadOptions readOptions = own(owned, new ReadOptions());
            var handles = new ArrayList<ColumnFamilyHandle>();
            RocksDB db = opening.open(options, directory.toString(), descriptors, handles);
            return new Generation(directory, owned, db, List.copyOf(handles), writeOptions, readOptions, damaged);
        } catch (RocksDBException e) {
            closeAll(owned);
            throw new StateStoreException("state database " + directory + " cannot be opened: " + e.getMessage(), e);
        }
    }

    Path directory() {
        return directory;
    }

    // --- life ------------------------------------------------------------------------------------------------------

    boolean tryAcquire() {
        int count = users.get();
        while (count > 0) {
            if (users.compareAndSet(count, count + 1)) {
                return true;
            }
            count = users.get();
        }
        return false;
    }

    void release() {
        if (users.decrementAndGet() != 0) {
            return;
        }
        for (ColumnFamilyHandle handle : handles) {
            handle.close();
        }
        db.close();
        closeAll(owned);
        if (deleteWhenClosed) {
            try {
                RocksStateStore.deleteTree(directory);
            } catch (IOException | UncheckedIOException e) {
                // Only space: the next start deletes what the pointer does not name.
            }
        }
    }

    void deleteWhenClosed() {
        deleteWhenClosed = true;
    }

    private static <T extends AbstractNativeReference> T own(List<AbstractNativeReference> owned, T reference) {
        owned.add(reference);
        return reference;
    }

    private static void closeAll(List<AbstractNativeReference> owned) {
        for (int i = owned.size() - 1; i >= 0; i--) {
            owned.get(i).close();
        }
    }

    // --- work ------------------------------------------------------------------------------------------------------

    byte @Nullable [] get(byte[] key) {
        return get(readOptions, key);
    }

    private byte @Nullable [] get(ReadOptions options, byte[] key) {
        try {
            return db.get(handle(key), options, key);
        } catch (RocksDBException e) {
            throw damaged("read", e);
        }
    }

    void commit(WriteBatch batch) {
        try (var writes = new org.rocksdb.WriteBatch()) {
            batch.forEach((key, value) -> add(writes, key, value));
            db.write(writeOptions, writes);
        } catch (RocksDBException e) {
            throw new StateStoreException(
                    "state database " + directory + " cannot be written: " + e.getMessage(), e); // a full disk, mostly
        }
    }

    private void add(org.rocksdb.WriteBatch writes, byte[] key, byte @Nullable [] value) {
        try {
            if (value == null) {
                writes.delete(handle(key), key);
            } else {
                writes.put(handle(key), key, value);
            }
        } catch (RocksDBException e) {
            throw new StateStoreException("a batch cannot be built", e);
        }
    }

    /** Rewrites what holds deleted entries, without them; beside reads and writes. Ends early when cancelled. */
    void compact() {
        try (var flush = new FlushOptions().setWaitForFlush(true)) {
            // Deletions that are still in memory would free nothing.
            db.flush(flush, handles);
            for (ColumnFamilyHandle family : List.of(contents, data)) {
                db.compactRange(family, null, null, compaction);
            }
        } catch (RocksDBException e) {
            // Only space: what a failing disk means is said by the next write.
        }
    }

    void cancelCompaction() {
        compaction.setCanceled(true);
    }

    private StateStoreException damaged(String done, RocksDBException cause) {
        StateStoreException failure = failure(done, cause);
        damaged.accept(failure);
        return failure;
    }

    /** Reads every table file and checks every block. */
    void verify() {
        try {
            db.verifyChecksum();
        } catch (RocksDBException e) {
            throw damaged("verified", e);
        }
    }

    private StateStoreException failure(String done, RocksDBException cause) {
        return new StateStoreException(
                "state database " + directory + " cannot be " + done + ": " + cause.getMessage(), cause);
    }

    void scan(
            org.rocksdb.@Nullable Snapshot snapshot,
            byte[] from,
            byte[] to,
            StateReads.Order order,
            StateReads.Visitor visitor) {
        try {
            scan(snapshot, true, from, to, order, visitor);
        } catch (RocksDBException e) {
            throw damaged("scanned", e);
        }
    }

    private void scan(
            org.rocksdb.@Nullable Snapshot snapshot,
            boolean fillCache,
            byte[] from,
            byte[] to,
            StateReads.Order order,
            StateReads.Visitor visitor)
            throws RocksDBException {
        if (Arrays.compareUnsigned(from, to) >= 0) {
            return;
        }
        // The bounds let the iterator stop inside RocksDB: it never passes deleted entries beyond them.
        try (var lower = new Slice(from);
                var upper = new Slice(to);
                var options = new ReadOptions()
                        .setIterateLowerBound(lower)
                        .setIterateUpperBound(upper)
                        .setFillCache(fillCache)) {
            if (snapshot != null) {
                options.setSnapshot(snapshot);
            }
            try (RocksIterator iterator = db.newIterator(handle(from), options)) {
                if (order == StateReads.Order.ASCENDING) {
                    iterator.seekToFirst();
                } else {
                    iterator.seekToLast();
                }
                while (iterator.isValid() && visitor.visit(iterator.key(), iterator.value())) {
                    if (order == StateReads.Order.ASCENDING) {
                        iterator.next();
                    } else {
                        iterator.prev();
                    }
                }
                iterator.status();
            }
        }
    }

    /** What a snapshot is read for. */
    enum Purpose {
        ANSWER,
        /** Everything, once: not into the cache; damage is the reader's business. */
        SCRUB
    }

    StateStore.Snapshot snapshot(Purpose purpose) {
        return new OpenSnapshot(purpose);
    }

    void checkpoint(Path target) throws IOException {
        try (var flush = new FlushOptions().setWaitForFlush(true);
                Checkpoint checkpoint = Checkpoint.create(db)) {
            // Everything into table files first: the checkpoint then is links and two small copies.
            db.flush(flush, handles);
            checkpoint.createCheckpoint(target.toString());
        } catch (RocksDBException e) {
            throw new IOException("checkpoint into " + target + " failed", e);
        }
        if (!Files.isDirectory(target)) {
            throw new IOException("checkpoint into " + target + " left nothing");
        }
    }

    private ColumnFamilyHandle handle(byte[] key) {
        return switch (RocksStateStore.family(key)) {
            case DATA -> data;
            case CONTENTS -> contents;
            case JOURNAL -> journal;
        };
    }

    /** Holds the generation open until it is closed. Used by one thread. */
    private final class OpenSnapshot implements StateStore.Snapshot {
        private final org.rocksdb.Snapshot snapshot = db.getSnapshot();
        private final ReadOptions options = new ReadOptions().setSnapshot(snapshot);
        private final Purpose purpose;
        private boolean open = true;

        OpenSnapshot(Purpose purpose) {
            this.purpose = purpose;
        }

        @Override
        public byte @Nullable [] get(byte[] key) {
            return Generation.this.get(options, key);
        }

        @Override
        public void scan(byte[] from, byte[] to, StateReads.Order order, StateReads.Visitor visitor) {
            if (purpose == Purpose.ANSWER) {
                Generation.this.scan(snapshot, from, to, order, visitor);
                return;
            }
            try {
                Generation.this.scan(snapshot, false, from, to, order, visitor);
            } catch (RocksDBException e) {
                throw failure("scanned", e);
            }
        }

        @Override
        public void close() {
            if (open) {
                open = false;
                options.close();
                db.releaseSnapshot(snapshot);
                release();
            }
        }
    }
}
