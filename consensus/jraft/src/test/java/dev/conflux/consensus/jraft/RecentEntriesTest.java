package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class RecentEntriesTest {

    private static final int SIZE = 1_000;

    private final RecentEntries recent = new RecentEntries(10 * SIZE);

    @Test
    void shouldKeepAnEntryWithItsChecksum() {
        // given
        LogEntry entry = entry(7, 2);

        // when
        LogEntry read = recent.read(entry, recent.generation());

        // then
        assertThat(recent.get(7)).isSameAs(read);
        assertThat(read.getId()).isEqualTo(entry.getId());
        assertThat(read.getData()).isEqualTo(entry.getData());
        assertThat(read.getChecksum()).isEqualTo(entry.getChecksum());
        assertThat(read.checksum()).isEqualTo(entry.getChecksum());
        assertThat(read.isCorrupted()).isFalse();
    }

    @Test
    void shouldHandOutADamagedEntryAsItIsAndNotKeepIt() {
        // given
        LogEntry entry = entry(7, 2);
        entry.getData().put(0, (byte) 1);

        // when
        LogEntry read = recent.read(entry, recent.generation());

        // then
        assertThat(read.isCorrupted()).isTrue();
        assertThat(recent.get(7)).isNull();
    }

    @Test
    void shouldDropThoseNotUsedForLongest() {
        // given
        for (int i = 1; i <= 8; i++) {
            recent.written(entry(i, 1));
        }
        assertThat(recent.get(1)).isNotNull();

        // when
        recent.written(entry(9, 1));

        // then
        assertThat(recent.get(1)).isNotNull();
        assertThat(recent.get(2)).isNull();
        assertThat(recent.get(9)).isNotNull();
    }

    @Test
    void shouldNotKeepWhatWasReadBeforeTheLogWasCut() {
        // given
        long generation = recent.generation();
        LogEntry entry = entry(7, 2);

        // when
        recent.clear();
        recent.read(entry, generation);

        // then
        assertThat(recent.get(7)).isNull();
        recent.written(entry(7, 3));
        assertThat(recent.get(7)).extracting(kept -> kept.getId().getTerm()).isEqualTo(3L);
    }

    private static LogEntry entry(long index, long term) {
        var entry = new LogEntry(EntryType.ENTRY_TYPE_DATA);
        entry.setId(new LogId(index, term));
        entry.setData(ByteBuffer.allocate(SIZE));
        entry.setChecksum(entry.checksum());
        return entry;
    }
}
