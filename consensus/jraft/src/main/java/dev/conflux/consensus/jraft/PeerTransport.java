package dev.conflux.consensus.jraft;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * This member's network: one listener, and {@link PeerLink}s to every other member and, while somebody is looked for, to
 * contacts. Mutual TLS 1.3 from the first byte;
 * the certificate's member name decides who is talking. Safe for any thread.
 */
@SuppressWarnings("FutureReturnValueIgnored") // closing: nothing waits for it
final class PeerTransport implements AutoCloseable {

    /** Another member and the links to it. */
    private record Peer(PeerAddress address, Map<PeerLink.Lane, PeerLink> lanes) {

        void close() {
            lanes.values().forEach(PeerLink::close);
        }
    }

    /** What arrives, on an event loop: must not block. Every request gets exactly one reply, or its connection ends. */
    interface Handler {
        void request(int peerId, Request request, MessageType type, Object message);

        void disconnected(PeerConnection connection);

        void connected(int peerId);
    }

    private final JRaftConfig config;
    private final PeerTls tls;
    private final Membership membership;
    private final Counters counters;
    private final LogThrottle refusals = new LogThrottle(System::nanoTime);
    private final EventLoopGroup loops;
    private final ExecutorService resolver; // as many threads as links that are looking for their peer, at most
    private final Map<Integer, Peer> peers = new ConcurrentHashMap<>();
    private final Map<PeerAddress, PeerLink> contacts = new HashMap<>(); // guarded by this
    private final Set<PeerConnection> connections = ConcurrentHashMap.newKeySet();
    private final Channel listener;
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile Set<Integer> cut = Set.of();
    private volatile @Nullable Handler handler;
    private volatile @Nullable EngineRpcClient engineClient;

    /** Listens and begins to connect; requests are understood only after {@link #serve}. */
    PeerTransport(JRaftConfig config, PeerTls tls, Membership membership, Counters counters) throws IOException {
        this.config = config;
        this.tls = tls;
        this.membership = membership;
        this.counters = counters;
        this.loops = new MultiThreadIoEventLoopGroup(
                Limits.IO_THREADS,
                new DefaultThreadFactory("conflux-peer-" + config.nodeId(), true),
                NioIoHandler.newFactory());
        this.resolver = Executors.newCachedThreadPool(
                new DefaultThreadFactory("conflux-peer-" + config.nodeId() + "-names", true));
        this.listener = listen();
    }

    /** Looks a name up on a thread of its own, where the callback runs too, with one of the two. */
    void resolve(PeerAddress address, BiConsumer<@Nullable InetSocketAddress, @Nullable Throwable> found) {
        try {
            resolver.execute(() -> {
                InetSocketAddress resolved = null;
                Throwable problem = null;
                try {
                    resolved = new InetSocketAddress(InetAddress.getByName(address.host()), address.port());
                } catch (UnknownHostException | RuntimeException e) {
                    problem = e;
                }
                found.accept(resolved, problem);
            });
        } catch (RejectedExecutionException e) {
            // The transport is closed: nobody connects any more.
        }
    }

