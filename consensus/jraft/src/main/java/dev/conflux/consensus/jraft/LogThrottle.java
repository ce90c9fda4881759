package dev.conflux.consensus.jraft;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** Lets a repeated log line through once per {@link Limits#LOG_REPEAT_MILLIS}. Safe for any thread. */
final class LogThrottle {

    private static final class Line {
        private long saidNanos;
        private long suppressed;
    }

    private final LongSupplier nanoTime;
    private final Map<String, Line> lines = new HashMap<>(); // guarded by this

    LogThrottle(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /**
     * Whether to write the line now.
     *
     * @param key what makes two lines the same
     * @return -1 = do not; otherwise how many were left out since the last one
     */
    synchronized long admit(String key) {
        long now = nanoTime.getAsLong();
        Line line = lines.get(key);
        if (line != null && now - line.saidNanos < TimeUnit.MILLISECONDS.toNanos(Limits.LOG_REPEAT_MILLIS)) {
            line.suppressed++;
            return -1;
        }
        if (line == null) {
            if (lines.size() >= Limits.LOG_REPEAT_LINES) {
                lines.clear(); // Somebody makes up reasons: better some lines too many than memory without bound.
            }
            line = new Line();
            lines.put(key, line);
        }
        long left = line.suppressed;
        line.suppressed = 0;
        line.saidNanos = now;
        return left;
    }
}
