package dev.conflux.qa.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;

/**
 * The client port of a propose node: frames of length, id and command in, frames of length, id and status out. Plain
 * JDK, so that it is the same under both transports. Each connection has one thread that reads and one that writes;
 * what has piled up is read and written together.
 */
final class FrameServer implements AutoCloseable {

    /** Of a request before its command, and nothing else: length (4), id (8). */
    static final int REQUEST_HEADER = 12;

    /** Length (4), id (8), status (1). */
    static final int REPLY_BYTES = 13;

    static final byte OK = 0;

    static final byte FAILED = 1;

    /** Commands are small here. */
    private static final int MAX_FRAME = 64 * 1024;

    private static final int BUFFER = 4 * MAX_FRAME;

    /** Called by the connection's reading thread; must not block. */
    interface Handler {
        void handle(byte[] command, Reply reply);
    }

    /** Any thread, once. */
    interface Reply {
        void send(byte status);
    }

    private final ServerSocketChannel listener;
    private final Handler handler;

    private FrameServer(ServerSocketChannel listener, Handler handler) {
        this.listener = listener;
        this.handler = handler;
        Thread.ofPlatform().daemon().name("accept").start(this::accept);
    }

    static FrameServer start(Handler handler) throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open();
        listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        return new FrameServer(listener, handler);
    }

    int port() throws IOException {
        return ((InetSocketAddress) listener.getLocalAddress()).getPort();
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel channel = listener.accept();
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                new Connection(channel).start();
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    private final class Connection {

        private final SocketChannel channel;
        private final ConcurrentLinkedQueue<Answer> answers = new ConcurrentLinkedQueue<>();
        private final Thread writer;

        private record Answer(long id, byte status) {}

        Connection(SocketChannel channel) {
            this.channel = channel;
            this.writer = Thread.ofPlatform().daemon().name("write").unstarted(this::write);
        }

        void start() {
            writer.start();
            Thread.ofPlatform().daemon().name("read").start(this::read);
        }

        private void read() {
            ByteBuffer in = ByteBuffer.allocateDirect(BUFFER);
            try (channel) {
                while (channel.read(in) >= 0) {
                    in.flip();
                    while (in.remaining() >= REQUEST_HEADER && in.remaining() >= in.getInt(in.position())) {
                        int length = in.getInt();
                        if (length < REQUEST_HEADER || length > MAX_FRAME) {
                            throw new IOException("frame of " + length + " bytes");
                        }
                        long id = in.getLong();
                        byte[] command = new byte[length - REQUEST_HEADER];
                        in.get(command);
                        handler.handle(command, status -> {
                            answers.add(new Answer(id, status));
                            LockSupport.unpark(writer);
                        });
                    }
                    in.compact();
                }
            } catch (IOException e) {
                // The generator has gone.
            } finally {
                writer.interrupt();
            }
        }

        private void write() {
            ByteBuffer out = ByteBuffer.allocateDirect(BUFFER);
            try {
                while (!Thread.interrupted()) {
                    Answer answer = answers.poll();
                    if (answer == null) {
                        LockSupport.park(this);
                        continue;
                    }
                    while (answer != null) {
                        out.putInt(REPLY_BYTES).putLong(answer.id).put(answer.status);
                        answer = out.remaining() >= REPLY_BYTES ? answers.poll() : null;
                    }
                    out.flip();
                    while (out.hasRemaining()) {
                        channel.write(out);
                    }
                    out.clear();
                }
            } catch (IOException e) {
                // The generator has gone.
            }
        }
    }
}
