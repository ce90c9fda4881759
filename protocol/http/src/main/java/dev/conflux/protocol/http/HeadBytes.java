package dev.conflux.protocol.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.AsciiString;
import java.util.Arrays;

/**
 * The head of an HTTP/1.1 answer being put together as bytes. ASCII only; whoever writes makes sure that no value holds
 * a line end. One per event loop, used by one answer after the other.
 */
final class HeadBytes implements FetchHeaders.Sink {

    /** More than the head of a fetch has; it grows when needed. */
    private static final int INITIAL = 1024;

    private byte[] bytes = new byte[INITIAL];
    private int length;

    /** @param statusLine with its line end */
    void start(String statusLine) {
        length = 0;
        append(statusLine);
    }

    @Override
    public void put(CharSequence name, CharSequence value) {
        append(name);
        append(':', ' ');
        append(value);
        append('\r', '\n');
    }

    /** A buffer that holds the head and has room for so many bytes more. */
    ByteBuf end(ByteBufAllocator allocator, int room) {
        append('\r', '\n');
        return allocator.ioBuffer(length + room).writeBytes(bytes, 0, length);
    }

    private void append(char first, char second) {
        reserve(2);
        bytes[length++] = (byte) first;
        bytes[length++] = (byte) second;
    }

    @SuppressWarnings("deprecation") // The only copy of a string's ASCII bytes that encodes nothing.
    private void append(CharSequence text) {
        int size = text.length();
        reserve(size);
        if (text instanceof AsciiString ascii) {
            System.arraycopy(ascii.array(), ascii.arrayOffset(), bytes, length, size);
        } else {
            text.toString().getBytes(0, size, bytes, length);
        }
        length += size;
    }

    private void reserve(int more) {
        if (bytes.length - length < more) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + more));
        }
    }
}
