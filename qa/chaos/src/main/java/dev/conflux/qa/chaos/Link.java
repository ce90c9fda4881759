package dev.conflux.qa.chaos;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A TCP proxy between one node that connects and one that listens. What passes is governed by the {@link Flow} of each
 * direction; TLS goes through it untouched. Safe for any thread.
 */
final class Link implements AutoCloseable {

    private static final int PIECE_BYTES = 64 * 1024;
    private static final int CONNECT_MILLIS = 2_000;

    private final ServerSocket listener;
    private final InetSocketAddress target;
    private final Flow there;
    private final Flow back;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private volatile boolean refusing;

    /**
     * Listens.
     *
     * @param there what the connecting node says
     * @param back what the listening node says
     */
    Link(InetAddress address, int port, InetSocketAddress target, Flow there, Flow back) throws IOException {
        this.target = target;
        this.there = there;
        this.back = back;
        listener = new ServerSocket();
        listener.setReuseAddress(true);
        listener.bind(new InetSocketAddress(address, port), 64);
        Thread.startVirtualThread(this::accept);
    }

    /** New connections are reset at once, until told otherwise. */
    void refuse(boolean yes) {
        refusing = yes;
    }

    /** Ends every connection with RST. */
    void reset() {
        sockets.forEach(Link::reset);
    }

    /** The listening node is told nothing more and hears nothing more, while the other end stays open. */
    void halfOpen() {
        sockets.stream()
                .filter(socket -> socket.getRemoteSocketAddress().equals(target))
                .forEach(Link::reset);
    }

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // It has ended already.
        }
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                if (refusing) {
                    reset(client);
                } else {
                    sockets.add(client);
                    Thread.startVirtualThread(() -> connect(client));
                }
            } catch (IOException e) {
                // Closed, or a connection that ended before it was accepted.
            }
        }
    }

    private void connect(Socket client) {
        var server = new Socket();
        try {
            there.whenOpen(); // As if the first packet had not come through.
            server.connect(target, CONNECT_MILLIS);
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            sockets.add(server);
            Thread.startVirtualThread(() -> pump(server, client, back));
            pump(client, server, there);
        } catch (IOException e) {
            reset(client); // The node is down: what a closed port answers.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            sockets.remove(client);
            sockets.remove(server);
        }
    }

    private static void pump(Socket from, Socket to, Flow flow) {
        byte[] piece = new byte[PIECE_BYTES];
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int bytes = in.read(piece); bytes >= 0; bytes = in.read(piece)) {
                flow.pass(bytes);
                out.write(piece, 0, bytes);
            }
            flow.pass(0); // Not even an end is heard through a cut.
            reset(to);
        } catch (IOException e) {
            end(flow, from, to);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** One side has gone: so does the other, but not before it can hear of it. */
    private static void end(Flow flow, Socket from, Socket to) {
        try {
            flow.whenOpen();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        reset(from);
        reset(to);
    }

    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            throw new ChaosException("a proxy cannot be closed", e);
        }
        reset();
    }
}
