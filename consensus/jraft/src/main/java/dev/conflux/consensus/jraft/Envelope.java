package dev.conflux.consensus.jraft;

import java.nio.ByteBuffer;

/**
 * What the engine stores for one command: {@code version (1 byte) = 1 | leader's wall clock, Unix milliseconds (8 bytes,
 * big-endian) | command}. In log files for ever: a new layout gets a new version, the old one stays readable.
 *
 * @param proposedAtMillis wall clock of the leader that appended it
 * @param command the proposer's bytes
 */
record Envelope(long proposedAtMillis, byte[] command) {

    static final byte VERSION = 1;
    static final int HEADER_BYTES = 1 + Long.BYTES;

    ByteBuffer encode() {
        return ByteBuffer.allocate(HEADER_BYTES + command.length)
                .put(VERSION)
                .putLong(proposedAtMillis)
                .put(command)
                .flip();
    }

    /**
     * Reads an entry.
     *
     * @throws IllegalArgumentException when this build cannot know what the bytes mean
     */
    static Envelope decode(ByteBuffer data) {
        ByteBuffer in = data.duplicate();
        if (in.remaining() < HEADER_BYTES) {
            throw new IllegalArgumentException(
                    "log entry: " + in.remaining() + " bytes (expected: >= " + HEADER_BYTES + ")");
        }
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("log entry version: " + version + " (expected: " + VERSION + ")");
        }
        long proposedAtMillis = in.getLong();
        byte[] command = new byte[in.remaining()];
        in.get(command);
        return new Envelope(proposedAtMillis, command);
    }
}
