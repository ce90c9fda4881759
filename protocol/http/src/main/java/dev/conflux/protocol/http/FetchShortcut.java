package dev.conflux.protocol.http;

import dev.conflux.base.observe.TraceIds;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Principal;
import dev.conflux.core.service.FetchService.Fetched;
import dev.conflux.core.service.Freshness;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.VoidChannelPromise;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.impl.VertxHttpObject;
import io.vertx.core.net.impl.ConnectionBase;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Answers the common fetch between the library's HTTP codec and its request object, which costs half of what such a
 * fetch costs in all. Common: HTTP/1.1 without a body, a token seen before, content in memory, plain, and nothing
 * before it on this connection still unanswered. Whatever is not, or is in any way unusual, goes on untouched, and
 * {@link FetchHandler} answers: with the same headers and bytes, because both use {@link FetchHeaders}.
 *
 * <p>Its other half, {@link RepeatedHeaders}, stands before the codec and brings requests whose headers have been read
 * before.
 *
 * <p>It knows three things of Vert.x that are not its public API: that a connection has a Netty channel, the names of
 * three handlers in the pipeline, and how the end of an answer looks. When a new version changes one, every fetch takes the
 * long way and a test fails.
 *
 * <p>One per connection; called only on its event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // The promise given to a write hears of it, or nobody cares.
final class FetchShortcut extends ChannelDuplexHandler {

    private static final String DECODER = "httpDecoder";
    private static final String ENCODER = "httpEncoder";
    private static final String CONNECTION = "handler";
    private static final String NAME = "fetch";
    private static final String REPEATED = "fetch-repeated";

    /** Content up to here is copied behind the headers: one buffer, one plain write. */
    private static final int MAX_COPIED = 16 * 1024;

    private static final String KEEP_ALIVE = "keep-alive";
    private static final String OK = "HTTP/1.1 200 OK\r\n";
    private static final String NOT_MODIFIED = "HTTP/1.1 304 Not Modified\r\n";

    /** Headers that decide something here. */
    private enum Known {
        AUTHORIZATION("authorization"),
        IF_NONE_MATCH("if-none-match"),
        TRACEPARENT("traceparent"),
        /** Only what is the default may be asked. */
        CONNECTION("connection"),
        // With one of these the request is not common.
        CONTENT_LENGTH("content-length"),
        TRANSFER_ENCODING("transfer-encoding"),
        EXPECT("expect"),
        UPGRADE("upgrade"),
        CONSISTENCY("x-conflux-consistency"),
        MIN_REVISION("x-conflux-min-revision"),
        MAX_STALENESS("x-conflux-max-staleness-ms");

        private static final Known[][] BY_LENGTH = new Known[32][];

        static {
            for (int length = 0; length < BY_LENGTH.length; length++) {
                var found = new ArrayList<Known>();
                for (Known known : values()) {
                    if (known.header.length() == length) {
                        found.add(known);
                    }
                }
                BY_LENGTH[length] = found.toArray(Known[]::new);
            }
        }

        private final String header;

        Known(String header) {
            this.header = header;
        }

        static @Nullable Known of(CharSequence header) {
            if (header.length() < BY_LENGTH.length) {
                for (Known known : BY_LENGTH[header.length()]) {
                    if (AsciiString.contentEqualsIgnoreCase(known.header, header)) {
                        return known;
                    }
                }
            }
            return null;
        }
    }

    /** What the headers of a common request say that decides its answer. */
    record Asked(
            String token,
            @Nullable String ifNoneMatch,
            @Nullable String traceparent,
            Labels labels) {}

    private final HttpServices services;
    private final FetchHandler.Measured measured;
    private final FetchHeaders headers;
    private final HeadBytes head;

    private @Nullable ChannelHandlerContext encoder;
    private @Nullable ChannelPromise nobody;
    /** Requests that went on to Vert.x and whose answers have not ended. */
    private int passed;
    /** The request just answered here still has its end to come. */
    private boolean endToCome;
    /** Requests of which the decoder has given the head but not the end. */
    private int open;
    /** What comes on this connection may no longer be requests, or need no answer. */
    private boolean lastRequestPassed;
    /** Of the request answered last; until {@link #forgetAsked}. */
    private @Nullable Asked asked;

