package dev.conflux.consensus.jraft;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The one way into a channel: any thread adds frames, in order; the channel's event loop writes what has gathered and
 * flushes once. A hundred replies of one apply batch thus become one task, one TLS record and one system call.
 */
@SuppressWarnings("FutureReturnValueIgnored") // writes report through the channel closing
final class Outbox {

    /** A frame on its way. Both callbacks run on the event loop, {@code unsent} also on the adding thread. */
    record Item(
            ByteBuf frame,
            @Nullable Runnable sending,
            @Nullable Runnable unsent) {}

    private final Channel channel;
    private final Counters counters;
    private final ConcurrentLinkedQueue<Item> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger scheduled = new AtomicInteger();
    private final AtomicLong queuedBytes = new AtomicLong();

    private volatile @Nullable PeerTraffic traffic;

    Outbox(Channel channel, Counters counters) {
        this.channel = channel;
        this.counters = counters;
    }

    /** From now on what is sent counts for that peer. */
    void countFor(PeerTraffic peer) {
        traffic = peer;
    }

    long queuedBytes() {
        ChannelOutboundBuffer inNetty = channel.unsafe().outboundBuffer(); // null when closed
        return queuedBytes.get() + (inNetty == null ? 0 : inNetty.totalPendingWriteBytes());
    }

    /** False when the peer does not keep up: what can be refused should be. */
    boolean writable() {
        return channel.isWritable() && queuedBytes.get() < Limits.WRITE_QUEUE_HIGH_BYTES;
    }

    void add(Item item) {
        queuedBytes.addAndGet(item.frame().readableBytes());
        queue.add(item);
        if (scheduled.getAndIncrement() == 0) {
            try {
                channel.eventLoop().execute(this::drain);
            } catch (RejectedExecutionException e) {
                discard(); // The loop is shut down; nothing will run there any more.
            }
        }
    }

    private void drain() {
        int seen = scheduled.get();
        while (true) {
            boolean wrote = false;
            for (Item item = queue.poll(); item != null; item = queue.poll()) {
                queuedBytes.addAndGet(-item.frame().readableBytes());
                if (!channel.isActive()) {
                    drop(item);
                    continue;
                }
                Runnable sending = item.sending();
                if (sending != null) {
                    sending.run();
                }
                counters.framesSent.increment();
                counters.bytesSent.add(item.frame().readableBytes());
                PeerTraffic peer = traffic;
                if (peer != null) {
                    peer.sent(item.frame().readableBytes());
                }
                channel.write(item.frame(), channel.voidPromise());
                wrote = true;
            }
            if (wrote) {
                channel.flush();
            }
            seen = scheduled.addAndGet(-seen);
            if (seen == 0) {
                return;
            }
        }
    }

    /** Fails what has not been written. Called when the channel is gone. */
    void discard() {
        List<Item> left = new ArrayList<>();
        for (Item item = queue.poll(); item != null; item = queue.poll()) {
            queuedBytes.addAndGet(-item.frame().readableBytes());
            left.add(item);
        }
        left.forEach(Outbox::drop);
    }

    private static void drop(Item item) {
        item.frame().release();
        Runnable unsent = item.unsent();
        if (unsent != null) {
            unsent.run();
        }
    }
}
