package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SnapshotPaceTest {

    private static final int CHUNK = 512 * 1024;
    private static final long PER_SECOND = 64L << 20;

    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 1_000); // wraps around soon
    private final SnapshotPace pace = new SnapshotPace(nanos::get, PER_SECOND);

    @Test
    void shouldLetAGibibyteThroughInSixteenSecondsHoweverCoarseTheTimer() {
        // given
        long begin = nanos.get();
        int tickMillis = 10;

        // when
        for (int sent = 0; sent < 2_048; sent++) {
            long delay = pace.delayMillis(CHUNK);
            long ticks = (delay + tickMillis - 1) / tickMillis;
            nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(ticks * tickMillis));
        }

        // then
        assertThat(TimeUnit.NANOSECONDS.toMillis(nanos.get() - begin)).isBetween(15_800L, 16_100L);
    }

    @Test
    void shouldShareThePaceAmongAllWhoFetch() {
        // given: the burst is used up
        while (pace.delayMillis(CHUNK) == 0) {}

        // when
        long first = pace.delayMillis(8L << 20);
        long second = pace.delayMillis(8L << 20);

        // then
        assertThat(second - first).isBetween(124L, 126L);
    }

    @Test
    void shouldNotSaveUpMoreThanABurstWhileNobodyFetches() {
        // given
        nanos.addAndGet(TimeUnit.HOURS.toNanos(1));

        // when
        long delay = pace.delayMillis(PER_SECOND);

        // then
        assertThat(delay).isBetween(899L, 900L);
    }
}