    private boolean unflushed;

    // The request being looked at.
    private @Nullable String authorization;
    private @Nullable String ifNoneMatch;
    private @Nullable String traceparent;
    private ArrayList<CharSequence> labelHeaders = new ArrayList<>();

    // A client says the same of itself again and again.
    private ArrayList<CharSequence> lastLabelHeaders = new ArrayList<>();
    private Labels lastLabels = Labels.NONE;

    private FetchShortcut(HttpServices services, FetchHandler.Measured measured, FetchHeaders headers, HeadBytes head) {
        this.services = services;
        this.measured = measured;
        this.headers = headers;
        this.head = head;
    }

    /** Puts one into an HTTP/1.1 connection; does nothing with others. */
    static void install(
            HttpConnection connection,
            HttpServices services,
            FetchHandler.Measured measured,
            FetchHeaders headers,
            HeadBytes head) {
        if (connection instanceof ConnectionBase base) {
            ChannelPipeline pipeline = base.channel().pipeline();
            if (pipeline.get(DECODER) != null && pipeline.get(ENCODER) != null && pipeline.get(CONNECTION) != null) {
                var shortcut = new FetchShortcut(services, measured, headers, head);
                pipeline.addBefore(CONNECTION, NAME, shortcut);
                pipeline.addBefore(DECODER, REPEATED, new RepeatedHeaders(shortcut));
            }
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        encoder = context.pipeline().context(ENCODER);
        nobody = new VoidChannelPromise(context.channel(), false);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof HttpRequest) {
            open++;
        }
        if (message instanceof LastHttpContent && open > 0) {
            open--;
        }
        if (endToCome) {
            endToCome = !(message instanceof LastHttpContent);
            ReferenceCountUtil.release(message);
            return;
        }
        if (message instanceof HttpRequest request) {
            if (answered(context, request)) {
                endToCome = true;
                return;
            }
            passed++;
            lastRequestPassed |= mayBeLast(request);
        }
        context.fireChannelRead(message);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        if (unflushed && encoder != null) {
            unflushed = false;
            encoder.flush();
        }
        context.fireChannelReadComplete();
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (message instanceof VertxHttpObject part && part.isEnded()) {
            passed--;
        }
        context.write(message, promise);
    }

    private static boolean mayBeLast(HttpRequest request) {
        String connection = request.headers().get(HttpHeaderNames.CONNECTION);
        return request.decoderResult().isFailure()
                || !request.protocolVersion().equals(HttpVersion.HTTP_1_1)
                || request.method().equals(HttpMethod.CONNECT)
                || request.headers().contains(HttpHeaderNames.UPGRADE)
                || (connection != null && !AsciiString.contentEqualsIgnoreCase(connection, KEEP_ALIVE));
    }

    /** Whether the decoder has ended every request that it began. */
    boolean isBetweenRequests() {
        return open == 0;
    }

    /** Whether the next request, wherever it is read, may be answered at once. */
    boolean isFree(ChannelHandlerContext context) {
        return passed == 0
                && open == 0
                && !lastRequestPassed
                // Somebody does not read what he asks for: Vert.x stops reading from him.
                && context.channel().isWritable();
    }

    void forgetAsked() {
        asked = null;
    }

    @Nullable
    Asked asked() {
        return asked;
    }

    /** False = nothing has happened, somebody else must answer. */
    private boolean answered(ChannelHandlerContext context, HttpRequest request) {
        String uri = request.uri();
        if (passed > 0
                || !request.method().equals(HttpMethod.GET)
                || !uri.startsWith(FetchHandler.PREFIX)
                || !request.protocolVersion().equals(HttpVersion.HTTP_1_1)
                || request.decoderResult().isFailure()
                || uri.indexOf('%') >= 0
                || uri.indexOf('?') >= 0
                // Somebody does not read what he asks for: Vert.x stops reading from him.
                || !context.channel().isWritable()) {
            return false;
        }
        String token = isCommon(request) ? FetchHandler.token(authorization) : null;
        if (token == null) {
            return false;
        }
        Labels labels;
        try {
            labels = labels();
        } catch (ConfluxException refused) {
            return false;
        }
        var read = new Asked(token, ifNoneMatch, traceparent, labels);
        if (!answered(context, uri.substring(FetchHandler.PREFIX.length()), read)) {
            return false;
        }
        asked = read;
        return true;
    }

