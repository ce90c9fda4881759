package dev.conflux.protocol.http;

import dev.conflux.protocol.http.FetchShortcut.Asked;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.timeout.IdleStateHandler;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Before the library's decoder: recognises the fetch whose headers are, byte for byte, those that the decoder has read of
 * an earlier one on this connection. A client says the same of itself with each request; only the path differs. So the
 * headers need no second reading, and no parser of our own exists: what is not the same goes on to the decoder.
 *
 * <p>It acts only while the decoder holds nothing, which it knows after bytes that end with an empty line and after which
 * no request is open: whatever was before that line has been read as a request.
 *
 * <p>One per connection; called only on its event loop.
 */
final class RepeatedHeaders extends ChannelInboundHandlerAdapter {

    /** A longer request is the decoder's: a token, 32 labels and what a browser or proxy adds fit. */
    private static final int MAX_REQUEST_BYTES = 8 * 1024;

    private static final byte[] START = ascii("GET " + FetchHandler.PREFIX);
    private static final byte[] VERSION = ascii(" HTTP/1.1\r\n");
    private static final byte[] EMPTY_LINE = ascii("\r\n\r\n");

    /** What a path consists of that needs no decoding and is no query. */
    private static final boolean[] PLAIN = new boolean[256];

    static {
        for (byte letter : ascii("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")) {
            PLAIN[letter] = true;
        }
    }

    /** Bytes being looked at; nothing of one call is used by the next. */
    private static final ThreadLocal<byte[]> WINDOW = ThreadLocal.withInitial(() -> new byte[MAX_REQUEST_BYTES]);

    private final FetchShortcut shortcut;
    private final byte[] window = WINDOW.get();
    private @Nullable IdleStateHandler idle;

    /** It may have been given bytes before this handler was there. */
    private boolean decoderEmpty;

    /** Behind the request line, with the empty line. */
    private byte[] headers = new byte[0];

    private int headersLength;
    /** What the headers say; null = none are remembered. */
    private @Nullable Asked asked;

    RepeatedHeaders(FetchShortcut shortcut) {
        this.shortcut = shortcut;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        idle = context.pipeline().get(IdleStateHandler.class);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (!(message instanceof ByteBuf bytes)) {
            decoderEmpty = false;
            context.fireChannelRead(message);
            return;
        }
        if (answered(context, bytes)) {
            bytes.release();
            if (idle != null) {
                idle.resetReadTimeout();
            }
            return;
        }
        boolean lineEnded = endsWithEmptyLine(bytes);
        boolean alone = lineEnded && decoderEmpty && shortcut.isFree(context) && keepHeaders(bytes);
        decoderEmpty = false;
        shortcut.forgetAsked();
        context.fireChannelRead(bytes);
        decoderEmpty = lineEnded && shortcut.isBetweenRequests();
        if (alone && decoderEmpty) {
            asked = shortcut.asked();
        }
    }

    /** Answers one request after the other; true when nothing is left. */
    private boolean answered(ChannelHandlerContext context, ByteBuf bytes) {
        Asked known = asked;
        if (known == null || !decoderEmpty) {
            return false;
        }
        while (shortcut.isFree(context)) {
            int length = look(bytes);
            int path = pathEnd(length);
            int end = path + VERSION.length + headersLength;
            if (end > length
                    || !has(path, VERSION, VERSION.length)
                    || !has(path + VERSION.length, headers, headersLength)
                    || !shortcut.answered(context, text(START.length, path), known)) {
                return false;
            }
            bytes.skipBytes(end);
            if (!bytes.isReadable()) {
                return true;
            }
        }
        return false;
    }

    /** Copies the next bytes into the window and returns how many there are. */
    private int look(ByteBuf bytes) {
        int length = Math.min(bytes.readableBytes(), window.length);
        bytes.getBytes(bytes.readerIndex(), window, 0, length);
        return length;
    }

    /** Where the path of a fetch ends; {@code length} when there is none. */
    private int pathEnd(int length) {
        if (length < START.length || !has(0, START, START.length)) {
            return length;
        }
        int end = START.length;
        while (end < length && PLAIN[window[end] & 0xff]) {
            end++;
        }
        return end;
    }

    private boolean has(int at, byte[] expected, int length) {
        return Arrays.equals(window, at, at + length, expected, 0, length);
    }

    @SuppressWarnings("deprecation") // ASCII by PLAIN: nothing to decode.
    private String text(int from, int to) {
        return new String(window, 0, from, to - from);
    }

    private static boolean endsWithEmptyLine(ByteBuf bytes) {
        int from = bytes.writerIndex() - EMPTY_LINE.length;
        if (from < bytes.readerIndex()) {
            return false;
        }
        for (int i = 0; i < EMPTY_LINE.length; i++) {
            if (bytes.getByte(from + i) != EMPTY_LINE[i]) {
                return false;
            }
        }
        return true;
    }

    /** Takes the headers of a fetch that comes alone; false, and none are remembered, when this is something else. */
    private boolean keepHeaders(ByteBuf bytes) {
        asked = null;
        if (bytes.readableBytes() > window.length) {
            return false;
        }
        int length = look(bytes);
        int from = pathEnd(length) + VERSION.length;
        if (from > length || !has(from - VERSION.length, VERSION, VERSION.length) || !isOneHead(from, length)) {
            return false;
        }
        headersLength = length - from;
        if (headers.length < headersLength) {
            headers = new byte[headersLength];
        }
        System.arraycopy(window, from, headers, 0, headersLength);
        return true;
    }

    /** Whether each line ends with CR LF, neither stands anywhere else, and the only empty line is the last. */
    private boolean isOneHead(int from, int length) {
        int lineStart = from;
        for (int i = from; i < length; i++) {
            if (window[i] == '\r') {
                boolean empty = i == lineStart;
                if (i + 1 == length || window[i + 1] != '\n' || empty != (i + 2 == length)) {
                    return false;
                }
                i++;
                lineStart = i + 1;
            } else if (window[i] == '\n') {
                return false;
            }
        }
        return lineStart == length;
    }
}
