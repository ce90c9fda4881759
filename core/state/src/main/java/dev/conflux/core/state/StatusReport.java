package dev.conflux.core.state;

import dev.conflux.consensus.api.LogPosition;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/**
 * The answer to the one query that {@link ConfigState} knows: how far a member is, and a digest that is equal on every
 * member at the same revision.
 *
 * @param applied the last entry applied
 * @param revision the cluster revision
 * @param digest rolling digest at that revision, 64 lower-case hex digits
 */
public record StatusReport(LogPosition applied, long revision, String digest) {

    /** First byte of request and answer; a new layout gets a new number. */
    private static final byte FORMAT = 1;

    private static final int DIGEST_BYTES = 32;
    private static final int LENGTH = 1 + 3 * Long.BYTES + DIGEST_BYTES;

    /** What to pass to {@code query}. */
    public static byte[] request() {
        return new byte[] {FORMAT};
    }

    static boolean isRequest(byte[] query) {
        return query.length == 1 && query[0] == FORMAT;
    }

    public byte[] encode() {
        return ByteBuffer.allocate(LENGTH)
                .put(FORMAT)
                .putLong(applied.index())
                .putLong(applied.term())
                .putLong(revision)
                .put(HexFormat.of().parseHex(digest))
                .array();
    }

    /** Reads {@link #encode}'s bytes. */
    public static StatusReport decode(byte[] bytes) {
        if (bytes.length != LENGTH || bytes[0] != FORMAT) {
            throw new IllegalArgumentException("status report: " + bytes.length + " bytes (expected: " + LENGTH
                    + " bytes of format " + FORMAT + ")");
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes, 1, LENGTH - 1);
        var applied = new LogPosition(buffer.getLong(), buffer.getLong());
        return new StatusReport(
                applied, buffer.getLong(), HexFormat.of().formatHex(bytes, LENGTH - DIGEST_BYTES, LENGTH));
    }
}
