package dev.conflux.consensus.jraft;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Finds the place of a bad record in one of RocksDB's write-ahead files; RocksDB itself only says that there is one.
 * Format: RocksDB wiki, "Write Ahead Log File Format".
 */
final class WriteAheadFile {

    private static final int BLOCK_BYTES = 32 * 1024;

    /** Checksum (4), length (2), type (1). */
    private static final int HEADER_BYTES = 7;

    /** A recyclable record's header ends with the number of the file. */
    private static final int RECYCLABLE_HEADER_BYTES = 11;

    private static final int ZERO_TYPE = 0;
    private static final int FIRST_RECYCLABLE = 5;
    private static final int LAST_RECYCLABLE = 8;
    private static final int RECYCLABLE_TIMESTAMP_SIZE = 11;
    private static final int MASK_DELTA = 0xa282ead8;

    /**
     * A record that RocksDB does not accept.
     *
     * @param offset of its header in the file
     * @param last true when nothing follows it: what an interrupted write leaves
     */
    record BadRecord(long offset, String what, boolean last) {}

    /** The first bad record, or null when all are good. */
    static @Nullable BadRecord firstBad(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            ByteBuffer block = ByteBuffer.allocate(BLOCK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (long start = 0; start < size; start += BLOCK_BYTES) {
                block.clear();
                while (block.hasRemaining() && channel.read(block, start + block.position()) >= 0) {
                    // Until the block is full or the file ends.
                }
                block.flip();
                BadRecord bad = firstBad(block, start, size);
                if (bad != null) {
                    return bad;
                }
            }
            return null;
        }
    }

    private static @Nullable BadRecord firstBad(ByteBuffer block, long start, long size) {
        int at = 0;
        while (BLOCK_BYTES - at >= HEADER_BYTES && at < block.limit()) {
            long offset = start + at;
            if (block.limit() - at < HEADER_BYTES) {
                return new BadRecord(offset, "a record's header is cut off", true);
            }
            int length = block.getShort(at + 4) & 0xffff;
            int type = block.get(at + 6) & 0xff;
            if (type == ZERO_TYPE && length == 0) {
                return null; // space reserved ahead of writing: the end
            }
            boolean recyclable =
                    (type >= FIRST_RECYCLABLE && type <= LAST_RECYCLABLE) || type == RECYCLABLE_TIMESTAMP_SIZE;
            int header = recyclable ? RECYCLABLE_HEADER_BYTES : HEADER_BYTES;
            int end = at + header + length;
            if (end > BLOCK_BYTES) {
                return new BadRecord(offset, "a record is longer than its block", false);
            }
            if (end > block.limit()) {
                return new BadRecord(offset, "a record is cut off", true);
            }
            CRC32C crc = new CRC32C();
            crc.update(block.slice(at + 6, end - at - 6));
            if (unmask(block.getInt(at)) != (int) crc.getValue()) {
                return new BadRecord(offset, "a record's checksum does not fit", start + end == size);
            }
            at = end;
        }
        return null;
    }

    private static int unmask(int masked) {
        return Integer.rotateRight(masked - MASK_DELTA, 17);
    }

    private WriteAheadFile() {}
}
