package dev.conflux.consensus.jraft;

import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsException;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.collection.LongObjectHashMap;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The outgoing connection to one peer for one kind of traffic, re-made for as long as the transport lives: so that an
 * election or a forwarded proposal never has to wait for a TLS handshake with a living peer. Requests keep their order.
 * State changes on its event loop; {@link #send} comes from any thread.
 */
@SuppressWarnings("FutureReturnValueIgnored") // closes, schedules and writes report through channelInactive
final class PeerLink {

    private static final Logger LOG = LoggerFactory.getLogger(PeerLink.class);

    /** Traffic kinds have connections of their own: a snapshot chunk or a 3 MiB command must not delay a heartbeat. */
    enum Lane {
        /** Votes, appends, heartbeats, read-index. Fails at once without a connection: the engine has its own pace. */
        RAFT,
        /** Forwarded proposals and questions. */
        CALL,
        /** Snapshot files. */
        BULK
    }

    private static final PeerAddress NOWHERE = new PeerAddress("nowhere.invalid", 1);

    private record Pending(ReplyHandler handler, long deadlineNanos) {}

    private record Waiting(Object request, long timeoutMillis, ReplyHandler handler) {}

    /** One established connection. */
    private static final class Ready {
        final Channel channel;
        final Outbox outbox;

        Ready(Channel channel, Outbox outbox) {
            this.channel = channel;
            this.outbox = outbox;
        }
    }

    private final PeerTransport transport;
    private final int peerId; // 0 = whoever is at that address
    private final PeerAddress address;
    private final Lane lane;
    private final EventLoop loop;
    private final AtomicLong requestIds = new AtomicLong();
    private final Deque<Waiting> waiting = new ArrayDeque<>(); // guarded by itself

    private volatile @Nullable Ready ready;
    private volatile boolean closed;
    private volatile @Nullable Future<?> sweeping;
    private volatile int pendingRequests;
    private final PeerTraffic traffic;

    // Event loop only.
    private final LongObjectHashMap<Pending> pending = new LongObjectHashMap<>();
    private boolean connecting;
    private long backoffMillis = Limits.RECONNECT_MIN_MILLIS;
    private long lastReadNanos;
    private boolean timedOutSinceRead;
    private @Nullable Channel connectingChannel;
    private String lastProblem = "";

    PeerLink(PeerTransport transport, int peerId, PeerAddress address, Lane lane, EventLoop loop) {
        this.transport = transport;
        this.peerId = peerId;
        this.address = address;
        this.lane = lane;
        this.loop = loop;
        this.traffic = transport.counters().peer(peerId);
        traffic.add(this);
    }

    /** A link that never connects. */
    static PeerLink toNobody(PeerTransport transport, int peerId, Lane lane, EventLoop loop) {
        var link = new PeerLink(transport, peerId, NOWHERE, lane, loop);
        link.closed = true;
        return link;
    }

    void start() {
        loop.execute(this::connect);
        sweeping = loop.scheduleWithFixedDelay(
                this::sweep, Limits.TIMEOUT_SWEEP_MILLIS, Limits.TIMEOUT_SWEEP_MILLIS, TimeUnit.MILLISECONDS);
    }

    boolean connected() {
        return ready != null;
    }

    long queuedBytes() {
        Ready now = ready;
        return now == null ? 0 : now.outbox.queuedBytes();
    }

    int pendingRequests() {
        return pendingRequests;
    }

    boolean writable() {
        Ready now = ready;
        return now != null && now.outbox.writable();
    }

    /**
     * Sends a request.
     *
     * @param refusable refused with {@code NOT_SENT} while the peer does not keep up; never for votes and heartbeats
     */
    void send(Object request, long timeoutMillis, boolean refusable, ReplyHandler handler) {
        Ready now = ready;
        if (now == null) {
            waitForConnection(new Waiting(request, timeoutMillis, handler));
            return;
        }
        if (refusable && !now.outbox.writable()) {
            handler.failed(
                    new SendFailure(SendFailure.Kind.NOT_SENT, "write queue to node " + peerId + " is over its bound"));
            return;
        }
        long id = requestIds.incrementAndGet();
        ByteBuf frame;
        try {
            frame = Frames.encode(now.channel.alloc(), Frames.REQUEST, id, request);
        } catch (IllegalArgumentException e) {
            handler.failed(new SendFailure(SendFailure.Kind.NOT_SENT, String.valueOf(e.getMessage())));
            return;
        }
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
        now.outbox.add(new Outbox.Item(
                frame,
                () -> {
                    pending.put(id, new Pending(handler, deadline));
                    pendingRequests = pending.size();
                },
                () -> handler.failed(
                        new SendFailure(SendFailure.Kind.NOT_SENT, "connection to node " + peerId + " closed"))));
    }

    private void waitForConnection(Waiting request) {
        String problem = null;
        if (lane == Lane.RAFT || closed) {
            problem = "no connection to node " + peerId;
        } else {
            synchronized (waiting) {
                if (waiting.size() >= Limits.MAX_WAITING_FOR_CONNECTION) {
                    problem = "too many requests wait for a connection to node " + peerId;
                } else {
                    waiting.add(request);
                }
            }
        }
        if (problem != null) {
            request.handler().failed(new SendFailure(SendFailure.Kind.NOT_SENT, problem));
        } else if (ready != null) {
            loop.execute(this::releaseWaiting);
        }
    }

    private void releaseWaiting() {
        for (Waiting request : takeWaiting()) {
            send(request.request(), request.timeoutMillis(), false, request.handler());
        }
    }

    private List<Waiting> takeWaiting() {
        synchronized (waiting) {
            var taken = new ArrayList<>(waiting);
            waiting.clear();
            return taken;
        }
    }

    /** Closes this connection; it is made again. */
    void reset() {
        Ready now = ready;
        if (now != null) {
            now.channel.close();
        }
    }

    void close() {
        closed = true;
        Future<?> sweep = sweeping;
        if (sweep != null) {
            sweep.cancel(false);
        }
        if (loop.isShuttingDown()) {
            return;
        }
        loop.execute(() -> {
            Ready now = ready;
            if (now != null) {
                now.channel.close();
            }
            Channel half = connectingChannel;
            if (half != null) {
                half.close();
            }
            failWaiting("transport is closed");
        });
    }

    private void failWaiting(String problem) {
        for (Waiting request : takeWaiting()) {
            request.handler().failed(new SendFailure(SendFailure.Kind.NOT_SENT, problem));
        }
    }

    private void connect() {
        if (closed || connecting || ready != null) {
            return;
        }
        connecting = true;
        // A name server may take its time: never on the event loop, which carries the heartbeats of others.
        transport.resolve(address, (resolved, problem) -> {
            if (!loop.isShuttingDown()) {
                loop.execute(() -> {
                    if (resolved != null && !closed) {
                        connectTo(resolved);
                    } else {
                        lost(null, "cannot resolve: " + rootMessage(problem));
                    }
                });
            }
        });
    }

    private void connectTo(InetSocketAddress resolved) {
        Bootstrap bootstrap = new Bootstrap()
                .group(loop)
                .channel(NioSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, Limits.CONNECT_TIMEOUT_MILLIS)
                .option(
                        ChannelOption.WRITE_BUFFER_WATER_MARK,
                        new WriteBufferWaterMark(Limits.WRITE_QUEUE_LOW_BYTES, Limits.WRITE_QUEUE_HIGH_BYTES))
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        SslHandler tls =
                                transport.tls().client().newHandler(channel.alloc(), address.host(), address.port());
                        tls.setHandshakeTimeoutMillis(Limits.HANDSHAKE_TIMEOUT_MILLIS);
                        channel.pipeline()
                                .addLast(tls)
                                .addLast("frames", new LengthFieldBasedFrameDecoder(Limits.MAX_HELLO_BYTES, 0, 4, 0, 4))
                                .addLast(new Handler(tls));
                    }
                });
        bootstrap.connect(resolved).addListener((Future<? super Void> done) -> {
            if (!done.isSuccess()) {
                lost(null, "cannot connect: " + rootMessage(done.cause()));
            }
        });
    }

    private void lost(@Nullable Channel channel, String why) {
        connecting = false;
        connectingChannel = null;
        Ready was = ready;
        if (was != null && was.channel.equals(channel)) {
            ready = null;
            was.outbox.discard();
            var broken = new ArrayList<>(pending.values());
            pending.clear();
            pendingRequests = 0;
            for (Pending request : broken) {
                request.handler()
                        .failed(new SendFailure(SendFailure.Kind.LOST, "connection to node " + peerId + " lost"));
            }
        }
        if (!why.equals(lastProblem) && !closed) {
            lastProblem = why; // once per kind of trouble: this repeats several times a second
            report(why);
        }
        failWaiting("connection to node " + peerId + ": " + why);
        if (!closed && !loop.isShuttingDown()) {
            long delay = backoffMillis / 2 + ThreadLocalRandom.current().nextLong(backoffMillis / 2 + 1);
            backoffMillis = Math.min(backoffMillis * 2, Limits.RECONNECT_MAX_MILLIS);
            loop.schedule(this::connect, delay, TimeUnit.MILLISECONDS);
        }
    }

    private void report(String why) {
        if (lane == Lane.RAFT) {
            LOG.info("peer_disconnected peer={} address={} reason=\"{}\"", peerId, address, why);
        } else {
            LOG.debug("peer_disconnected peer={} lane={} reason=\"{}\"", peerId, lane, why); // says the same
        }
    }

    private void sweep() {
        if (pending.isEmpty()) {
            return;
        }
        long now = System.nanoTime();
        List<Pending> expired = new ArrayList<>();
        pending.values().removeIf(request -> {
            if (now - request.deadlineNanos() < 0) {
                return false;
            }
            expired.add(request);
            return true;
        });
        pendingRequests = pending.size();
        for (Pending request : expired) {
            timedOutSinceRead = true;
            request.handler().failed(new SendFailure(SendFailure.Kind.TIMED_OUT, "node " + peerId + " did not answer"));
        }
        Ready current = ready;
        if (current != null
                && timedOutSinceRead
                && now - lastReadNanos > TimeUnit.MILLISECONDS.toNanos(Limits.SILENT_CONNECTION_MILLIS)) {
            LOG.warn("peer_silent peer={} lane={}: replacing the connection", peerId, lane);
            current.channel.close();
        }
    }

    private static String rootMessage(@Nullable Throwable cause) {
        Throwable root = cause;
        while (root != null && root.getCause() != null) {
            root = root.getCause();
        }
        return root == null ? "unknown" : root.getClass().getSimpleName() + ": " + root.getMessage();
    }

    /** One attempt at a connection, then the connection. */
    private final class Handler extends ChannelInboundHandlerAdapter {

        private final SslHandler tls;
        private String problem = "closed by peer";
        private int reached; // node id in the certificate

        Handler(SslHandler tls) {
            this.tls = tls;
        }

        @Override
        public void channelActive(ChannelHandlerContext context) {
            connectingChannel = context.channel();
            if (closed) {
                context.close();
                return;
            }
            context.executor()
                    .schedule(
                            () -> {
                                Ready now = ready;
                                if (now == null || !now.channel.equals(context.channel())) {
                                    problem = "no hello within " + Limits.HANDSHAKE_TIMEOUT_MILLIS + " ms";
                                    context.close();
                                }
                            },
                            Limits.HANDSHAKE_TIMEOUT_MILLIS,
                            TimeUnit.MILLISECONDS);
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event instanceof SslHandshakeCompletionEvent handshake) {
                if (!handshake.isSuccess()) {
                    problem = "TLS: " + rootMessage(handshake.cause());
                    transport.counters().connectionsRefused.increment();
                    return; // SslHandler closes the channel.
                }
                try {
                    PeerName name = PeerTls.peer(tls);
                    if (peerId == 0 && transport.membership().isSelf(name)) {
                        closed = true; // A contact that is this node itself: nothing to be heard there.
                        problem = "this is this node itself";
                        context.close();
                        return;
                    }
                    transport.membership().checkCertificate(name, peerId);
                    reached = name.nodeId();
                } catch (TlsException e) {
                    problem = String.valueOf(e.getMessage());
                    transport.counters().connectionsRefused.increment();
                    context.close();
                    return;
                }
                context.writeAndFlush(
                        Frames.encode(
                                context.alloc(),
                                Frames.REQUEST,
                                0,
                                transport.membership().hello()),
                        context.voidPromise());
            }
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object received) {
            ByteBuf frame = (ByteBuf) received;
            try {
                lastReadNanos = System.nanoTime();
                timedOutSinceRead = false;
                transport.counters().framesReceived.increment();
                traffic.received(frame.readableBytes());
                byte kind = frame.readByte();
                long id = frame.readLong();
                int number = frame.readUnsignedShort();
                MessageType type = MessageType.of(number);
                if (kind != Frames.REPLY || type == null) {
                    throw new IllegalArgumentException("unexpected frame: kind " + kind + ", type " + number);
                }
                Object message = type.read(frame);
                Ready now = ready;
                if (now == null) {
                    if (!(message instanceof Wire.HelloReply reply)) {
                        throw new IllegalArgumentException("expected a hello reply, got " + type);
                    }
                    greeted(context, reply);
                    return;
                }
                Pending request = pending.remove(id);
                pendingRequests = pending.size();
                if (request != null) {
                    request.handler().reply(message);
                } // Otherwise it came after its timeout.
            } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
                problem = "protocol: " + e.getMessage();
                transport.counters().connectionsRefused.increment();
                context.close();
            } finally {
                ReferenceCountUtil.release(received);
            }
        }

        private void greeted(ChannelHandlerContext context, Wire.HelloReply reply) {
            String refusal =
                    transport.isCut(peerId) ? "cut" : transport.membership().heard(reached, reply);
            if (refusal != null) {
                problem = refusal;
                if (reply.verdict() == Wire.Verdict.REFUSED) {
                    transport.counters().connectionsRefused.increment();
                }
                context.close();
                return;
            }
            Channel channel = context.channel();
            if (closed) {
                problem = "not wanted any more";
                context.close();
                return;
            }
            channel.pipeline()
                    .replace(
                            "frames",
                            "frames",
                            new LengthFieldBasedFrameDecoder(Limits.MAX_FRAME_BYTES + 4, 0, 4, 0, 4));
            connecting = false;
            connectingChannel = null;
            backoffMillis = Limits.RECONNECT_MIN_MILLIS;
            lastProblem = "";
            var outbox = new Outbox(channel, transport.counters());
            outbox.countFor(traffic);
            ready = new Ready(channel, outbox);
            LOG.debug("peer_connected peer={} lane={}", peerId, lane);
            releaseWaiting();
            if (lane == Lane.RAFT) {
                transport.peerConnected(reached);
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            lost(context.channel(), problem);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            problem = rootMessage(cause);
            context.close();
        }
    }
}
