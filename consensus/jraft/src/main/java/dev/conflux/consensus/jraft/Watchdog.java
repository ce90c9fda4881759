package dev.conflux.consensus.jraft;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a member that only looks alive: one of whose operations on disk or state neither succeeds nor fails. A thread of
 * its own looks; it takes no lock, touches no disk and writes no log before it has decided, so whatever is stuck cannot
 * stop it. Time in which this thread did not run (a paused process) does not count.
 */
final class Watchdog implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Watchdog.class);

    /** Something that can get stuck. Begun and ended by one thread at a time. */
    static final class Activity {
        private final String name;
        private final AtomicLong steps = new AtomicLong(); // odd = under way

        // Watchdog thread only.
        private long seen;
        private long stuckNanos;

        private Activity(String name) {
            this.name = name;
        }

        /** For tools: nobody looks. */
        static Activity unwatched(String name) {
            return new Activity(name);
        }

        void begin() {
            if ((steps.get() & 1) == 0) {
                steps.incrementAndGet();
            }
        }

        boolean underWay() {
            return (steps.get() & 1) == 1;
        }

        /** Still under way, but not stuck. */
        void progress() {
            steps.addAndGet(2);
        }

        void end() {
            if ((steps.get() & 1) == 1) {
                steps.incrementAndGet();
            }
        }

        private void look(long elapsedNanos) {
            long now = steps.get();
            stuckNanos = (now & 1) == 1 && now == seen ? stuckNanos + elapsedNanos : 0;
            seen = now;
        }
    }

    private final Duration timeout;
    private final Consumer<String> ended;
    private final List<Activity> activities = new ArrayList<>();
    private final Activity apply = activity("applying");
    private final Activity commits = activity("applying what is committed");
    private final Activity log = activity("writing the log");
    private final Activity vote = activity("writing the vote");
    private final Activity housekeeping = activity("housekeeping");
    private final Thread thread;
    private volatile @Nullable String unwell;
    private volatile Runnable whenUnwell = () -> {};
    private volatile boolean closed;

    /** @param ended told once, on the watchdog's thread, what is stuck for {@code timeout} */
    Watchdog(String name, Duration timeout, Consumer<String> ended) {
        this.timeout = timeout;
        this.ended = ended;
        thread = new Thread(this::run, name);
        thread.setDaemon(true);
    }

    private Activity activity(String name) {
        var activity = new Activity(name);
        activities.add(activity);
        return activity;
    }

    /** The apply thread, batch by batch, with the callbacks of proposers. */
    Activity apply() {
        return apply;
    }

    /** Committed entries wait to be applied. */
    Activity commits() {
        return commits;
    }

    Activity log() {
        return log;
    }

    Activity vote() {
        return vote;
    }

    /** The housekeeper's tasks: the high-water mark, questions to the engine. */
    Activity housekeeping() {
        return housekeeping;
    }

    /** Called when something begins to be stuck, and every {@link Limits#UNWELL_MILLIS} then; may block. */
    void whenUnwell(Runnable task) {
        whenUnwell = task;
    }

    void start() {
        thread.start();
    }

    /** What is stuck, if anything is for longer than a moment: this member is not ready then. */
    @Nullable
    String unwell() {
        return unwell;
    }

    private void run() {
        long tick = TimeUnit.MILLISECONDS.toNanos(Limits.WATCHDOG_TICK_MILLIS);
        long last = System.nanoTime();
        long told = 0;
        while (!closed) {
            LockSupport.parkNanos(tick);
            long now = System.nanoTime();
            long elapsed = Math.min(now - last, 2 * tick); // more is a pause of this process
            last = now;
            Activity worst = null;
            for (Activity activity : activities) {
                activity.look(elapsed);
                if (worst == null || activity.stuckNanos > worst.stuckNanos) {
                    worst = activity;
                }
            }
            if (worst == null) {
                continue;
            }
            long stuckMillis = TimeUnit.NANOSECONDS.toMillis(worst.stuckNanos);
            boolean ill = stuckMillis >= Math.min(Limits.UNWELL_MILLIS, timeout.toMillis() / 2);
            unwell = ill ? "stuck while " + worst.name + " for " + stuckMillis + " ms" : null;
            long telling = stuckMillis / Limits.UNWELL_MILLIS;
            if (telling > told) {
                Thread helper = new Thread(whenUnwell, thread.getName() + "-unwell");
                helper.setDaemon(true);
                helper.start();
            }
            told = telling;
            if (stuckMillis >= timeout.toMillis() && !closed) {
                end("stuck while " + worst.name + " for " + stuckMillis + " ms (expected: < " + timeout.toMillis()
                        + " ms; the disk, or a bug)");
                return;
            }
        }
    }

    private void end(String reason) {
        // The log may be what is stuck.
        Thread teller = new Thread(() -> LOG.error("watchdog reason=\"{}\"", reason), thread.getName() + "-log");
        teller.setDaemon(true);
        teller.start();
        try {
            teller.join(Limits.WATCHDOG_TICK_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        ended.accept(reason);
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
