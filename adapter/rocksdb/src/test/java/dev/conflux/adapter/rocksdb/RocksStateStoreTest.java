package dev.conflux.adapter.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.core.state.StateArea;
import dev.conflux.core.state.StateReads;
import dev.conflux.core.state.StateStore;
import dev.conflux.core.state.StateStoreContract;
import dev.conflux.core.state.StateStoreException;
import dev.conflux.core.state.WriteBatch;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class RocksStateStoreTest extends StateStoreContract {

    @Override
    protected StateStore open(String name) {
        return new RocksStateStore(directory.resolve(name));
    }

    @Test
    void shouldHoldWhatWasCommittedWhenReopened() {
        byte[] key = key(StateArea.CONFIGS, "b");
        try (StateStore store = open("a")) {
            store.commit(new WriteBatch().put(key, bytes("1")));
        }
        try (StateStore store = open("a")) {
            assertThat(store.get(key)).isEqualTo(bytes("1"));
        }
    }

    @Test
    void shouldKeepTheOldStateWhenARestoreWasCutOffBeforeThePointerMoved() throws Exception {
        // given: a half-copied next generation
        byte[] key = key(StateArea.CONFIGS, "b");
        try (StateStore store = open("a")) {
            store.commit(new WriteBatch().put(key, bytes("old")));
        }
        Path half = Files.createDirectory(directory.resolve("a/gen-00000002"));
        Files.writeString(half.resolve("CURRENT"), "MANIFEST-0");

        // then
        try (StateStore store = open("a")) {
            assertThat(store.get(key)).isEqualTo(bytes("old"));
            assertThat(half).doesNotExist();
        }
    }

    @Test
    void shouldUseTheNewStateWhenTheCrashCameAfterThePointerMoved() throws Exception {
        // given
        byte[] key = key(StateArea.CONFIGS, "b");
        Path files = Files.createDirectory(directory.resolve("files"));
        try (StateStore store = open("a")) {
            store.commit(new WriteBatch().put(key, bytes("new")));
            List<String> names = store.checkpoint(files);
            store.commit(new WriteBatch().put(key, bytes("old")));
            store.restoreFrom(files, names);
        }
        Path left = Files.createDirectory(directory.resolve("a/gen-00000001"));

        // then
        try (StateStore store = open("a")) {
            assertThat(store.get(key)).isEqualTo(bytes("new"));
            assertThat(left).doesNotExist();
        }
    }

    @Test
    void shouldLeaveTheStateAsItIsWhenTheCheckpointCannotBeOpened() throws Exception {
        byte[] key = key(StateArea.CONFIGS, "b");
        Path files = Files.createDirectory(directory.resolve("files"));
        Files.writeString(files.resolve("CURRENT"), "MANIFEST-000001\n");
        try (StateStore store = open("a")) {
            store.commit(new WriteBatch().put(key, bytes("old")));
            assertThatThrownBy(() -> store.restoreFrom(files, List.of("CURRENT")))
                    .isInstanceOf(StateStoreException.class);
            assertThat(store.get(key)).isEqualTo(bytes("old"));
        }
        try (StateStore store = open("a")) {
            assertThat(store.get(key)).isEqualTo(bytes("old"));
        }
    }

    @Test
    void shouldRefuseToOpenTwiceAndToServeAfterClose() {
        StateStore store = open("a");
        assertThatThrownBy(() -> open("a")).isInstanceOf(StateStoreException.class);
        store.close();
        assertThatThrownBy(() -> store.get(key(StateArea.CONFIGS, "b"))).isInstanceOf(StateStoreException.class);
    }

    @Test
    void shouldTellAndNeverServeWrongBytesWhenATableIsDamaged() throws Exception {
        // given
        byte[] key = key(StateArea.CONFIGS, "b");
        byte[] value = new byte[4096];
        new java.util.Random(7).nextBytes(value);
        try (StateStore store = open("a")) {
            store.commit(new WriteBatch().put(key, value));
            store.checkpoint(Files.createDirectory(directory.resolve("files")));
        }
        Path table;
        try (var files = Files.list(directory.resolve("a/gen-00000001"))) {
            table = files.filter(file -> file.toString().endsWith(".sst"))
                    .findFirst()
                    .orElseThrow();
        }
        byte[] bytes = Files.readAllBytes(table);
        bytes[2000] ^= 0x10;
        Files.write(table, bytes);
        var told = new java.util.ArrayList<StateStoreException>();

        // when
        try (StateStore store = new RocksStateStore(directory.resolve("a"), told::add)) {
            try (StateStore.Snapshot scrub = store.scrub()) {
                assertThatThrownBy(() -> scrub.scan(
                                StateArea.CONFIGS.from(),
                                StateArea.CONFIGS.to(),
                                StateReads.Order.ASCENDING,
                                (k, v) -> true))
                        .isInstanceOf(StateStoreException.class);
                assertThat(told)
                        .as("a scrub finds damage without ending the node")
                        .isEmpty();
            }
            assertThatThrownBy(() -> store.get(key))
                    .isInstanceOf(StateStoreException.class)
                    .hasMessageContaining("gen-00000001");
        }

        // then
        assertThat(told).hasSize(1);
    }
}
