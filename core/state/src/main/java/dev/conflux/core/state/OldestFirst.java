package dev.conflux.core.state;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The oldest entries of an area that only grows at its end and only shrinks at its beginning, read ahead: the question
 * "is the oldest due?" after each command costs no scan. Holds nothing that the store does not. Apply thread only.
 */
final class OldestFirst {

    private static final int READ_AHEAD = 256;

    private final ArrayDeque<Entry> entries = new ArrayDeque<>();
    private final StateArea area;

    OldestFirst(StateArea area) {
        this.area = area;
    }

    record Entry(byte[] key, byte[] value) {
        /** The revision or log index in the key. */
        long number() {
            return StateKeys.longAt(key, 1);
        }
    }

    /**
     * The oldest entry; null when there is none.
     *
     * @param goneThrough numbers up to this one have been removed: the scan need not pass their remains
     */
    @Nullable
    Entry peek(StateTransaction transaction, long goneThrough) {
        if (entries.isEmpty()) {
            byte[] from = StateKeys.eventsFrom(goneThrough + 1);
            from[0] = area.prefix();
            transaction.scan(from, area.to(), (key, value) -> {
                // Of an event only the key matters.
                entries.addLast(new Entry(key, area == StateArea.EVENTS ? new byte[0] : value));
                return entries.size() < READ_AHEAD;
            });
        }
        return entries.peekFirst();
    }

    void remove() {
        entries.removeFirst();
    }

    void clear() {
        entries.clear();
    }
}
