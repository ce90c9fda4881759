package dev.conflux.consensus.jraft;

import java.nio.ByteBuffer;

/**
 * An entry of ours in the log: every member takes its state's digest exactly there, so that they can be compared.
 * {@code 0x64 | leader's wall clock (8 bytes) | 0 or 1}. The state machine does not see it.
 *
 * @param whole true = of the whole state, as read from the disk; false = of what was applied
 */
record DigestMark(long proposedAtMillis, boolean whole) {

    /** Where a command has its {@link Envelope.Kind}. */
    private static final byte KIND = 0x64;

    private static final int BYTES = 1 + Long.BYTES + 1;

    ByteBuffer encode() {
        return ByteBuffer.allocate(BYTES)
                .put(KIND)
                .putLong(proposedAtMillis)
                .put((byte) (whole ? 1 : 0))
                .flip();
    }

    static boolean is(ByteBuffer data) {
        return data.remaining() == BYTES && data.get(data.position()) == KIND;
    }

    static DigestMark decode(ByteBuffer data) {
        int start = data.position();
        return new DigestMark(data.getLong(start + 1), data.get(start + 1 + Long.BYTES) == 1);
    }
}
