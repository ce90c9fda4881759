package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What every {@link StateStore} must do. */
public abstract class StateStoreContract {

    @TempDir
    protected Path directory;

    /** Opens the store in {@code directory}/{@code name}; the same name again is the same store, reopened. */
    protected abstract StateStore open(String name);

    @Test
    void shouldApplyAWholeBatchAndReadItBack() {
        try (StateStore store = open("a")) {
            // when
            store.commit(new WriteBatch()
                    .put(key(StateArea.CONFIGS, "b"), bytes("1"))
                    .put(key(StateArea.CONTENTS, "b"), bytes("2"))
                    .put(key(StateArea.EVENTS, "b"), new byte[0]));

            // then
            assertThat(store.get(key(StateArea.CONFIGS, "b"))).isEqualTo(bytes("1"));
            assertThat(store.get(key(StateArea.CONTENTS, "b"))).isEqualTo(bytes("2"));
            assertThat(store.get(key(StateArea.EVENTS, "b"))).isEmpty();
            assertThat(store.get(key(StateArea.CONFIGS, "c"))).isNull();
        }
    }

    @Test
    void shouldLetTheLastWriteOfAKeyWin() {
        try (StateStore store = open("a")) {
            byte[] key = key(StateArea.CONFIGS, "b");
            store.commit(new WriteBatch().put(key, bytes("1")).delete(key));
            assertThat(store.get(key)).isNull();
            store.commit(new WriteBatch().delete(key).put(key, bytes("2")));
            assertThat(store.get(key)).isEqualTo(bytes("2"));
            store.commit(new WriteBatch().delete(key));
            assertThat(store.get(key)).isNull();
        }
    }

    @Test
    void shouldScanInUnsignedOrderWithinItsBounds() {
        try (StateStore store = open("a")) {
            // given
            var batch = new WriteBatch();
            for (int b : new int[] {0x00, 0x7f, 0x80, 0xff}) {
                batch.put(new byte[] {StateArea.VERSIONS.prefix(), (byte) b}, new byte[] {(byte) b});
            }
            batch.put(key(StateArea.CONFIGS, "x"), bytes("other area"));
            batch.put(key(StateArea.RELEASE_HISTORY, "x"), bytes("other area"));
            store.commit(batch);

            // then
            byte[] from = StateArea.VERSIONS.from();
            byte[] to = StateArea.VERSIONS.to();
            assertThat(scan(store, from, to, StateReads.Order.ASCENDING, 10)).containsExactly(0x00, 0x7f, 0x80, 0xff);
            assertThat(scan(store, from, to, StateReads.Order.DESCENDING, 2)).containsExactly(0xff, 0x80);
            byte[] middle = {StateArea.VERSIONS.prefix(), 0x7f};
            assertThat(scan(store, middle, to, StateReads.Order.ASCENDING, 1)).containsExactly(0x7f);
            assertThat(scan(store, from, middle, StateReads.Order.DESCENDING, 9))
                    .containsExactly(0x00);
            assertThat(scan(store, to, from, StateReads.Order.ASCENDING, 9)).isEmpty();
        }
    }

    @Test
    void shouldKeepASnapshotAsItWas() {
        try (StateStore store = open("a")) {
            byte[] key = key(StateArea.CONFIGS, "b");
            store.commit(new WriteBatch().put(key, bytes("1")));
            try (StateStore.Snapshot snapshot = store.snapshot()) {
                // when
                store.commit(new WriteBatch().delete(key).put(key(StateArea.CONFIGS, "c"), bytes("2")));

                // then
                assertThat(snapshot.get(key)).isEqualTo(bytes("1"));
                assertThat(snapshot.get(key(StateArea.CONFIGS, "c"))).isNull();
                assertThat(scan(
                                snapshot,
                                StateArea.CONFIGS.from(),
                                StateArea.CONFIGS.to(),
                                StateReads.Order.ASCENDING,
                                9))
                        .hasSize(1);
            }
            assertThat(store.get(key)).isNull();
        }
    }

    @Test
    void shouldRestoreACheckpointAndKeepOpenSnapshotsReadable() throws Exception {
        Path files = Files.createDirectory(directory.resolve("checkpoint"));
        byte[] key = key(StateArea.CONTENTS, "b");
        List<String> names;
        try (StateStore store = open("a")) {
            store.commit(new WriteBatch().put(key, bytes("1")));
            names = store.checkpoint(files);
            store.commit(new WriteBatch().put(key, bytes("2")));
        }
        assertThat(names).allSatisfy(name -> assertThat(files.resolve(name)).isRegularFile());
        try (StateStore store = open("b")) {
            store.commit(new WriteBatch().put(key, bytes("3")).put(key(StateArea.CONFIGS, "c"), bytes("4")));
            try (StateStore.Snapshot snapshot = store.snapshot()) {
                // when
                store.restoreFrom(files, names);

                // then
                assertThat(snapshot.get(key)).isEqualTo(bytes("3"));
                assertThat(store.get(key)).isEqualTo(bytes("1"));
                assertThat(store.get(key(StateArea.CONFIGS, "c"))).isNull();
            }
            store.commit(new WriteBatch().put(key, bytes("5")));
            // The same files again: nothing wrote into them.
            store.restoreFrom(files, names);
            assertThat(store.get(key)).isEqualTo(bytes("1"));
        }
    }

    @Test
    void shouldBeEmptyAfterClearAlsoWhenReopened() throws Exception {
        byte[] key = key(StateArea.CONFIGS, "b");
        try (StateStore store = open("a")) {
            store.commit(new WriteBatch().put(key, bytes("1")));

            // when
            store.clear();

            // then
            assertThat(store.get(key)).isNull();
            store.commit(new WriteBatch().put(key(StateArea.CONFIGS, "c"), bytes("2")));
        }
        try (StateStore store = open("a")) {
            assertThat(store.get(key)).isNull();
        }
    }

    protected static byte[] key(StateArea area, String text) {
        byte[] bytes = new byte[1 + text.length()];
        bytes[0] = area.prefix();
        System.arraycopy(bytes(text), 0, bytes, 1, text.length());
        return bytes;
    }

    protected static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static List<Integer> scan(StateReads reads, byte[] from, byte[] to, StateReads.Order order, int limit) {
        var found = new ArrayList<Integer>();
        reads.scan(from, to, order, (key, value) -> {
            found.add(value[value.length - 1] & 0xff);
            return found.size() < limit;
        });
        return found;
    }
}
