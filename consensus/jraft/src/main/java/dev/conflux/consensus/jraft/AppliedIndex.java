package dev.conflux.consensus.jraft;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How far this member has applied, and who waits for more. Advanced by the apply thread; the engine's own entries do
 * not pass there, so a timer also brings what the engine says.
 */
final class AppliedIndex {

    private record Waiter(long index, CompletableFuture<Long> future) {}

    private final AtomicLong index = new AtomicLong();
    private final PriorityQueue<Waiter> waiters = new PriorityQueue<>(Comparator.comparingLong(Waiter::index));
    private volatile boolean waiting;

    long get() {
        return index.get();
    }

    /** Never goes back. Completes waiters on the calling thread. */
    void advance(long reached) {
        index.accumulateAndGet(reached, Math::max);
        if (waiting) {
            release();
        }
    }

    int waiters() {
        synchronized (waiters) {
            waiters.removeIf(waiter -> waiter.future().isDone());
            return waiters.size();
        }
    }

    boolean hasWaiters() {
        return waiting;
    }

    /**
     * Completes with the applied index as soon as it is at least {@code wanted}. The caller adds a timeout, and cancels
     * when that is over: a member that falls behind would keep everybody who ever asked.
     */
    CompletableFuture<Long> reach(long wanted) {
        long now = index.get();
        if (now >= wanted) {
            return CompletableFuture.completedFuture(now);
        }
        var future = new CompletableFuture<Long>();
        synchronized (waiters) {
            waiters.removeIf(waiter -> waiter.future().isDone()); // those whose time was up
            waiters.add(new Waiter(wanted, future));
            waiting = true;
        }
        if (index.get() >= wanted) {
            release();
        }
        return future;
    }

    private void release() {
        long now = index.get();
        List<Waiter> ready = new ArrayList<>();
        synchronized (waiters) {
            while (!waiters.isEmpty() && waiters.peek().index() <= now) {
                ready.add(waiters.remove());
            }
            waiting = !waiters.isEmpty();
        }
        ready.forEach(waiter -> waiter.future().complete(now));
    }
}
