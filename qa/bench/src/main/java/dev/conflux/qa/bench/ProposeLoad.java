package dev.conflux.qa.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.HdrHistogram.Histogram;

/**
 * The load of the propose benchmarks, in a process of its own: keeps N commands in flight, each replaced when its answer
 * comes. One thread per connection both reads answers and sends the next commands, so that a batch of answers becomes a
 * batch of commands and the generator costs little of the machine that it shares.
 *
 * <p>Command: {@code level <concurrency> <warm-up ms> <measured ms>}. Answers: {@code measuring}, then {@code level …}.
 */
final class ProposeLoad {

    /** Two keep both cores of a small machine reachable; more would only add wake-ups. */
    private static final int MAX_CONNECTIONS = 2;

    /** Eight bytes of sequence, the rest random: nothing on the way can compress or deduplicate it. */
    private final byte[] template;

    private final int port;

    private ProposeLoad(int port, int commandBytes) {
        this.port = port;
        this.template = new byte[commandBytes];
        new SplittableRandom(1).nextBytes(template);
    }

    /** Arguments: port, bytes per command. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        var load = new ProposeLoad(Integer.parseInt(arguments[0]), Integer.parseInt(arguments[1]));
        var line = new LifeLine();
        line.say("ready");
        for (String command = line.next(); command != null; command = line.next()) {
            String[] words = command.split(" ", -1);
            line.say("level "
                    + load.run(
                                    line,
                                    Integer.parseInt(words[1]),
                                    Duration.ofMillis(Long.parseLong(words[2])),
                                    Duration.ofMillis(Long.parseLong(words[3])))
                            .encode());
        }
    }

    private Level run(LifeLine line, int concurrency, Duration warmUp, Duration measured)
            throws IOException, InterruptedException {
        int connections = Math.min(concurrency, MAX_CONNECTIONS);
        long start = System.nanoTime() + warmUp.toNanos();
        long end = start + measured.toNanos();
        var workers = new ArrayList<Worker>();
        for (int i = 0; i < connections; i++) {
            int share = concurrency / connections + (i < concurrency % connections ? 1 : 0);
            workers.add(new Worker(share, start, end));
        }
        List<Thread> threads = workers.stream()
                .map(worker -> Thread.ofPlatform().daemon().name("load").start(worker))
                .toList();
        Thread.sleep(Math.max(0, start - System.nanoTime()) / 1_000_000);
        line.say("measuring");
        for (Thread thread : threads) {
            thread.join();
        }
        Histogram latencies = Level.histogram();
        long errors = 0;
        long ended = end;
        for (Worker worker : workers) {
            ended = Math.max(ended, worker.ended);
            IOException failure = worker.failure.get();
            if (failure != null) {
                throw failure;
            }
            latencies.add(worker.latencies);
            errors += worker.errors;
        }
        return new Level(concurrency, latencies.getTotalCount(), errors, ended - start, latencies);
    }

    /** One connection; run by one thread. */
    private final class Worker implements Runnable {

        private final int inFlight;
        private final long start;
        private final long end;
        private final long[] sentAt;
        private final Histogram latencies = Level.histogram();
        private final AtomicReference<IOException> failure = new AtomicReference<>();
        private long errors;
        private long ended;

        Worker(int inFlight, long start, long end) {
            this.inFlight = inFlight;
            this.start = start;
            this.end = end;
            this.sentAt = new long[inFlight];
        }

        @Override
        public void run() {
            try (SocketChannel channel =
                    SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                drive(channel);
            } catch (IOException e) {
                failure.set(e);
            }
        }

        private void drive(SocketChannel channel) throws IOException {
            ByteBuffer out = ByteBuffer.allocateDirect(inFlight * (FrameServer.REQUEST_HEADER + template.length));
            ByteBuffer in = ByteBuffer.allocateDirect(inFlight * FrameServer.REPLY_BYTES);
            for (int slot = 0; slot < inFlight; slot++) {
                put(out, slot, System.nanoTime());
            }
            int outstanding = inFlight;
            boolean over = false;
            flush(channel, out);
            while (outstanding > 0) {
                if (channel.read(in) < 0) {
                    throw new IOException("the node has closed the connection");
                }
                long now = System.nanoTime();
                over = over || Level.isOver(now, end, latencies);
                in.flip();
                while (in.remaining() >= FrameServer.REPLY_BYTES) {
                    in.getInt();
                    int slot = (int) in.getLong();
                    byte status = in.get();
                    if (status != FrameServer.OK) {
                        errors++;
                    } else if (now >= start && !over) {
                        latencies.recordValue(now - sentAt[slot]);
                        ended = now;
                    }
                    if (over) {
                        outstanding--;
                    } else {
                        put(out, slot, now);
                    }
                }
                in.compact();
                flush(channel, out);
            }
        }

        private void put(ByteBuffer out, int slot, long now) {
            sentAt[slot] = now;
            out.putInt(FrameServer.REQUEST_HEADER + template.length).putLong(slot);
            int at = out.position();
            out.put(template);
            out.putLong(at, now);
        }

        private static void flush(SocketChannel channel, ByteBuffer out) throws IOException {
            out.flip();
            while (out.hasRemaining()) {
                channel.write(out);
            }
            out.clear();
        }
    }
}