    private Channel listen() throws IOException {
        int port = PeerAddress.parse(config.address()).port();
        var bound = new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(
                        ChannelOption.WRITE_BUFFER_WATER_MARK,
                        new WriteBufferWaterMark(Limits.WRITE_QUEUE_LOW_BYTES, Limits.WRITE_QUEUE_HIGH_BYTES))
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        SslHandler handler = tls.server().newHandler(channel.alloc());
                        handler.setHandshakeTimeoutMillis(Limits.HANDSHAKE_TIMEOUT_MILLIS);
                        channel.pipeline()
                                .addLast(handler)
                                .addLast("frames", new LengthFieldBasedFrameDecoder(Limits.MAX_HELLO_BYTES, 0, 4, 0, 4))
                                .addLast(new PeerConnection(PeerTransport.this, channel, handler));
                    }
                })
                .bind(config.bindHost(), port)
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS);
            throw new IOException(
                    "peer listener cannot bind " + config.bindHost() + ":" + port + ": "
                            + bound.cause().getMessage(),
                    bound.cause());
        }
        return bound.channel();
    }

    /**
     * Links to exactly the members of the record, and nobody else; connections of others end. Called again whenever the
     * record has changed.
     */
    synchronized void connectMembers() {
        MembershipRecord record = membership.membership();
        if (record == null || closed.get()) {
            return;
        }
        var wanted = new HashMap<Integer, PeerAddress>();
        record.members().forEach((id, member) -> {
            if (!isSelf(id)) {
                wanted.put(id, PeerAddress.parse(member.address()));
            }
        });
        peers.entrySet().removeIf(peer -> {
            boolean gone = !peer.getValue().address().equals(wanted.get(peer.getKey()));
            if (gone) {
                peer.getValue().close();
            }
            return gone;
        });
        wanted.forEach((id, address) -> {
            if (!peers.containsKey(id)) {
                var lanes = new EnumMap<PeerLink.Lane, PeerLink>(PeerLink.Lane.class);
                for (PeerLink.Lane lane : PeerLink.Lane.values()) {
                    lanes.put(
                            lane,
                            new PeerLink(this, id, address, lane, loops.next().next()));
                }
                peers.put(id, new Peer(address, lanes));
                lanes.values().forEach(PeerLink::start);
            }
        });
        for (PeerConnection connection : connections) {
            if (connection.acceptedFrom(id -> !wanted.containsKey(id))) {
                connection.close();
            }
        }
    }

    /**
     * Says hello to exactly these, again and again, until told otherwise; what they answer is in
     * {@link Membership#heard}.
     *
     * @param wanted addresses, with the node id expected there, or 0
     */
    synchronized void contacts(Map<PeerAddress, Integer> wanted) {
        PeerAddress own = PeerAddress.parse(config.address());
        contacts.entrySet().removeIf(contact -> {
            boolean gone = !wanted.containsKey(contact.getKey());
            if (gone) {
                contact.getValue().close();
            }
            return gone;
        });
        wanted.forEach((address, id) -> {
            if (!closed.get() && !contacts.containsKey(address) && !address.equals(own) && !isSelf(id)) {
                var link = new PeerLink(
                        this, id, address, PeerLink.Lane.CALL, loops.next().next());
                contacts.put(address, link);
                link.start();
            }
        });
    }

    /** From now on requests are handed over. */
    void serve(Handler newHandler) {
        handler = newHandler;
    }

    boolean isSelf(int nodeId) {
        return config.nodeId().value() == nodeId;
    }

    /** The engine's client tells whom to inform of new connections. */
    void attach(EngineRpcClient client) {
        engineClient = client;
    }

    @Nullable
    EngineRpcClient engineClient() {
        return engineClient;
    }

    PeerTls tls() {
        return tls;
    }

    Membership membership() {
        return membership;
    }

    /** How often refused peers are complained about. */
    LogThrottle refusals() {
        return refusals;
    }

    Counters counters() {
        return counters;
    }

    /** The link to another member. Who has just gone, or was never there, is as good as not connected. */
    PeerLink link(int peerId, PeerLink.Lane lane) {
        Peer peer = peers.get(peerId);
        PeerLink link = peer == null ? null : peer.lanes().get(lane);
        return link == null ? PeerLink.toNobody(this, peerId, lane, loops.next().next()) : link;
    }

    boolean connected(int peerId) {
        Peer peer = peers.get(peerId);
        PeerLink link = peer == null ? null : peer.lanes().get(PeerLink.Lane.RAFT);
        return link != null && link.connected();
    }

    /** From now on nothing passes to or from these members, as with a broken network between. For tests. */
    void cut(Set<Integer> cutOff) {
        cut = Set.copyOf(cutOff);
        for (int id : cutOff) {
            Peer peer = peers.get(id);
            if (peer != null) {
                peer.lanes().values().forEach(PeerLink::reset);
            }
        }
    }

    boolean isCut(int peerId) {
        return cut.contains(peerId);
    }

    void dispatch(int peerId, Request request, MessageType type, Object message) {
        Handler current = handler;
        if (current == null || isCut(peerId)) {
            request.connection().close(); // Not started yet; the peer connects again.
            return;
        }
        current.request(peerId, request, type, message);
    }

    void peerConnected(int peerId) {
        Handler current = handler;
        if (current != null) {
            current.connected(peerId);
        }
    }

    void opened(PeerConnection connection) {
        connections.add(connection);
    }

    void closed(PeerConnection connection) {
        connections.remove(connection);
        Handler current = handler;
        if (current != null) {
            current.disconnected(connection);
        }
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        listener.close().awaitUninterruptibly();
        synchronized (this) {
            peers.values().forEach(Peer::close);
            contacts.values().forEach(PeerLink::close);
        }
        connections.forEach(PeerConnection::close);
        resolver.shutdownNow();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
