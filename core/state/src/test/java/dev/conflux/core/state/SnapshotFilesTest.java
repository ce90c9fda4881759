package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotFilesTest {

    @TempDir
    Path directory;

    /** Found by the simulator: a changed tag hid the list of files, and nothing was verified. */
    @Test
    void shouldRefuseASnapshotWithAnyBitOfItsManifestChanged() throws IOException {
        // given
        try (var source = new ConfigState(new InMemoryStateStore());
                var target = new ConfigState(new InMemoryStateStore())) {
            Commands.apply(source, Commands.create("t/app/prod/a", "one", Commands.fresh()));
            source.beginSnapshot(directory).complete();
            Path manifest = directory.resolve(SnapshotFiles.MANIFEST);
            byte[] sound = Files.readAllBytes(manifest);
            ConfigView before = target.view();

            // when, then
            for (int bit = 0; bit < sound.length * 8; bit++) {
                byte[] damaged = sound.clone();
                damaged[bit / 8] ^= (byte) (1 << bit % 8);
                Files.write(manifest, damaged);
                assertThatThrownBy(() -> target.restore(directory))
                        .as("bit %d", bit)
                        .isInstanceOf(IOException.class);
                assertThat(target.view()).isSameAs(before);
            }
            Files.write(manifest, sound);
            target.restore(directory);
            assertThat(target.view().digest()).isEqualTo(source.view().digest());
        }
    }
}
