package dev.conflux.core.state;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Configs by full path: a persistent hash table made for reading. A look-up is two array loads and one comparison, where
 * a persistent tree takes a dozen dependent loads, each a cache miss among many configs. A change copies the top array
 * and one chunk, once per {@link Builder}. Immutable.
 */
final class PathIndex {

    private static final int CHUNK_BITS = 7;
    private static final int CHUNK_SLOTS = 1 << CHUNK_BITS;
    private static final int CHUNK_MASK = CHUNK_SLOTS - 1;

    static final PathIndex EMPTY = new PathIndex(new Object[1][], 0);

    /**
     * A power of two of chunks, null where nothing is. A slot holds nothing, a {@link ServedConfigRecord}, or an array
     * of those whose paths fall together.
     */
    private final @Nullable Object[] @Nullable [] chunks;

    private final int size;

    private PathIndex(@Nullable Object[] @Nullable [] chunks, int size) {
        this.chunks = chunks;
        this.size = size;
    }

    @Nullable
    ServedConfigRecord get(String path) {
        int hash = spread(path.hashCode());
        @Nullable Object[] chunk = chunks[chunkOf(hash, chunks.length)];
        return chunk == null ? null : in(chunk[hash & CHUNK_MASK], path);
    }

    int size() {
        return size;
    }

    /** String hashes differ little in their upper bits when paths differ only at their end. */
    private static int spread(int hash) {
        int mixed = hash * 0x9E3779B9;
        return mixed ^ (mixed >>> 15);
    }

    private static int chunkOf(int hash, int chunks) {
        return (hash >>> CHUNK_BITS) & (chunks - 1);
    }

    private static @Nullable ServedConfigRecord in(@Nullable Object slot, String path) {
        if (slot instanceof ServedConfigRecord only) {
            return only.path().equals(path) ? only : null;
        }
        if (slot != null) {
            for (ServedConfigRecord config : (ServedConfigRecord[]) slot) {
                if (config.path().equals(path)) {
                    return config;
                }
            }
        }
        return null;
    }

    /** Collects changes; owned by one thread, used once. */
    static final class Builder {

        private @Nullable Object[] @Nullable [] chunks;
        private boolean[] own;
        private int size;

        Builder(PathIndex from) {
            chunks = from.chunks.clone();
            own = new boolean[chunks.length];
            size = from.size;
        }

        void put(ServedConfigRecord config) {
            if (size >= chunks.length * CHUNK_SLOTS) {
                grow();
            }
            insert(config);
        }

        private void insert(ServedConfigRecord config) {
            int hash = spread(config.path().hashCode());
            @Nullable Object[] chunk = writable(chunkOf(hash, chunks.length));
            int slot = hash & CHUNK_MASK;
            Object before = chunk[slot];
            if (before == null) {
                chunk[slot] = config;
                size++;
            } else if (before instanceof ServedConfigRecord only) {
                if (only.path().equals(config.path())) {
                    chunk[slot] = config;
                } else {
                    chunk[slot] = new ServedConfigRecord[] {only, config};
                    size++;
                }
            } else {
                var together = (ServedConfigRecord[]) before;
                int at = indexOf(together, config.path());
                ServedConfigRecord[] copy = Arrays.copyOf(together, at < 0 ? together.length + 1 : together.length);
                copy[at < 0 ? together.length : at] = config;
                chunk[slot] = copy;
                size += at < 0 ? 1 : 0;
            }
        }

        void remove(String path) {
            int hash = spread(path.hashCode());
            int number = chunkOf(hash, chunks.length);
            @Nullable Object[] present = chunks[number];
            int slot = hash & CHUNK_MASK;
            if (present == null || in(present[slot], path) == null) {
                return;
            }
            @Nullable Object[] chunk = writable(number);
            size--;
            if (chunk[slot] instanceof ServedConfigRecord[] together) {
                int at = indexOf(together, path);
                var rest = new ServedConfigRecord[together.length - 1];
                System.arraycopy(together, 0, rest, 0, at);
                System.arraycopy(together, at + 1, rest, at, rest.length - at);
                chunk[slot] = rest.length == 1 ? rest[0] : rest;
            } else {
                chunk[slot] = null;
            }
        }

        private @Nullable Object[] writable(int number) {
            @Nullable Object[] chunk = chunks[number];
            if (chunk == null) {
                chunk = new Object[CHUNK_SLOTS];
            } else if (own[number]) {
                return chunk;
            } else {
                chunk = chunk.clone();
            }
            own[number] = true;
            chunks[number] = chunk;
            return chunk;
        }

        private static int indexOf(ServedConfigRecord[] together, String path) {
            for (int i = 0; i < together.length; i++) {
                if (together[i].path().equals(path)) {
                    return i;
                }
            }
            return -1;
        }

        /** Twice the chunks; everything is placed again. */
        private void grow() {
            @Nullable Object[] @Nullable [] before = chunks;
            chunks = new Object[before.length * 2][];
            own = new boolean[chunks.length];
            size = 0;
            for (@Nullable Object[] chunk : before) {
                if (chunk == null) {
                    continue;
                }
                for (Object slot : chunk) {
                    if (slot instanceof ServedConfigRecord only) {
                        insert(only);
                    } else if (slot != null) {
                        for (ServedConfigRecord config : (ServedConfigRecord[]) slot) {
                            insert(config);
                        }
                    }
                }
            }
        }

        PathIndex build() {
            return new PathIndex(chunks, size);
        }
    }
}
