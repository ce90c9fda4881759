package dev.conflux.core.state;

import java.util.LinkedHashSet;

/**
 * Keeps the bytes of released versions in memory up to a bound. The bytes hang on the served version itself, so that a
 * reader pays one field read; this class only decides which may stay: the oldest go first, those read since the last
 * round get another one (CLOCK). Thread-safe; readers never wait for it.
 */
final class ContentCache {

    /** Enough for 10 000 configs of 6 KB, small beside the smallest heap we run with. */
    static final long DEFAULT_MAX_BYTES = 64L << 20;

    /** Object header, queue slot and array header of a small content. */
    private static final int OVERHEAD_BYTES = 64;

    private final long maxBytes;
    /** By identity. A set, so that what is dropped leaves at once and never piles up below the byte bound. */
    private final LinkedHashSet<ServedVersionRecord> ring = new LinkedHashSet<>();

    private long bytes;

    ContentCache(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    synchronized void keep(ServedVersionRecord version, byte[] content) {
        if (version.peekContent() != null || weight(content) > maxBytes) {
            return;
        }
        version.setContent(content);
        ring.addLast(version);
        bytes += weight(content);
        while (bytes > maxBytes) {
            evictOne();
        }
    }

    /** Called for what is served no more: its place is free at once. */
    synchronized void drop(ServedVersionRecord version) {
        byte[] content = version.peekContent();
        if (content != null) {
            bytes -= weight(content);
            version.setContent(null);
            ring.remove(version);
        }
    }

    synchronized void clear() {
        ring.forEach(version -> version.setContent(null));
        ring.clear();
        bytes = 0;
    }

    synchronized int size() {
        return ring.size();
    }

    synchronized long bytes() {
        return bytes;
    }

    /** Each round clears the marks that it passes: it ends within two rounds. */
    private void evictOne() {
        while (!ring.isEmpty()) {
            ServedVersionRecord oldest = ring.getFirst();
            if (oldest.takeMark()) {
                // Moves it to the end.
                ring.addLast(oldest);
            } else {
                drop(oldest);
                return;
            }
        }
    }

    private static long weight(byte[] content) {
        return (long) content.length + OVERHEAD_BYTES;
    }
}
