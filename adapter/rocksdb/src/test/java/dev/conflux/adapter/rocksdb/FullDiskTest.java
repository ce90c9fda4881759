package dev.conflux.adapter.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.conflux.core.state.StateArea;
import dev.conflux.core.state.StateReads;
import dev.conflux.core.state.StateStore;
import dev.conflux.core.state.StateStoreException;
import dev.conflux.core.state.WriteBatch;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The state's disk is full, while the log's is not: on a small file system of its own, which takes root to mount. */
class FullDiskTest {

    private static final String SIZE = "48m";
    private static final int VALUE_BYTES = 64 * 1024;

    /** One key of each column family, written by every batch with the number of the batch. */
    private static final List<StateArea> AREAS = List.of(StateArea.META, StateArea.CONTENTS, StateArea.EVENTS);

    @TempDir
    Path directory;

    @Test
    void shouldShowNoPartOfABatchThatDidNotFitAndGoOnWhenThereIsSpace() throws Exception {
        Path disk = Files.createDirectory(directory.resolve("disk"));
        assumeThat(run("mount", "-t", "tmpfs", "-o", "size=" + SIZE, "tmpfs", disk.toString()))
                .as("mounting takes root")
                .isZero();
        try {
            // given: batches until one does not fit any more
            var random = new Random(7);
            long written;
            try (StateStore store = new RocksStateStore(disk.resolve("state"))) {
                fill(disk.resolve("ballast"), disk, 8L << 20);
                written = writeUntilFull(store, random);
                assertThat(written).isPositive();

                // then: whoever reads sees whole batches, and nobody writes on as if nothing had happened
                assertThat(whole(store)).isEqualTo(written);
                assertThatThrownBy(() -> store.commit(batch(written + 1, random)))
                        .isInstanceOf(StateStoreException.class);
                assertThat(whole(store)).isEqualTo(written);
            }

            // and when: the process has ended, and is started when there is space
            Files.delete(disk.resolve("ballast"));
            try (StateStore store = new RocksStateStore(disk.resolve("state"))) {
                // then: the log is applied again from there
                long found = whole(store);
                assertThat(found).isBetween(1L, written);
                for (long number = found + 1; number <= written + 1; number++) {
                    store.commit(batch(number, random));
                }
                assertThat(whole(store)).isEqualTo(written + 1);
            }
        } finally {
            assertThat(run("umount", "-l", disk.toString())).isZero();
        }
    }

    private static long writeUntilFull(StateStore store, Random random) {
        for (long number = 1; ; number++) {
            try {
                store.commit(batch(number, random));
            } catch (StateStoreException e) {
                assertThat(e).hasStackTraceContaining("No space left on device");
                return number - 1;
            }
        }
    }

    private static WriteBatch batch(long number, Random random) {
        var batch = new WriteBatch();
        for (StateArea area : AREAS) {
            byte[] value = new byte[VALUE_BYTES];
            random.nextBytes(value); // nothing to compress
            ByteBuffer.wrap(value).putLong(number);
            batch.put(key(area), value);
            batch.put(ByteBuffer.allocate(9).put(area.prefix()).putLong(number).array(), value);
        }
        return batch;
    }

    /** The number of the last batch, which all areas must agree on. */
    private static long whole(StateReads store) {
        List<Long> numbers = AREAS.stream()
                .map(area -> {
                    byte[] value = store.get(key(area));
                    return value == null ? 0 : ByteBuffer.wrap(value).getLong();
                })
                .distinct()
                .toList();
        assertThat(numbers).hasSize(1);
        for (StateArea area : AREAS) {
            assertThat(store.get(ByteBuffer.allocate(9)
                            .put(area.prefix())
                            .putLong(numbers.getFirst() + 1)
                            .array()))
                    .isNull();
        }
        return numbers.getFirst();
    }

    private static byte[] key(StateArea area) {
        return new byte[] {area.prefix()};
    }

    private static void fill(Path ballast, Path disk, long leave) throws IOException {
        try (OutputStream out = Files.newOutputStream(ballast)) {
            for (long left = Files.getFileStore(disk).getUsableSpace() - leave; left > 0; left -= 1 << 20) {
                out.write(new byte[(int) Math.min(left, 1 << 20)]);
            }
        }
    }

    private static int run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }
}
