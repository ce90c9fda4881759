package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.RaftOutter.SnapshotMeta;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.option.SnapshotCopierOptions;
import com.alipay.sofa.jraft.storage.snapshot.Snapshot;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotCopier;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotWriter;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotCopier;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotStorage;
import com.alipay.sofa.jraft.storage.snapshot.local.LocalSnapshotWriter;
import com.alipay.sofa.jraft.util.Utils;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine's snapshot directory, guarded: what comes from a leader replaces the own snapshot only once every byte has
 * been compared with its manifest. The bare engine moves it into place first and finds out when restoring, when the old
 * one is gone; and when moving fails, it restores the old one under the new one's name.
 */
final class GuardedSnapshotStorage extends LocalSnapshotStorage {

    private static final Logger LOG = LoggerFactory.getLogger(GuardedSnapshotStorage.class);

    private static final String TEMPORARY = "temp";

    private final Path directory;
    private final RaftOptions raftOptions;
    private final Counters counters;
    private volatile @Nullable Received received; // the newest one
    private volatile boolean fetchAll;
    private volatile boolean fetching;

    GuardedSnapshotStorage(Path directory, RaftOptions raftOptions, Counters counters) {
        super(directory.toString(), "", raftOptions);
        this.directory = directory;
        this.raftOptions = raftOptions;
        this.counters = counters;
    }

    @Override
    public boolean init(@Nullable Void nothing) {
        try {
            // Of a snapshot that an earlier process was taking or receiving.
            DurableFiles.deleteTree(directory.resolve(TEMPORARY));
        } catch (IOException e) {
            LOG.error("snapshot_leftovers path={}", directory.resolve(TEMPORARY), e);
            return false;
        }
        return super.init((Void) null);
    }

    @Override
    public @Nullable SnapshotWriter create(boolean fromEmpty) {
        // Called for a snapshot that is received; one that is taken here comes by create().
        if (fromEmpty && !deleteTemporary()) {
            return null;
        }
        var writer = new Received();
        received = writer;
        return writer.init((Void) null) ? writer : null;
    }

    @Override
    public @Nullable SnapshotWriter create() {
        if (!deleteTemporary()) {
            return null;
        }
        var writer = new Taken();
        return writer.init((Void) null) ? writer : null;
    }

    private boolean deleteTemporary() {
        try {
            DurableFiles.deleteTree(directory.resolve(TEMPORARY));
            return true;
        } catch (IOException e) {
            LOG.error("snapshot_leftovers path={}", directory.resolve(TEMPORARY), e);
            return false;
        }
    }

    @Override
    public @Nullable SnapshotCopier startToCopyFrom(String uri, SnapshotCopierOptions options) {
        var copier = new Copier();
        copier.setStorage(this);
        if (!copier.init(uri, options)) {
            return null;
        }
        fetching = true;
        copier.start();
        return copier;
    }

    /** True while a leader's snapshot is being fetched. */
    boolean fetching() {
        return fetching;
    }

    /** Fetches a snapshot; hands over the one received or none, never an older one. */
    private final class Copier extends LocalSnapshotCopier {

        @Override
        public boolean init(String uri, SnapshotCopierOptions options) {
            boolean done = super.init(uri, options);
            if (fetchAll) {
                setFilterBeforeCopyRemote(false); // files of the own snapshot may be what was damaged
            }
            return done;
        }

        @Override
        public void close() throws IOException {
            fetching = false;
            super.close();
        }

        @Override
        public @Nullable SnapshotReader getReader() {
            SnapshotReader reader = super.getReader();
            Received newest = received;
            if (newest != null && newest.inPlace) {
                return reader;
            }
            Utils.closeQuietly(reader);
            return null;
        }
    }

    /** Never hands out a snapshot whose meta is damaged: the engine believes it. */
    @Override
    public @Nullable SnapshotReader open() {
        long index = getLastSnapshotIndex();
        if (index > 0) {
            Path newest = directory.resolve(Snapshot.JRAFT_SNAPSHOT_PREFIX + index);
            try {
                EngineStorage.snapshotTable(newest);
            } catch (IOException | RuntimeException e) {
                LOG.error("snapshot_damaged reason=\"{}\" it is not used", e.getMessage());
                return null;
            }
        }
        return super.open();
    }

    /** A snapshot that is being taken. */
    private final class Taken extends LocalSnapshotWriter {

        Taken() {
            super(directory.resolve(TEMPORARY).toString(), GuardedSnapshotStorage.this, raftOptions);
        }

        @Override
        public boolean saveMeta(SnapshotMeta meta) {
            try {
                StateMachineAdapter.add(this, SnapshotSeal.write(Path.of(getPath()), meta));
            } catch (IOException e) {
                setError(RaftError.EIO, "%s", e.getMessage());
                return false;
            }
            return super.saveMeta(meta);
        }
    }

    /** A snapshot that is being received; moved into place by {@link #close}. */
    private final class Received extends LocalSnapshotWriter {

        private volatile boolean inPlace;
        private SnapshotMeta meta = SnapshotMeta.getDefaultInstance();

        Received() {
            super(directory.resolve(TEMPORARY).toString(), GuardedSnapshotStorage.this, raftOptions);
        }

        @Override
        public boolean saveMeta(SnapshotMeta leaders) {
            meta = leaders;
            return super.saveMeta(leaders);
        }

        @Override
        public void close(boolean keepDataOnError) throws IOException {
            boolean keep = keepDataOnError;
            if (isOk()) {
                try {
                    check();
                } catch (IOException | RuntimeException e) {
                    counters.snapshotsRefused.increment();
                    fetchAll = true;
                    keep = false;
                    LOG.error("snapshot_damaged reason=\"{}\" the present one stays", e.getMessage());
                    setError(RaftError.EIO, "%s", e.getMessage());
                }
            }
            boolean whole = isOk();
            super.close(keep);
            inPlace = whole && getLastSnapshotIndex() == getSnapshotIndex();
            if (inPlace) {
                fetchAll = false;
            }
        }

        private void check() throws IOException {
            Path root = Path.of(getPath());
            SnapshotManifest manifest = SnapshotManifest.read(root);
            manifest.verify(root);
            SnapshotSeal.verify(root, meta);
            Set<String> expected = new HashSet<>();
            manifest.files().forEach(file -> expected.add(file.name()));
            expected.add(SnapshotManifest.FILE);
            expected.add(SnapshotSeal.FILE);
            Set<String> listed = listFiles();
            if (!listed.equals(expected)) {
                throw new IOException("snapshot received with files " + listed + " (expected: " + expected + ")");
            }
            // The engine has synced the files, not their names.
            for (String name : expected) {
                DurableFiles.syncDirectory(DurableFiles.parent(root.resolve(name)));
            }
        }
    }
}
