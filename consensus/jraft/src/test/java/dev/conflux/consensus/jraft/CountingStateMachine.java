package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.rocksdb.Checkpoint;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * A durable set of commands with a counter: enough to see what was lost, applied twice or out of order. Position and
 * effect are written in one batch. Commands of the form {@code poison…} throw.
 */
final class CountingStateMachine implements StateMachine, AutoCloseable {

    private static final byte[] POSITION = bytes("\0position");
    private static final byte[] COUNT = bytes("\0count");
    private static final byte[] DIGEST = bytes("\0digest");

    private final Path directory;
    private RocksDB db;
    private volatile LogPosition applied;
    private volatile long count;
    private volatile byte[] digest = new byte[0];

    /** What this member alone adds to the next commands: a bug that only it has. */
    volatile String twist = "";

    final List<LogPosition> skipped = new CopyOnWriteArrayList<>();
    final List<Long> stamps = new CopyOnWriteArrayList<>();
    volatile int restores;
    volatile long delayMillis;
    volatile java.util.concurrent.CountDownLatch blockApply = new java.util.concurrent.CountDownLatch(0);
    volatile java.util.concurrent.CountDownLatch blockRestore = new java.util.concurrent.CountDownLatch(0);
    volatile boolean failSnapshots;
    volatile @Nullable IOException snapshotProblem;

    /** Where {@link #restore} breaks off, as if the process had ended there. */
    enum Break {
        NEVER,
        BEFORE,
        MIDDLE,
        AFTER
    }

    volatile Break breakRestore = Break.NEVER;

    CountingStateMachine(Path directory) {
        this.directory = directory;
        this.db = open(directory);
        load();
    }

