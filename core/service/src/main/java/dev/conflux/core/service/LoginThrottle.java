package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Slows down guessing, per account and in total. In memory of one node, so an attacker gets this many guesses per node;
 * known and unknown accounts are treated alike. Any thread; never waits.
 */
final class LoginThrottle {

    /** People mistype. */
    private static final int FREE_FAILURES = 5;
    /** Doubles from one second up to this; short, because it also keeps the rightful owner out. */
    private static final long MAX_DELAY_MILLIS = 60_000;
    /** An account with no failure for so long starts afresh. */
    private static final long FORGET_MILLIS = 15 * 60_000;
    /** About 200 bytes each. The longest untouched account goes first. */
    private static final int MAX_ACCOUNTS = 10_000;
    /** Far above what people mistype, far below what guessing over many accounts needs. */
    private static final int MAX_FAILURES_PER_MINUTE = 600;

    private record Failures(int count, long lastMillis, long blockedUntilMillis) {}

    private final Clock clock;
    /** Guarded by {@code this}; access order. */
    private final Map<String, Failures> accounts = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Failures> eldest) {
            return size() > MAX_ACCOUNTS;
        }
    };

    private long windowStartMillis;
    private int failuresInWindow;

    LoginThrottle(Clock clock) {
        this.clock = clock;
    }

    /**
     * Returns if the account may try now.
     *
     * @throws ConfluxException with {@link ConfluxError.RateLimited}
     */
    synchronized void check(String username) {
        long now = clock.millis();
        Failures failures = accounts.get(username);
        if (failures != null && failures.blockedUntilMillis() > now) {
            throw limited("login", failures.blockedUntilMillis() - now);
        }
        if (failuresInWindow >= MAX_FAILURES_PER_MINUTE && now - windowStartMillis < 60_000) {
            throw limited("logins", windowStartMillis + 60_000 - now);
        }
    }

    synchronized void failed(String username) {
        long now = clock.millis();
        if (now - windowStartMillis >= 60_000) {
            windowStartMillis = now;
            failuresInWindow = 0;
        }
        failuresInWindow++;
        Failures before = accounts.get(username);
        int count = before == null || now - before.lastMillis() > FORGET_MILLIS ? 1 : before.count() + 1;
        int over = Math.min(count - FREE_FAILURES, 16);
        long delay = over <= 0 ? 0 : Math.min(MAX_DELAY_MILLIS, 500L << over);
        accounts.put(username, new Failures(count, now, now + delay));
    }

    synchronized void succeeded(String username) {
        accounts.remove(username);
    }

    private static ConfluxException limited(String what, long waitMillis) {
        return new ConfluxException(new ConfluxError.RateLimited(what, (waitMillis + 999) / 1000));
    }
}
