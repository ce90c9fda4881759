package dev.conflux.adapter.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.RetentionReader;
import dev.conflux.core.state.StateStoreInvariants;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That pruning gives the disk back what it took. */
class ReclaimSpaceTest {

    private static final int VERSIONS = 1_500;
    private static final int SIZE = 20_000;
    private static final int KEPT = 100;

    @TempDir
    Path directory;

    @Test
    void shouldNeedLessDiskAfterACycle() throws Exception {
        try (var store = new RocksStateStore(directory);
                var state = new ConfigState(store)) {
            // given: 30 MB that no compression makes smaller
            var random = new Random(1);
            Commands.apply(state, Commands.create("t/a/e/n", "first"));
            for (int i = 1; i < VERSIONS; i++) {
                Commands.apply(state, new Command.CreateVersion(1, content(random), null));
            }
            long before = size();
            assertThat(before).isGreaterThan((long) VERSIONS * SIZE);
            Commands.apply(
                    state,
                    new Command.Gc(
                            new Command.GcStep.Configure(new GcSettings(new RetentionPolicy(null, KEPT), 10, 1))));

            // when
            long after = 0;
            while (true) {
                RetentionReader.Plan plan =
                        state.retention().plan(1, after, 100, Commands.T0).orElseThrow();
                if (plan.versions().isEmpty()) {
                    break;
                }
                List<Long> ids = plan.versions().stream().map(v -> v.id()).toList();
                assertThat(Commands.apply(state, new Command.PruneVersions(1, 7, ids, List.of(), List.of())))
                        .isInstanceOf(Outcome.Accepted.class);
                after = ids.getLast();
            }
            Commands.apply(state, new Command.Gc(new Command.GcStep.End(7, "")));

            // then: what is kept, and RocksDB's own log
            await().atMost(Duration.ofSeconds(30)).until(() -> size() < before / 3);
            StateStoreInvariants.check(store);
            assertThat(state.reader().content(1, VERSIONS)).isPresent();
        }
    }

    @Test
    void shouldCloseWhileItReclaims() throws Exception {
        for (int i = 0; i < 3; i++) {
            try (var store = new RocksStateStore(directory)) {
                store.reclaimSpace();
            }
        }
    }

    private static NewVersion content(Random random) throws Exception {
        byte[] bytes = new byte[SIZE];
        random.nextBytes(bytes);
        String hash =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        return new NewVersion(bytes, hash, Format.BINARY, "", null, null);
    }

    private long size() throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(ReclaimSpaceTest::size)
                    .sum();
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (NoSuchFileException e) {
            return 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
