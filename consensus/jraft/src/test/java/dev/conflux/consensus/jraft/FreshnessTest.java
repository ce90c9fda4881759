package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.ReadPoint;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class FreshnessTest {

    private final AtomicLong now = new AtomicLong();
    private final AtomicLong applied = new AtomicLong();
    private final Freshness freshness = new Freshness(now::get, applied::get);

    @Test
    void shouldKnowNothingBeforeALeaderWasHeard() {
        assertThat(freshness.stalenessMillis()).isEqualTo(ReadPoint.UNKNOWN_STALENESS);
    }

    @Test
    void shouldCountFromTheLastMessageThatIsFullyApplied() {
        // given
        applied.set(10);
        freshness.heard(1, 1, 10);
        pass(100);
        freshness.heard(1, 1, 20); // at 100, not applied yet
        pass(50);
        freshness.heard(1, 1, 30); // at 150, not applied either
        pass(50);

        // then
        assertThat(freshness.stalenessMillis()).isEqualTo(201);
        applied.set(20);
        assertThat(freshness.stalenessMillis()).isEqualTo(101);
    }

    @Test
    void shouldNotBelieveADeposedLeader() {
        // given
        freshness.heard(1, 1, 0);
        pass(500);

        // when
        freshness.heard(1, 2, 0); // this node has voted in term 2 already

        // then
        assertThat(freshness.stalenessMillis()).isEqualTo(501);
    }

    private void pass(long millis) {
        now.addAndGet(TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
