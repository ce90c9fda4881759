package dev.conflux.core.state;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A member's answer to the question whether somebody uses a config there.
 *
 * @param lastFetchedSecond Unix seconds; 0 = not since that member started
 * @param watchers connected now
 */
public record UseReport(long lastFetchedSecond, int watchers) {

    /** First byte of request and answer; {@link StatusReport} has 1. */
    private static final byte FORMAT = 2;

    private static final int LENGTH = 1 + Long.BYTES + Integer.BYTES;

    /**
     * What to pass to {@code query}.
     *
     * @param path {@code tenant/app/env/name}
     */
    public static byte[] request(String path) {
        byte[] text = path.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(1 + text.length).put(FORMAT).put(text).array();
    }

    static boolean isRequest(byte[] query) {
        return query.length > 1 && query[0] == FORMAT;
    }

    static String path(byte[] query) {
        return new String(query, 1, query.length - 1, StandardCharsets.UTF_8);
    }

    public byte[] encode() {
        return ByteBuffer.allocate(LENGTH)
                .put(FORMAT)
                .putLong(lastFetchedSecond)
                .putInt(watchers)
                .array();
    }

    /** Reads {@link #encode}'s bytes. */
    public static UseReport decode(byte[] bytes) {
        if (bytes.length != LENGTH || bytes[0] != FORMAT) {
            throw new IllegalArgumentException(
                    "use report: " + bytes.length + " bytes (expected: " + LENGTH + " bytes of format " + FORMAT + ")");
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes, 1, LENGTH - 1);
        return new UseReport(buffer.getLong(), buffer.getInt());
    }
}
