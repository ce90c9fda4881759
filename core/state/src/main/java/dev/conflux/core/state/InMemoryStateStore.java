package dev.conflux.core.state;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pcollections.TreePMap;

/** A store without a disk, for tests and samples: same contract, gone when the process ends. */
public final class InMemoryStateStore implements StateStore {

    private static final String FILE = "state.bin";

    private volatile TreePMap<byte[], byte[]> entries = TreePMap.empty(Arrays::compareUnsigned);

    @Override
    public byte @Nullable [] get(byte[] key) {
        return get(entries, key);
    }

    @Override
    public void scan(byte[] from, byte[] to, Order order, Visitor visitor) {
        scan(entries, from, to, order, visitor);
    }

    @Override
    public void commit(WriteBatch batch) {
        var next = new Next(entries);
        batch.forEach(next);
        entries = next.map;
    }

    @Override
    public Snapshot snapshot() {
        TreePMap<byte[], byte[]> frozen = entries;
        return new Snapshot() {
            @Override
            public byte @Nullable [] get(byte[] key) {
                return InMemoryStateStore.get(frozen, key);
            }

            @Override
            public void scan(byte[] from, byte[] to, Order order, Visitor visitor) {
                InMemoryStateStore.scan(frozen, from, to, order, visitor);
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public List<String> checkpoint(Path directory) throws IOException {
        try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(directory.resolve(FILE))))) {
            TreePMap<byte[], byte[]> frozen = entries;
            out.writeInt(frozen.size());
            for (Map.Entry<byte[], byte[]> entry : frozen.entrySet()) {
                out.writeInt(entry.getKey().length);
                out.write(entry.getKey());
                out.writeInt(entry.getValue().length);
                out.write(entry.getValue());
            }
        }
        return List.of(FILE);
    }

    @Override
    public void restoreFrom(Path directory, List<String> files) throws IOException {
        TreePMap<byte[], byte[]> restored = TreePMap.empty(Arrays::compareUnsigned);
        try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(directory.resolve(FILE))))) {
            for (int left = in.readInt(); left > 0; left--) {
                byte[] key = in.readNBytes(in.readInt());
                restored = restored.plus(key, in.readNBytes(in.readInt()));
            }
        }
        entries = restored;
    }

    @Override
    public void clear() {
        entries = TreePMap.empty(Arrays::compareUnsigned);
    }

    @Override
    public void close() {}

    private static byte @Nullable [] get(TreePMap<byte[], byte[]> map, byte[] key) {
        byte[] value = map.get(key);
        return value == null ? null : value.clone();
    }

    private static void scan(TreePMap<byte[], byte[]> map, byte[] from, byte[] to, Order order, Visitor visitor) {
        if (Arrays.compareUnsigned(from, to) >= 0) {
            return;
        }
        TreePMap<byte[], byte[]> range = map.subMap(from, true, to, false);
        TreePMap<byte[], byte[]> ordered = order == Order.ASCENDING ? range : range.descendingMap();
        for (Map.Entry<byte[], byte[]> entry : ordered.entrySet()) {
            if (!visitor.visit(entry.getKey(), entry.getValue().clone())) {
                return;
            }
        }
    }

    private static final class Next implements WriteBatch.Consumer {
        private TreePMap<byte[], byte[]> map;

        Next(TreePMap<byte[], byte[]> map) {
            this.map = map;
        }

        @Override
        public void accept(byte[] key, byte @Nullable [] value) {
            map = value == null ? map.minus(key) : map.plus(key, value.clone());
        }
    }
}
