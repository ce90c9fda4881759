package dev.conflux.core.state;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * The answer to the one query that {@link ConfigState} knows: how far a member is, and a digest that is equal on every
 * member at the same revision.
 *
 * @param appliedIndex the last entry applied, a command or not
 * @param revision the cluster revision
 * @param digest rolling digest at that revision, 64 lower-case hex digits
 * @param version of the member's software
 */
public record StatusReport(long appliedIndex, long revision, String digest, String version) {

    /** First byte of request and answer; a new layout gets a new number. */
    private static final byte FORMAT = 1;

    private static final int DIGEST_BYTES = 32;
    private static final int FIXED_LENGTH = 1 + 2 * Long.BYTES + DIGEST_BYTES;

    /** What to pass to {@code query}. */
    public static byte[] request() {
        return new byte[] {FORMAT};
    }

    static boolean isRequest(byte[] query) {
        return query.length == 1 && query[0] == FORMAT;
    }

    public byte[] encode() {
        byte[] text = version.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(FIXED_LENGTH + text.length)
                .put(FORMAT)
                .putLong(appliedIndex)
                .putLong(revision)
                .put(HexFormat.of().parseHex(digest))
                .put(text)
                .array();
    }

    /** Reads {@link #encode}'s bytes. */
    public static StatusReport decode(byte[] bytes) {
        if (bytes.length < FIXED_LENGTH || bytes[0] != FORMAT) {
            throw new IllegalArgumentException("status report: " + bytes.length + " bytes (expected: at least "
                    + FIXED_LENGTH + " bytes of format " + FORMAT + ")");
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes, 1, 2 * Long.BYTES);
        return new StatusReport(
                buffer.getLong(),
                buffer.getLong(),
                HexFormat.of().formatHex(bytes, FIXED_LENGTH - DIGEST_BYTES, FIXED_LENGTH),
                new String(bytes, FIXED_LENGTH, bytes.length - FIXED_LENGTH, StandardCharsets.UTF_8));
    }
}
