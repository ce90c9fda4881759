package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.option.RaftMetaStorageOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VoteStorageTest {

    private final Watchdog.Activity writing =
            new Watchdog("test", java.time.Duration.ofSeconds(1), reason -> {}).vote();

    private static final PeerId PEER = PeerId.parsePeer("10.0.0.2:9101");

    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = directory.resolve("vote").resolve("raft_meta");
    }

    private VoteStorage open(long reachedTerm) {
        var storage = new VoteStorage(file, reachedTerm, term -> {}, writing);
        assertThat(storage.init(new RaftMetaStorageOptions())).isTrue();
        return storage;
    }

    @Test
    void shouldKeepTermAndVote() {
        // given
        VoteStorage storage = open(0);
        assertThat(storage.getTerm()).isZero();
        assertThat(storage.getVotedFor().isEmpty()).isTrue();

        // when
        storage.setTermAndVotedFor(7, PEER);

        // then
        assertThat(open(7).getTerm()).isEqualTo(7);
        assertThat(open(7).getVotedFor()).isEqualTo(PEER);
        storage.setTermAndVotedFor(8, PeerId.emptyPeer());
        assertThat(open(8).getTerm()).isEqualTo(8);
        assertThat(open(8).getVotedFor().isEmpty()).isTrue();
    }

    @Test
    void shouldTellEveryTerm() {
        List<Long> terms = new ArrayList<>();
        var storage = new VoteStorage(file, 0, terms::add, writing);
        storage.init(new RaftMetaStorageOptions());
        storage.setTerm(3);
        storage.setTermAndVotedFor(4, PEER);
        assertThat(terms).containsExactly(0L, 3L, 4L);
    }

    @Test
    void shouldRefuseEveryFlippedBitAndEveryTruncation() throws IOException {
        open(0).setTermAndVotedFor(7, PEER);
        byte[] whole = Files.readAllBytes(file);
        for (int i = 0; i < whole.length; i++) {
            for (int bit = 0; bit < 8; bit++) {
                byte[] damaged = whole.clone();
                damaged[i] ^= (byte) (1 << bit);
                refuses(damaged);
            }
            refuses(Arrays.copyOf(whole, i));
        }
    }

    private void refuses(byte[] damaged) throws IOException {
        Files.write(file, damaged);
        assertThatThrownBy(() -> open(0))
                .isInstanceOf(IdentityException.class)
                .hasMessageContaining("could vote twice");
    }

    @Test
    void shouldRefuseAFileThatIsOlderThanTheLog() {
        open(0).setTermAndVotedFor(7, PEER);
        assertThatThrownBy(() -> open(8))
                .isInstanceOf(IdentityException.class)
                .hasMessageContaining("term 7")
                .hasMessageContaining("term 8");
    }
}