    /**
     * Answers from what is in memory; flushed when the reading is complete. Only while {@link #isFree}.
     *
     * @param path tenant, app, env and name, nothing in it encoded
     * @return false = nothing has happened, somebody else must answer
     */
    boolean answered(ChannelHandlerContext context, String path, Asked asked) {
        long start = System.nanoTime();
        Principal principal = services.authenticator().cached(asked.token);
        if (principal == null) {
            return false;
        }
        Fetched fetched;
        try {
            fetched = services.fetch().fetch(principal, path, asked.labels);
        } catch (ConfluxException refused) {
            return false;
        }
        byte[] content = fetched.cachedContent();
        if (content == null || fetched.encryption() != null || !services.gate().isOpen(Freshness.ANY)) {
            return false;
        }
        String traceId = TraceIds.continuing(asked.traceparent);
        if (asked.ifNoneMatch != null && ETags.matches(asked.ifNoneMatch, fetched.etag())) {
            head.start(NOT_MODIFIED);
            headers.state(head, fetched, Freshness.Level.STALE, traceId);
            send(head.end(context.alloc(), 0));
            measured.notModified(start);
            return true;
        }
        boolean copied = content.length <= MAX_COPIED;
        head.start(OK);
        headers.state(head, fetched, Freshness.Level.STALE, traceId);
        headers.content(head, fetched);
        head.put(HttpHeaderNames.CONTENT_LENGTH, Integer.toString(content.length));
        ByteBuf answer = head.end(context.alloc(), copied ? content.length : 0);
        if (copied) {
            send(answer.writeBytes(content));
        } else {
            send(answer);
            send(Unpooled.wrappedBuffer(content));
        }
        measured.served(start);
        return true;
    }

    /** Past the encoder, which has nothing to do here. */
    private void send(ByteBuf bytes) {
        if (encoder != null && nobody != null) {
            encoder.write(bytes, nobody);
            unflushed = true;
        }
    }

    /** Reads the headers; false when one of them makes the request uncommon. */
    private boolean isCommon(HttpRequest request) {
        authorization = null;
        ifNoneMatch = null;
        traceparent = null;
        labelHeaders.clear();
        for (Iterator<Map.Entry<CharSequence, CharSequence>> all =
                        request.headers().iteratorCharSequence();
                all.hasNext(); ) {
            Map.Entry<CharSequence, CharSequence> header = all.next();
            CharSequence name = header.getKey();
            CharSequence value = header.getValue();
            switch (Known.of(name)) {
                case null -> {
                    if (ClientLabels.isLabel(name)) {
                        labelHeaders.add(name);
                        labelHeaders.add(value);
                    }
                }
                case AUTHORIZATION -> {
                    if (authorization != null) {
                        return false;
                    }
                    authorization = value.toString();
                }
                case IF_NONE_MATCH -> {
                    if (ifNoneMatch != null) {
                        return false;
                    }
                    ifNoneMatch = value.toString();
                }
                case TRACEPARENT -> traceparent = traceparent == null ? value.toString() : traceparent;
                case CONNECTION -> {
                    if (!AsciiString.contentEqualsIgnoreCase(value, KEEP_ALIVE)) {
                        return false;
                    }
                }
                case CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT, UPGRADE, CONSISTENCY, MIN_REVISION, MAX_STALENESS -> {
                    return false;
                }
            }
        }
        return true;
    }

    private Labels labels() {
        if (!labelHeaders.equals(lastLabelHeaders)) {
            lastLabels = ClientLabels.of(labelHeaders);
            ArrayList<CharSequence> before = lastLabelHeaders;
            lastLabelHeaders = labelHeaders;
            labelHeaders = before;
        }
        return lastLabels;
    }
}
