package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.LogEntry;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Log entries that were written or read a moment ago, in memory, their checksums compared once. The engine looks up the
 * term of the newest entry with every heartbeat and every read index, by reading the whole entry from disk and comparing
 * its checksum, some of it under its node lock: with large entries that is what the processor does most. Any thread.
 */
final class RecentEntries {

    /** Compared already. */
    private static final class Verified extends LogEntry {

        Verified(LogEntry entry) {
            super(entry.getType());
            setId(entry.getId());
            setPeers(entry.getPeers());
            setOldPeers(entry.getOldPeers());
            setLearners(entry.getLearners());
            setOldLearners(entry.getOldLearners());
            setData(entry.getData());
            if (entry.hasChecksum()) {
                setChecksum(entry.getChecksum()); // travels with the entry to followers
            }
        }

        @Override
        public boolean isCorrupted() {
            return false;
        }
    }

    private final long maxBytes;
    private final Map<Long, Verified> entries = new LinkedHashMap<>(16, 0.75f, true); // guarded by this
    private long bytes; // guarded by this
    private long generation; // guarded by this

    RecentEntries(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    synchronized @Nullable LogEntry get(long index) {
        return entries.get(index);
    }

    /** Changes with every {@link #clear}: what was read from disk before one must not be kept after it. */
    synchronized long generation() {
        return generation;
    }

    /** The log has been given an entry, compared when it came or made here. By the thread that also cuts the log. */
    void written(LogEntry entry) {
        keep(new Verified(entry), generation());
    }

    /**
     * An entry has been read from the log.
     *
     * @param readDuring {@link #generation} before that
     * @return it, compared; or as it came when its checksum says that it is damaged
     */
    LogEntry read(LogEntry entry, long readDuring) {
        if (entry.isCorrupted()) {
            return entry;
        }
        var verified = new Verified(entry);
        keep(verified, readDuring);
        return verified;
    }

    /** Drops those not used for longest. */
    private synchronized void keep(Verified entry, long readDuring) {
        if (generation != readDuring) {
            return;
        }
        Verified before = entries.put(entry.getId().getIndex(), entry);
        bytes += entry.estimatedSize() - (before == null ? 0 : before.estimatedSize());
        Iterator<Verified> oldest = entries.values().iterator();
        while (bytes > maxBytes && entries.size() > 1) {
            bytes -= oldest.next().estimatedSize();
            oldest.remove();
        }
    }

    /** Before and after anything is removed from the log. */
    synchronized void clear() {
        entries.clear();
        bytes = 0;
        generation++;
    }
}
