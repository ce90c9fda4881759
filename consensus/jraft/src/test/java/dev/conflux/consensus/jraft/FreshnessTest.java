package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.ReadPoint;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class FreshnessTest {

    private final AtomicLong now = new AtomicLong();
    private final Freshness freshness = new Freshness(now::get);

    @Test
    void shouldKnowNothingBeforeTheFirstAnswer() {
        assertThat(freshness.stalenessMillis()).isEqualTo(ReadPoint.UNKNOWN_STALENESS);
    }

    @Test
    void shouldCountFromTheQuestionRatherThanTheAnswer() {
        // given
        long asked = freshness.now();
        pass(5_000); // stopped and continued; the answer waited in a buffer

        // when
        freshness.confirmed(asked);

        // then
        assertThat(freshness.stalenessMillis()).isEqualTo(5_001);
    }

    @Test
    void shouldNotFallBackToAnOlderQuestion() {
        // given
        long first = freshness.now();
        pass(100);
        long second = freshness.now();
        pass(50);
        freshness.confirmed(second);

        // when
        freshness.confirmed(first);

        // then
        assertThat(freshness.stalenessMillis()).isEqualTo(51);
    }

    private void pass(long millis) {
        now.addAndGet(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
