package dev.conflux.consensus.jraft;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/** {@code length (4) | kind (1) | request id (8) | type (2) | body}; length counts what follows it. Big-endian. */
final class Frames {

    static final byte REQUEST = 1;
    static final byte REPLY = 2;
    static final int HEADER_BYTES = 1 + Long.BYTES + Short.BYTES;

    /**
     * One frame, ready to be written; the caller owns it.
     *
     * @throws IllegalArgumentException when the message does not fit a frame
     */
    static ByteBuf encode(ByteBufAllocator allocator, byte kind, long requestId, Object message) {
        MessageType type = MessageType.of(message);
        ByteBuf out = allocator.buffer(Integer.BYTES + HEADER_BYTES + MessageType.sizeHint(message));
        boolean done = false;
        try {
            out.writeInt(0);
            out.writeByte(kind);
            out.writeLong(requestId);
            out.writeShort(type.number);
            MessageType.write(message, out);
            int length = out.readableBytes() - Integer.BYTES;
            if (length > Limits.MAX_FRAME_BYTES) {
                throw new IllegalArgumentException(
                        type + ": " + length + " bytes (expected: <= " + Limits.MAX_FRAME_BYTES + ")");
            }
            out.setInt(0, length);
            done = true;
            return out;
        } finally {
            if (!done) {
                out.release();
            }
        }
    }

    private Frames() {}
}
