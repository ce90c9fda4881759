package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HighWaterMarkTest {

    @TempDir
    Path directory;

    @Test
    void shouldRememberTheLastPosition() throws IOException {
        // given
        HighWaterMark.create(directory);
        try (HighWaterMark mark = open()) {
            mark.reached(new LogPosition(7, 1));
            mark.reached(new LogPosition(9, 2));
        }

        // then
        assertThat(open().position()).isEqualTo(new LogPosition(9, 2));
    }

    @Test
    void shouldFallBackToTheOtherSlotWhenOneIsTorn() throws IOException {
        // given
        HighWaterMark.create(directory);
        try (HighWaterMark mark = open()) {
            mark.reached(new LogPosition(7, 1)); // sequence 3, slot 1
            mark.reached(new LogPosition(9, 2)); // sequence 4, slot 0
        }

        // when
        flip(12);

        // then
        assertThat(open().position()).isEqualTo(new LogPosition(7, 1));
    }

    @Test
    void shouldKnowNothingWhenBothSlotsAreDamagedOrTheFileIsGone() throws IOException {
        // given
        HighWaterMark.create(directory);
        flip(12);
        flip(4096 + 12);

        // then
        assertThat(HighWaterMark.open(directory)).isNull();
        Files.delete(directory.resolve(HighWaterMark.FILE));
        assertThat(HighWaterMark.open(directory)).isNull();
    }

    @Test
    void shouldStartOverAtTheSnapshotThatReplacesTheLog() throws IOException {
        // given
        HighWaterMark.create(directory);
        HighWaterMark mark = open();
        mark.reached(new LogPosition(50, 9)); // uncommitted, of a later term than the snapshot's

        // when
        mark.snapshotLoaded(new LogPosition(1000, 8));
        mark.reset(1001);

        // then
        assertThat(mark.position()).isEqualTo(new LogPosition(1000, 8));
    }

    private HighWaterMark open() throws IOException {
        HighWaterMark mark = HighWaterMark.open(directory);
        assertThat(mark).isNotNull();
        return java.util.Objects.requireNonNull(mark);
    }

    private void flip(int offset) throws IOException {
        Path file = directory.resolve(HighWaterMark.FILE);
        byte[] bytes = Files.readAllBytes(file);
        bytes[offset] ^= 1;
        Files.write(file, bytes);
    }
}
