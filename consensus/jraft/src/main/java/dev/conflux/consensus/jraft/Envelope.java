package dev.conflux.consensus.jraft;

import java.nio.ByteBuffer;

/**
 * What the engine stores for one entry: {@code version (1 byte) | leader's wall clock, Unix milliseconds (8 bytes,
 * big-endian) | body}. In log files for ever: a new layout gets a new version, the old one stays readable.
 *
 * @param proposedAtMillis wall clock of the leader that appended it
 * @param command the body: the proposer's bytes
 */
record Envelope(Kind kind, long proposedAtMillis, byte[] command) {

    /** What the body is. Numbers are for ever. */
    enum Kind {
        /** A command for the state machine. */
        COMMAND(1),
        /** A {@link MembershipEntry}, for this component itself. */
        MEMBERSHIP(2);

        final byte version;

        Kind(int version) {
            this.version = (byte) version;
        }
    }

    static final int HEADER_BYTES = 1 + Long.BYTES;

    ByteBuffer encode() {
        return ByteBuffer.allocate(HEADER_BYTES + command.length)
                .put(kind.version)
                .putLong(proposedAtMillis)
                .put(command)
                .flip();
    }

    /** Without reading the rest. */
    static boolean isMembership(ByteBuffer data) {
        return data.hasRemaining() && data.get(data.position()) == Kind.MEMBERSHIP.version;
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
        Kind kind = switch (version) {
            case 1 -> Kind.COMMAND;
            case 2 -> Kind.MEMBERSHIP;
            default ->
                throw new IllegalArgumentException(
                        "log entry version: " + version + " (expected: 1 or 2); written by a newer version?");
        };
        long proposedAtMillis = in.getLong();
        byte[] command = new byte[in.remaining()];
        in.get(command);
        return new Envelope(kind, proposedAtMillis, command);
    }
}
