package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** This member's digests at the newest marks. Taken by the apply thread, asked for by any. */
final class Digests {

    private static final Logger LOG = LoggerFactory.getLogger(Digests.class);

    /** What a state that cannot be read has: equal to nobody's. */
    static final byte[] UNREADABLE = new byte[0];

    /** @param value completes with the digest, or {@link #UNREADABLE} */
    record Taken(boolean whole, CompletableFuture<byte[]> value) {}

    private final StateMachine stateMachine;
    private final Executor scrubber;
    private final ConcurrentSkipListMap<Long, Taken> taken = new ConcurrentSkipListMap<>();
    private volatile long newestMark;

    Digests(StateMachine stateMachine, Executor scrubber) {
        this.stateMachine = stateMachine;
        this.scrubber = scrubber;
    }

    /** The apply thread has come to a mark. */
    void marked(long index, boolean whole) {
        CompletableFuture<byte[]> value;
        if (whole) {
            value = stateMachine.beginScrub().map(this::scrub).orElse(null);
        } else {
            value = stateMachine
                    .digest()
                    .map(CompletableFuture::completedFuture)
                    .orElse(null);
        }
        if (value != null) {
            taken.put(index, new Taken(whole, value));
            while (taken.size() > Limits.DIGESTS_KEPT) {
                taken.pollFirstEntry();
            }
        }
        newestMark = index;
    }

    private CompletableFuture<byte[]> scrub(StateMachine.Scrub scrub) {
        var value = new CompletableFuture<byte[]>();
        try {
            scrubber.execute(() -> {
                try (scrub) {
                    value.complete(scrub.digest(new Pace()));
                } catch (IOException | RuntimeException e) {
                    LOG.error("state_unreadable reason=\"{}\"", e.getMessage(), e);
                    value.complete(UNREADABLE);
                }
            });
        } catch (RejectedExecutionException e) {
            scrub.close(); // One is under way: this mark goes without.
            value.cancel(false);
        }
        return value;
    }

    /** The newest mark that has been passed since start; 0 = none. */
    long newestMark() {
        return newestMark;
    }

    @Nullable
    Taken at(long index) {
        return taken.get(index);
    }

    /** Lets a scrub read at {@link Limits#SCRUB_BYTES_PER_SECOND}. */
    private static final class Pace implements LongConsumer {
        private final long startNanos = System.nanoTime();
        private long bytes;
        private long sinceLook;

        @Override
        public void accept(long read) {
            bytes += read;
            sinceLook += read;
            if (sinceLook < Limits.SCRUB_BYTES_PER_SECOND / 100) {
                return;
            }
            sinceLook = 0;
            long due = bytes * TimeUnit.SECONDS.toNanos(1) / Limits.SCRUB_BYTES_PER_SECOND;
            long ahead = startNanos + due - System.nanoTime();
            if (ahead > 0) {
                LockSupport.parkNanos(ahead);
            }
        }
    }
}
