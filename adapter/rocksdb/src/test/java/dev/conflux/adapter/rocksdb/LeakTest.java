package dev.conflux.adapter.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.conflux.core.state.StateArea;
import dev.conflux.core.state.StateReads;
import dev.conflux.core.state.StateStore;
import dev.conflux.core.state.WriteBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is opened natively is closed again: in hours of snapshots, scans, checkpoints and restores nothing grows. */
class LeakTest {

    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");
    private static final int ROUNDS = 60;

    @TempDir
    Path directory;

    @Test
    void shouldKeepNoDescriptorAndNoFileOfWhatIsOver() throws IOException {
        assumeThat(DESCRIPTORS).isDirectory();
        Path state = directory.resolve("state");
        try (StateStore store = new RocksStateStore(state)) {
            // when: each round ends with another generation
            use(store);

            // then: nothing of the others is left, neither open nor on the disk
            Path current = RocksStateStore.currentGeneration(state);
            assertThat(current.getFileName()).hasToString("gen-%08d".formatted(ROUNDS + 1));
            assertThat(open()).isNotEmpty().allSatisfy(file -> assertThat(file).startsWith(current));
            try (Stream<Path> children = Files.list(state)) {
                assertThat(children).containsExactlyInAnyOrder(current, state.resolve(RocksStateStore.POINTER));
            }
        }
        assertThat(open()).isEmpty();
    }

    private void use(StateStore store) throws IOException {
        for (int round = 0; round < ROUNDS; round++) {
            for (StateArea area : List.of(StateArea.CONFIGS, StateArea.CONTENTS, StateArea.EVENTS)) {
                store.commit(new WriteBatch().put(new byte[] {area.prefix(), (byte) round}, new byte[1_000]));
            }
            try (StateStore.Snapshot snapshot = store.snapshot();
                    StateStore.Snapshot scrub = store.scrub()) {
                for (StateReads reads : List.of(store, snapshot, scrub)) {
                    reads.scan(
                            StateArea.CONFIGS.from(),
                            StateArea.CONFIGS.to(),
                            StateReads.Order.ASCENDING,
                            (key, value) -> false); // ended before its end
                }
                Path files = Files.createDirectory(directory.resolve("checkpoint"));
                List<String> names = store.checkpoint(files);
                store.restoreFrom(files, names);
                RocksStateStore.deleteTree(files);
                assertThat(snapshot.get(new byte[] {StateArea.CONFIGS.prefix(), (byte) round}))
                        .isNotNull();
            }
        }
    }

    /** Of this store: tests of other classes run beside this one. */
    private List<Path> open() throws IOException {
        try (Stream<Path> descriptors = Files.list(DESCRIPTORS)) {
            return descriptors
                    .map(LeakTest::target)
                    .filter(target -> target.startsWith(directory))
                    .toList();
        }
    }

    private static Path target(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor);
        } catch (IOException e) {
            return descriptor; // closed meanwhile
        }
    }
}
