package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class LogThrottleTest {

    private final AtomicLong now = new AtomicLong();
    private final LogThrottle throttle = new LogThrottle(now::get);

    @Test
    void shouldSayARepeatedLineOnceInAWhileAndCountTheOthers() {
        assertThat(throttle.admit("a")).isZero();
        assertThat(throttle.admit("a")).isNegative();
        assertThat(throttle.admit("a")).isNegative();
        assertThat(throttle.admit("b")).isZero();
        now.addAndGet(TimeUnit.MILLISECONDS.toNanos(Limits.LOG_REPEAT_MILLIS));
        assertThat(throttle.admit("a")).isEqualTo(2);
    }
}
