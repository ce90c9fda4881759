package dev.conflux.adapter.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.StateAudit;
import dev.conflux.core.state.StateStoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OfflineStateReadsTest {

    @TempDir
    Path directory;

    private Path store;
    private Path snapshot;
    private String digest;

    @BeforeEach
    void makeAState() throws IOException {
        store = directory.resolve("store");
        snapshot = Files.createDirectory(directory.resolve("snapshot"));
        try (var state = new ConfigState(new RocksStateStore(store))) {
            state.apply(Commands.random(11, 200));
            state.beginSnapshot(snapshot).complete();
            digest = state.view().digest();
        }
    }

    @Test
    void shouldReadAStoreAndASnapshotWithoutWriting() throws IOException {
        for (Path read : new Path[] {store, snapshot}) {
            Set<String> before = listing(read);
            try (OfflineStateReads reads = OfflineStateReads.open(read)) {
                reads.verify();
                StateAudit audit = StateAudit.of(reads, 10, config -> {});
                assertThat(audit.summary().digest()).isEqualTo(digest);
                assertThat(audit.problems()).isEmpty();
            }
            assertThat(listing(read)).isEqualTo(before);
        }
    }

    @Test
    void shouldNameADamagedTable() throws IOException {
        // given
        Path table;
        try (Stream<Path> files = Files.list(snapshot)) {
            table = files.filter(file -> file.toString().endsWith(".sst"))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
        }
        byte[] bytes = Files.readAllBytes(table);
        bytes[10] ^= 0x10;
        Files.write(table, bytes);

        // then
        try (OfflineStateReads reads = OfflineStateReads.open(snapshot)) {
            assertThatThrownBy(reads::verify)
                    .isInstanceOf(StateStoreException.class)
                    .hasMessageContaining(table.getFileName().toString());
        }
    }

    @Test
    void shouldRefuseWhatIsNoState() {
        assertThatThrownBy(() -> OfflineStateReads.open(directory))
                .isInstanceOf(StateStoreException.class)
                .hasMessageContaining(directory.toString());
    }

    private static Set<String> listing(Path root) throws IOException {
        var names = new TreeSet<String>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.toList()) {
                names.add(root.relativize(file) + " "
                        + (Files.isDirectory(file) ? 0 : Files.size(file)) + " "
                        + Files.getLastModifiedTime(file));
            }
        }
        return names;
    }
}
