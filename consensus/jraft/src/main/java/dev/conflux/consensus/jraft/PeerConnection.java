package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.rpc.Connection;
import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An incoming connection. Nothing but a hello is understood before the certificate and the hello agree on a member of
 * this cluster; whatever is not understood closes the connection.
 */
@SuppressWarnings("FutureReturnValueIgnored") // closes and writes report through channelInactive
final class PeerConnection extends ChannelInboundHandlerAdapter implements Connection {

    private static final Logger LOG = LoggerFactory.getLogger(PeerConnection.class);

    private final PeerTransport transport;
    private final Channel channel;
    private final SslHandler tls;
    private final Outbox outbox;
    private final ConcurrentMap<String, Object> attributes = new ConcurrentHashMap<>();
    private final AtomicInteger inWork = new AtomicInteger();
    private volatile @Nullable PeerName name; // written on the event loop
    private volatile boolean accepted; // written on the event loop
    private @Nullable PeerTraffic traffic; // event loop
    private boolean paused; // event loop

    PeerConnection(PeerTransport transport, Channel channel, SslHandler tls) {
        this.transport = transport;
        this.channel = channel;
        this.tls = tls;
        this.outbox = new Outbox(channel, transport.counters());
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        transport.opened(this);
        context.executor()
                .schedule(
                        () -> {
                            if (!accepted) {
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
                refuse("TLS: " + handshake.cause());
                return;
            }
            try {
                PeerName peer = PeerTls.peer(tls);
                if (transport.membership().isSelf(peer)) {
                    channel.close(); // It has found out, too, and does not come again.
                    return;
                }
                transport.membership().checkPeer(peer);
                name = peer;
                traffic = transport.counters().peer(peer.nodeId());
                outbox.countFor(traffic);
            } catch (TlsException e) {
                refuse(String.valueOf(e.getMessage()));
            }
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object received) {
        ByteBuf frame = (ByteBuf) received;
        try {
            transport.counters().framesReceived.increment();
            PeerTraffic from = traffic;
            if (from != null) {
                from.received(frame.readableBytes());
            }
            byte kind = frame.readByte();
            long id = frame.readLong();
            int number = frame.readUnsignedShort();
            MessageType type = MessageType.of(number);
            if (kind != Frames.REQUEST || type == null) {
                throw new IllegalArgumentException("unexpected frame: kind " + kind + ", type " + number);
            }
            PeerName peer = name;
            if (peer == null) {
                return; // Refused already; the close is on its way.
            }
            if (!accepted) {
                if (type != MessageType.HELLO) {
                    throw new IllegalArgumentException("expected a hello, got " + type);
                }
                greet(context, peer, id, (Wire.Hello) type.read(frame));
                return;
            }
            Object request = type.read(frame);
            if (inWork.incrementAndGet() >= Limits.MAX_REQUESTS_PER_CONNECTION && !paused) {
                paused = true;
                channel.config().setAutoRead(false);
            }
            transport.dispatch(peer.nodeId(), new Request(this, id), type, request);
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            refuse("protocol: " + e.getMessage());
        } finally {
            ReferenceCountUtil.release(received);
        }
    }

    private void greet(ChannelHandlerContext context, PeerName peer, long id, Wire.Hello hello) {
        Wire.HelloReply reply = transport.membership().judge(peer, hello);
        if (reply.verdict() == Wire.Verdict.ACCEPTED) {
            accepted = true;
            channel.pipeline()
                    .replace(
                            "frames",
                            "frames",
                            new LengthFieldBasedFrameDecoder(Limits.MAX_FRAME_BYTES + 4, 0, 4, 0, 4));
        } else if (reply.verdict() != Wire.Verdict.NOT_READY) {
            transport.counters().connectionsRefused.increment();
            say(peer, reply.reason());
        }
        context.writeAndFlush(Frames.encode(context.alloc(), Frames.REPLY, id, reply), context.voidPromise());
    }

    private void refuse(String reason) {
        transport.counters().connectionsRefused.increment();
        say(name, reason);
        channel.close();
    }

    /** A refused peer tries again for ever, several times a second. */
    private void say(@Nullable PeerName peer, String reason) {
        long left = transport.refusals().admit(peer + " " + reason);
        if (left >= 0) {
            LOG.warn(
                    "peer_refused peer={} address={} left_out={} reason={}",
                    peer,
                    channel.remoteAddress(),
                    left,
                    reason);
        }
    }

    void reply(long requestId, Object message) {
        ByteBuf frame = Frames.encode(channel.alloc(), Frames.REPLY, requestId, message);
        outbox.add(new Outbox.Item(frame, null, null));
        if (inWork.decrementAndGet() == Limits.MAX_REQUESTS_PER_CONNECTION / 2) {
            channel.eventLoop().execute(() -> {
                if (paused) {
                    paused = false;
                    channel.config().setAutoRead(true);
                }
            });
        }
    }

    /** True when it was accepted, from a node that passes. */
    boolean acceptedFrom(IntPredicate which) {
        PeerName peer = name;
        return accepted && peer != null && which.test(peer.nodeId());
    }

    String remoteAddress() {
        return String.valueOf(channel.remoteAddress());
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        outbox.discard();
        transport.closed(this);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        LOG.debug("peer connection {} failed", channel, cause);
        context.close();
    }

    // The engine keeps its per-connection sequence state here; it asks for absent keys.

    @Override
    @SuppressWarnings("NullAway") // the engine's contract: null when absent
    public Object getAttribute(String key) {
        return attributes.get(key);
    }

    @Override
    public void setAttribute(String key, Object value) {
        attributes.put(key, value);
    }

    @Override
    @SuppressWarnings("NullAway") // the engine's contract: null when it was absent
    public Object setAttributeIfAbsent(String key, Object value) {
        return attributes.putIfAbsent(key, value);
    }

    @Override
    public void close() {
        channel.close();
    }
}