    private static RocksDB open(Path directory) {
        try {
            Files.createDirectories(directory);
            return RocksDB.open(new Options().setCreateIfMissing(true), directory.toString());
        } catch (RocksDBException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private void load() {
        try {
            byte[] position = db.get(POSITION);
            byte[] counter = db.get(COUNT);
            byte[] stored = db.get(DIGEST);
            digest = stored == null ? new byte[0] : stored;
            applied = position == null
                    ? LogPosition.ZERO
                    : new LogPosition(
                            ByteBuffer.wrap(position).getLong(0),
                            ByteBuffer.wrap(position).getLong(8));
            count = counter == null ? 0 : ByteBuffer.wrap(counter).getLong();
        } catch (RocksDBException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public LogPosition applied() {
        return applied;
    }

    long count() {
        return count;
    }

    @Override
    public List<byte[]> apply(List<LogEntry> entries) {
        if (delayMillis > 0) {
            java.util.concurrent.locks.LockSupport.parkNanos(delayMillis * 1_000_000);
        }
        try {
            blockApply.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return applyNow(entries);
    }

    private synchronized List<byte[]> applyNow(List<LogEntry> entries) {
        var results = new ArrayList<byte[]>();
        try (WriteBatch batch = new WriteBatch();
                WriteOptions options = new WriteOptions()) {
            long next = count;
            MessageDigest sha256 = sha256();
            byte[] nextDigest = digest;
            for (LogEntry entry : entries) {
                if (entry.position().index() <= applied.index()) {
                    throw new IllegalStateException("applied twice: " + entry.position());
                }
                String command = new String(entry.command(), StandardCharsets.UTF_8);
                if (command.startsWith("poison")) {
                    throw new IllegalStateException("poisoned");
                }
                next++;
                sha256.update(nextDigest);
                sha256.update(entry.command());
                nextDigest = sha256.digest(bytes(twist));
                batch.put(entry.command(), bytes(next + twist));
                results.add(bytes(Long.toString(next)));
                if (stamps.size() < 1_000) {
                    stamps.add(entry.proposedAtMillis());
                }
            }
            LogPosition last = entries.getLast().position();
            batch.put(
                    POSITION,
                    ByteBuffer.allocate(16)
                            .putLong(last.index())
                            .putLong(last.term())
                            .array());
            batch.put(COUNT, ByteBuffer.allocate(8).putLong(next).array());
            batch.put(DIGEST, nextDigest);
            db.write(options, batch);
            count = next;
            digest = nextDigest;
            applied = last;
            return results;
        } catch (RocksDBException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public Optional<byte[]> digest() {
        return Optional.of(digest);
    }

    @Override
    public Optional<Scrub> beginScrub() {
        org.rocksdb.Snapshot frozen = db.getSnapshot();
        return Optional.of(new Scrub() {
            @Override
            public byte[] digest(LongConsumer pace) {
                MessageDigest sha256 = sha256();
                try (var options = new org.rocksdb.ReadOptions().setSnapshot(frozen);
                        RocksIterator it = db.newIterator(options)) {
                    for (it.seekToFirst(); it.isValid(); it.next()) {
                        sha256.update(it.key());
                        sha256.update(it.value());
                        pace.accept(it.key().length + it.value().length);
                    }
                }
                return sha256.digest();
            }

            @Override
            public void close() {
                db.releaseSnapshot(frozen);
            }
        });
    }

    /** Changes one stored byte, as a disk would that nobody checks. */
    synchronized void damage(String command) {
        try {
            byte[] value = db.get(bytes(command));
            value[0] ^= 1;
            db.put(bytes(command), value);
        } catch (RocksDBException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public synchronized void reset() throws IOException {
        db.close();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        db = open(directory);
        load();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void skipped(LogPosition position) {
        skipped.add(position);
    }

    /** {@code count}, or a command: its number, empty when unknown. */
    @Override
    public synchronized byte[] query(byte[] query) {
        try {
            if (new String(query, StandardCharsets.UTF_8).equals("count")) {
                return bytes(Long.toString(count));
            }
            byte[] value = db.get(query);
            return value == null ? new byte[0] : value;
        } catch (RocksDBException e) {
            throw new IllegalStateException(e);
        }
    }

    synchronized boolean has(String command) {
        return query(bytes(command)).length > 0;
    }

    synchronized List<String> commands() {
        var all = new ArrayList<String>();
        try (RocksIterator it = db.newIterator()) {
            for (it.seekToFirst(); it.isValid(); it.next()) {
                if (it.key()[0] != 0) {
                    all.add(new String(it.key(), StandardCharsets.UTF_8));
                }
            }
        }
        return all;
    }

    @Override
    public Snapshot beginSnapshot(Path target) throws IOException {
        LogPosition position = applied;
        try (Checkpoint checkpoint = Checkpoint.create(db)) {
            checkpoint.createCheckpoint(target.resolve("db").toString());
        } catch (RocksDBException e) {
            throw new IOException(e);
        }
        return new Snapshot() {
            @Override
            public LogPosition position() {
                return position;
            }

            @Override
            public List<String> complete() throws IOException {
                if (failSnapshots) {
                    throw new AssertionError("as an Error: a missing class, a stack that is too deep");
                }
                IOException problem = snapshotProblem;
                if (problem != null) {
                    throw problem;
                }
                try (Stream<Path> files = Files.list(target.resolve("db"))) {
                    return files.map(file -> "db/" + file.getFileName()).toList();
                }
            }
        };
    }

    @Override
    public synchronized LogPosition restore(Path source) throws IOException {
        breakAt(Break.BEFORE);
        try {
            blockRestore.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        db.close();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        breakAt(Break.MIDDLE);
        try (Stream<Path> files = Files.list(source.resolve("db"))) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
        db = open(directory);
        load();
        restores++;
        breakAt(Break.AFTER);
        return applied;
    }

    private void breakAt(Break point) throws IOException {
        if (breakRestore == point) {
            throw new IOException("broken off " + point);
        }
    }

    @Override
    public synchronized void close() {
        db.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
