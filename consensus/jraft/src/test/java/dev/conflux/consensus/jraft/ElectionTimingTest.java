package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;

class ElectionTimingTest {

    private static final Duration TIMEOUT = Duration.ofMillis(400);

    private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 5);

    private static int least(@SuppressWarnings("unused") int below) {
        return 0;
    }

    private static int most(int below) {
        return below - 1;
    }

    private ElectionTiming member(int rank, IntUnaryOperator random) {
        return new ElectionTiming(TIMEOUT, () -> rank, clock::get, random);
    }

    private void pass(long millis) {
        clock.addAndGet(TimeUnit.MILLISECONDS.toNanos(millis));
    }

    @Test
    void shouldLookSeveralTimesPerTimeout() {
        assertThat(member(0, ElectionTimingTest::least).look()).isEqualTo(60);
        assertThat(member(2, ElectionTimingTest::most).look()).isLessThan(TIMEOUT.toMillis() / 2);
    }

    @Test
    void shouldLetOneCandidateFinishBeforeTheNextBegins() {
        for (int rank = 0; rank < 4; rank++) {
            assertThat(member(rank + 1, ElectionTimingTest::least).candidacy()
                            - member(rank, ElectionTimingTest::most).candidacy())
                    .as("between rank %d and the next", rank)
                    .isGreaterThanOrEqualTo(TIMEOUT.toMillis() / 16);
        }
    }

    @Test
    void shouldWaitLongerEachTimeWhenVotesAreSlowerThanTheWait() {
        ElectionTiming timing = member(0, ElectionTimingTest::least);
        for (long expected : new long[] {150, 300, 600, 1200, 1200}) {
            assertThat(timing.candidacy()).isEqualTo(expected);
            pass(expected + 90);
        }
        pass(TIMEOUT.toMillis());
        assertThat(timing.candidacy()).as("another election").isEqualTo(150);
    }

    @Test
    void shouldBeBoundedInAHugeCluster() {
        assertThat(member(1_000, ElectionTimingTest::most).look()).isLessThan(TIMEOUT.toMillis());
        assertThat(member(1_000, ElectionTimingTest::most).candidacy()).isLessThan(2 * TIMEOUT.toMillis());
    }
}
