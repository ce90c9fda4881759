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
        MEMBERSHIP(2),
        /**
         * Every member takes its state's digest exactly here, so that they can be compared. One byte: 1 = of the whole
         * state as read from the disk, 0 = of what was applied.
         */
        DIGEST_MARK(3);

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
        return is(Kind.MEMBERSHIP, data);
    }

    /** Without reading the rest. */
    static boolean isDigestMark(ByteBuffer data) {
        return is(Kind.DIGEST_MARK, data);
    }

    private static boolean is(Kind kind, ByteBuffer data) {
        return data.hasRemaining() && data.get(data.position()) == kind.version;
    }

    static Envelope digestMark(long proposedAtMillis, boolean whole) {
        return new Envelope(Kind.DIGEST_MARK, proposedAtMillis, new byte[] {(byte) (whole ? 1 : 0)});
    }

    /** Of a digest mark: whether the whole state is meant. */
    boolean whole() {
        return command.length == 1 && command[0] == 1;
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
            case 3 -> Kind.DIGEST_MARK;
            default ->
                throw new IllegalArgumentException(
                        "log entry version: " + version + " (expected: 1 to 3); written by a newer version?");
        };
        long proposedAtMillis = in.getLong();
        byte[] command = new byte[in.remaining()];
        in.get(command);
        return new Envelope(kind, proposedAtMillis, command);
    }
}
