package dev.conflux.core.state;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Puts and deletes in key order, at most one per key: the last one wins. Owned by one thread. */
@SuppressWarnings("ReferenceEquality") // The mark is compared by identity on purpose.
public final class WriteBatch {

    /** Stands for "deleted" in the map; compared by identity. */
    private static final byte[] DELETED = {};

    private final TreeMap<byte[], byte[]> writes = new TreeMap<>(Arrays::compareUnsigned);

    public WriteBatch put(byte[] key, byte[] value) {
        // An empty value is a value: it must not be mistaken for the mark.
        writes.put(key, value == DELETED ? new byte[0] : value);
        return this;
    }

    public WriteBatch delete(byte[] key) {
        writes.put(key, DELETED);
        return this;
    }

    public int size() {
        return writes.size();
    }

    /** Calls {@code consumer} for each key in ascending order; a null value is a delete. */
    public void forEach(Consumer consumer) {
        for (Map.Entry<byte[], byte[]> entry : writes.entrySet()) {
            consumer.accept(entry.getKey(), entry.getValue() == DELETED ? null : entry.getValue());
        }
    }

    /** The mark or value itself, null when the batch does not touch the key. */
    byte @Nullable [] raw(byte[] key) {
        return writes.get(key);
    }

    static boolean isDeleted(byte[] raw) {
        return raw == DELETED;
    }

    /** Puts the state of one key back to what {@link #raw} returned before. */
    void revert(byte[] key, byte @Nullable [] raw) {
        if (raw == null) {
            writes.remove(key);
        } else {
            writes.put(key, raw);
        }
    }

    /** Scan over {@code below} with this batch laid over it. */
    void scanOver(StateReads below, byte[] from, byte[] to, StateReads.Order order, StateReads.Visitor visitor) {
        NavigableMap<byte[], byte[]> range = writes.subMap(from, true, to, false);
        if (range.isEmpty()) {
            below.scan(from, to, order, visitor);
            return;
        }
        NavigableMap<byte[], byte[]> ordered = order == StateReads.Order.ASCENDING ? range : range.descendingMap();
        var merge = new Merge(ordered.entrySet().iterator(), order, visitor);
        below.scan(from, to, order, merge);
        merge.finish();
    }

    private static final class Merge implements StateReads.Visitor {
        private final Iterator<Map.Entry<byte[], byte[]>> overlay;
        private final int sign;
        private final StateReads.Visitor visitor;
        private Map.@Nullable Entry<byte[], byte[]> next;
        private boolean open = true;

        Merge(Iterator<Map.Entry<byte[], byte[]>> overlay, StateReads.Order order, StateReads.Visitor visitor) {
            this.overlay = overlay;
            sign = order == StateReads.Order.ASCENDING ? 1 : -1;
            this.visitor = visitor;
            advance();
        }

        @Override
        public boolean visit(byte[] key, byte[] value) {
            Map.Entry<byte[], byte[]> candidate = next;
            while (open && candidate != null) {
                int order = sign * Arrays.compareUnsigned(candidate.getKey(), key);
                if (order > 0) {
                    break;
                }
                emit(candidate);
                if (order == 0) {
                    return open;
                }
                candidate = next;
            }
            if (open) {
                open = visitor.visit(key, value);
            }
            return open;
        }

        void finish() {
            Map.Entry<byte[], byte[]> candidate = next;
            while (open && candidate != null) {
                emit(candidate);
                candidate = next;
            }
        }

        private void emit(Map.Entry<byte[], byte[]> entry) {
            if (!isDeleted(entry.getValue())) {
                open = visitor.visit(entry.getKey(), entry.getValue());
            }
            advance();
        }

        private void advance() {
            next = overlay.hasNext() ? overlay.next() : null;
        }
    }

    /** See {@link #forEach}. */
    @FunctionalInterface
    public interface Consumer {
        void accept(byte[] key, byte @Nullable [] value);
    }
}
