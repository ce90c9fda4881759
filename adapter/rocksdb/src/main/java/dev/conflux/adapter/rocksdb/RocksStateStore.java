package dev.conflux.adapter.rocksdb;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.core.state.StateArea;
import dev.conflux.core.state.StateStore;
import dev.conflux.core.state.StateStoreException;
import dev.conflux.core.state.WriteBatch;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The state's store on one disk directory.
 *
 * <pre>
 * directory/CURRENT_STATE    the name of the generation in use; replaced by an atomic rename
 * directory/gen-00000001/    a RocksDB database
 * </pre>
 *
 * <p>A restore builds the next generation beside the one in use and then moves the pointer; whatever the pointer does
 * not name is deleted at the next start.
 *
 * <p>Writes go to RocksDB's own log without a sync: the replicated log is the truth, position and data are one batch,
 * and what a power cut takes is applied again. A checkpoint's files are complete and flushed.
 */
public final class RocksStateStore implements StateStore {

    static final String POINTER = "CURRENT_STATE";
    private static final String GENERATION_PREFIX = "gen-";

    private final Path directory;
    private final Consumer<StateStoreException> damaged;
    private volatile Generation current;
    private final AtomicBoolean reclaimWanted = new AtomicBoolean();
    /** A platform thread: RocksDB works inside the call. */
    private final ExecutorService reclaimer = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("state-reclaim").factory());

    /**
     * Opens the store in {@code directory}, creating both as needed.
     *
     * @throws StateStoreException when it cannot be read, or another process has it open
     */
    public RocksStateStore(Path directory) {
        this(directory, failure -> {});
    }

    /**
     * As {@link #RocksStateStore(Path)}.
     *
     * @param damaged told, on the failing thread and before it gets the exception, that the disk gave back wrong bytes
     *     or none: a reader of one config must not be the only one to know
     */
    public RocksStateStore(Path directory, Consumer<StateStoreException> damaged) {
        this.directory = directory;
        this.damaged = damaged;
        try {
            Files.createDirectories(directory);
            Path pointer = directory.resolve(POINTER);
            if (!Files.exists(pointer)) {
                // No pointer and no restore can have finished: a first start, perhaps one that was cut off.
                deleteOthers("");
                current = Generation.open(directory.resolve(name(1)), damaged);
                point(name(1));
            } else {
                Path generation = currentGeneration(directory);
                current = Generation.open(generation, damaged);
                deleteOthers(generation.getFileName().toString());
            }
        } catch (IOException e) {
            throw new StateStoreException("state directory " + directory + " cannot be opened", e);
        }
    }

    /** The database that the pointer names. */
    static Path currentGeneration(Path directory) {
        Path pointer = directory.resolve(POINTER);
        try {
            String name = Files.readString(pointer, StandardCharsets.US_ASCII).strip();
            Path generation = directory.resolve(name);
            if (!name.startsWith(GENERATION_PREFIX) || !Files.isDirectory(generation)) {
                throw new StateStoreException(pointer + ": " + name + " (expected: a generation that is there)");
            }
            return generation;
        } catch (IOException e) {
            throw new StateStoreException(pointer + " cannot be read", e);
        }
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        Generation generation = acquire();
        try {
            return generation.get(key);
        } finally {
            generation.release();
        }
    }

    @Override
    public void scan(byte[] from, byte[] to, Order order, Visitor visitor) {
        Generation generation = acquire();
        try {
            generation.scan(null, from, to, order, visitor);
        } finally {
            generation.release();
        }
    }

    @Override
    public void commit(WriteBatch batch) {
        Generation generation = acquire();
        try {
            Failpoints.hit("store.before_commit");
            generation.commit(batch);
        } finally {
            generation.release();
        }
    }

    @Override
    public Snapshot snapshot() {
        return snapshot(Generation.Purpose.ANSWER);
    }

    @Override
    public Snapshot scrub() {
        return snapshot(Generation.Purpose.SCRUB);
    }

    private Snapshot snapshot(Generation.Purpose purpose) {
        Generation generation = acquire();
        try {
            // Keeps the generation until it is closed.
            return generation.snapshot(purpose);
        } catch (RuntimeException e) {
            generation.release();
            throw e;
        }
    }

    @Override
    public List<String> checkpoint(Path target) throws IOException {
        // RocksDB insists on making the directory itself.
        Path inner = target.resolve("checkpoint.tmp");
        Generation generation = acquire();
        try {
            Failpoints.disk("store.before_checkpoint");
            generation.checkpoint(inner);
        } finally {
            generation.release();
        }
        var names = new ArrayList<String>();
        try (Stream<Path> files = Files.list(inner)) {
            for (Path file : files.sorted().toList()) {
                String name = file.getFileName().toString();
                Files.move(file, target.resolve(name), StandardCopyOption.ATOMIC_MOVE);
                names.add(name);
            }
        }
        Failpoints.disk("store.after_checkpoint");
        Files.delete(inner);
        return names;
    }

    @Override
    public void restoreFrom(Path source, List<String> files) throws IOException {
        Generation old = current;
        String name = name(number(old.directory()) + 1);
        Path next = directory.resolve(name);
        Failpoints.disk("store.before_generation");
        deleteTree(next);
        Files.createDirectory(next);
        for (String file : files) {
            Failpoints.disk("store.before_place");
            place(source.resolve(file), next.resolve(file));
        }
        sync(next);
        sync(directory);
        // Opened before the pointer moves: what cannot be opened never becomes the state.
        Failpoints.disk("store.before_open");
        Generation opened = Generation.open(next, damaged);
        try {
            Failpoints.disk("store.before_switch");
            point(name);
        } catch (IOException | RuntimeException e) {
            opened.release();
            throw e;
        }
        Failpoints.disk("store.after_switch");
        current = opened;
        // Reads under way keep the old one open until they end.
        old.deleteWhenClosed();
        old.release();
    }

    @Override
    public void clear() throws IOException {
        restoreFrom(directory, List.of());
    }

    @Override
    public void reclaimSpace() {
        if (!reclaimWanted.getAndSet(true)) {
            try {
                reclaimer.execute(this::reclaim);
            } catch (RejectedExecutionException e) {
                // The store is being closed.
            }
        }
    }

    private void reclaim() {
        reclaimWanted.set(false);
        Generation generation = current;
        if (generation.tryAcquire()) {
            try {
                generation.compact();
            } finally {
                generation.release();
            }
        }
    }

    @Override
    public void close() {
        reclaimer.shutdown();
        current.cancelCompaction();
        // It ends at once; who opens this directory next must not find it in use.
        boolean interrupted = false;
        while (!reclaimer.isTerminated()) {
            try {
                reclaimer.awaitTermination(1, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        current.release();
    }

    private Generation acquire() {
        while (true) {
            Generation generation = current;
            if (generation.tryAcquire()) {
                return generation;
            }
            if (generation == current) {
                throw new StateStoreException("the store is closed");
            }
        }
    }

    /** Table files never change once written, so a link is enough; everything else RocksDB may append to. */
    private static void place(Path from, Path to) throws IOException {
        if (from.getFileName().toString().endsWith(".sst")) {
            try {
                Files.createLink(to, from);
                return;
            } catch (UnsupportedOperationException | FileAlreadyExistsException e) {
                throw new IOException("cannot link " + from, e);
            } catch (IOException e) {
                // Another file system: copy.
            }
        }
        Files.copy(from, to);
        sync(to);
    }

    private void point(String name) throws IOException {
        Path temporary = directory.resolve(POINTER + ".tmp");
        Files.writeString(temporary, name + "\n", StandardCharsets.US_ASCII);
        sync(temporary);
        try {
            Files.move(
                    temporary,
                    directory.resolve(POINTER),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            throw new StateStoreException(directory + ": a file system without atomic rename", e);
        }
        sync(directory);
    }

    private void deleteOthers(String keep) throws IOException {
        try (Stream<Path> children = Files.list(directory)) {
            for (Path child : children.toList()) {
                String name = child.getFileName().toString();
                if (name.startsWith(GENERATION_PREFIX) && !name.equals(keep)) {
                    deleteTree(child);
                }
            }
        }
    }

    static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static String name(long number) {
        return GENERATION_PREFIX + String.format(Locale.ROOT, "%08d", number);
    }

    private static long number(Path generation) {
        return Long.parseLong(generation.getFileName().toString().substring(GENERATION_PREFIX.length()));
    }

    /** The areas with large values live apart: compacting small values then never rewrites contents. */
    static Family family(byte[] key) {
        return switch (StateArea.of(key)) {
            case META,
                    NAMES,
                    CONFIGS,
                    VERSIONS,
                    RELEASE_HISTORY,
                    METADATA_HISTORY,
                    TENANTS,
                    SCHEDULES,
                    ROLLOUTS,
                    GC,
                    TRASH -> Family.DATA;
            case CONTENTS -> Family.CONTENTS;
            case DEDUP, DEDUP_ORDER, REQUEST_ORDER, EVENTS, AGENDA, ACTIVE_ROLLOUTS -> Family.JOURNAL;
        };
    }

    /** Column families; the order is that of the handles. */
    enum Family {
        /** RocksDB's own default family: small values that stay. */
        DATA("default"),
        /** Published bytes. */
        CONTENTS("contents"),
        /** Small values that come and go: writes that are soon deleted stay out of the others. */
        JOURNAL("journal");

        private final String familyName;

        Family(String familyName) {
            this.familyName = familyName;
        }

        byte[] bytes() {
            return familyName.getBytes(StandardCharsets.US_ASCII);
        }
    }
}
