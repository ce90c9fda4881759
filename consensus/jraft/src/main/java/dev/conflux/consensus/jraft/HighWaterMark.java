package dev.conflux.consensus.jraft;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Remembers, outside the log, how far the log once reached: a log that comes back shorter has lost acknowledged
 * entries, whatever its own checksums say. Two slots written in turn, each {@code magic (4) | sequence (8) | index (8) |
 * term (8) | crc32c (4)}, so that one is always whole. Memory-mapped: a killed process loses nothing; a power failure
 * loses at most what {@link Limits#MARK_SYNC_MILLIS} had not been forced, and then the mark is too low, never too high.
 */
final class HighWaterMark implements AutoCloseable {

    static final String FILE = "high-water";
    private static final int MAGIC = 0x43464857; // "CFHW"
    private static final int SLOT_BYTES = 4096; // a page each: a torn write hits one
    private static final int USED_BYTES = Integer.BYTES + 3 * Long.BYTES;

    private final MappedByteBuffer map;
    private long sequence;
    private LogPosition position;
    private LogPosition loadedSnapshot = LogPosition.ZERO;
    private boolean dirty;

    private HighWaterMark(MappedByteBuffer map, long sequence, LogPosition position) {
        this.map = map;
        this.sequence = sequence;
        this.position = position;
    }

    /** Makes a new mark at zero, durably. Does nothing when there is one. */
    static void create(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        if (Files.exists(file)) {
            return;
        }
        Path temporary = directory.resolve(FILE + ".tmp");
        // Real blocks first: on a full disk a write fails here, a store into a hole would end the process by a signal.
        Files.write(temporary, new byte[2 * SLOT_BYTES]);
        try (HighWaterMark mark = map(temporary, FileChannel.MapMode.READ_WRITE)) {
            mark.put(LogPosition.ZERO);
            mark.put(LogPosition.ZERO);
            mark.force();
        }
        DurableFiles.syncFile(temporary);
        // Whole or not there: a mark that cannot be read means a damaged disk.
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        DurableFiles.syncDirectory(directory);
    }

    /** Opens the mark; null when it is missing or neither slot is whole: then nothing is known. */
    static @Nullable HighWaterMark open(Path directory) throws IOException {
        return open(directory, FileChannel.MapMode.READ_WRITE);
    }

    /** What the mark says, without a way to change it; null as with {@link #open}. */
    static @Nullable LogPosition read(Path directory) throws IOException {
        HighWaterMark mark = open(directory, FileChannel.MapMode.READ_ONLY);
        return mark == null ? null : mark.position();
    }

    private static @Nullable HighWaterMark open(Path directory, FileChannel.MapMode mode) throws IOException {
        Path file = directory.resolve(FILE);
        if (!Files.exists(file) || Files.size(file) != 2 * SLOT_BYTES) {
            return null;
        }
        HighWaterMark mark = map(file, mode);
        long best = -1;
        for (int slot = 0; slot < 2; slot++) {
            ByteBuffer in = mark.slot(slot);
            int crc = crc(in);
            if (in.getInt() == MAGIC && mark.slot(slot).getInt(USED_BYTES) == crc) {
                long slotSequence = in.getLong();
                if (slotSequence > best) {
                    best = slotSequence;
                    mark.sequence = slotSequence;
                    mark.position = new LogPosition(in.getLong(), in.getLong());
                }
            }
        }
        return best < 0 ? null : mark;
    }

    /** Starts over after {@link #open} found nothing; the caller has put the node into quarantine. */
    static HighWaterMark recreate(Path directory) throws IOException {
        Files.deleteIfExists(directory.resolve(FILE));
        create(directory);
        HighWaterMark mark = open(directory);
        if (mark == null) {
            throw new IOException(directory.resolve(FILE) + ": cannot be read back");
        }
        return mark;
    }

    synchronized LogPosition position() {
        return position;
    }

    /** The log has durably reached this. Called after each append; a few memory writes. */
    synchronized void reached(LogPosition reached) {
        put(reached);
        dirty = true;
    }

    /** The log is about to be cut legitimately; durable before this returns. */
    synchronized void lower(LogPosition kept) {
        put(kept);
        force();
    }

    /** A leader's snapshot has been loaded; the log will be reset to begin after it. */
    synchronized void snapshotLoaded(LogPosition snapshot) {
        loadedSnapshot = snapshot;
    }

    /** The log is about to start over at this index. */
    synchronized void reset(long nextIndex) {
        lower(loadedSnapshot.index() == nextIndex - 1 ? loadedSnapshot : LogPosition.ZERO);
    }

    /**
     * Forces what {@link #reached} wrote. Called every {@link Limits#MARK_SYNC_MILLIS} off the log thread. After a
     * failure nobody knows what is on the disk, and a repetition would succeed without writing it: the process must end.
     */
    void sync() {
        synchronized (this) {
            if (!dirty) {
                return;
            }
            dirty = false;
        }
        Failpoints.hit("mark.before_sync");
        map.force(); // outside the lock: appends go on meanwhile
    }

    private void force() {
        map.force();
        dirty = false;
    }

    private void put(LogPosition next) {
        position = next;
        sequence++;
        ByteBuffer out = slot((int) (sequence & 1));
        out.putInt(MAGIC).putLong(sequence).putLong(next.index()).putLong(next.term());
        out.putInt(crc(slot((int) (sequence & 1))));
    }

    private ByteBuffer slot(int number) {
        return map.slice(number * SLOT_BYTES, SLOT_BYTES);
    }

    private static int crc(ByteBuffer slot) {
        CRC32C crc = new CRC32C();
        crc.update(slot.slice(0, USED_BYTES));
        return (int) crc.getValue();
    }

    private static HighWaterMark map(Path file, FileChannel.MapMode mode) throws IOException {
        Set<StandardOpenOption> access = mode.equals(FileChannel.MapMode.READ_ONLY)
                ? Set.of(StandardOpenOption.READ)
                : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
        try (FileChannel channel = FileChannel.open(file, access)) {
            return new HighWaterMark(channel.map(mode, 0, 2L * SLOT_BYTES), 0, LogPosition.ZERO);
        }
    }

    @Override
    public synchronized void close() {
        force(); // The mapping itself goes with garbage collection.
    }
}
