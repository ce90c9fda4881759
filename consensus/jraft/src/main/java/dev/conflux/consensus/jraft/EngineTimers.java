package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.util.SPI;
import com.alipay.sofa.jraft.util.timer.DefaultRaftTimerFactory;
import com.alipay.sofa.jraft.util.timer.Timeout;
import com.alipay.sofa.jraft.util.timer.Timer;
import com.alipay.sofa.jraft.util.timer.TimerTask;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The engine's timers, with {@link ElectionTiming} for those of elections: the engine's own have the election timeout as
 * their period and are not restarted by heartbeats. The engine finds this class by its service file and uses it for every
 * node of the process; a node made without {@link #ELECTIONS} gets the engine's own delays.
 */
@SPI(priority = 1)
public final class EngineTimers extends DefaultRaftTimerFactory {

    /** Bound by whoever makes an engine, which makes its timers on the same thread. */
    static final ScopedValue<ElectionTiming> ELECTIONS = ScopedValue.newInstance();

    @Override
    public Timer getElectionTimer(boolean shared, String name) {
        Timer timer = super.getElectionTimer(shared, name);
        return ELECTIONS.isBound() ? new Delayed(timer, ELECTIONS.get()::look) : timer;
    }

    @Override
    public Timer getVoteTimer(boolean shared, String name) {
        Timer timer = super.getVoteTimer(shared, name);
        return ELECTIONS.isBound() ? new Delayed(timer, ELECTIONS.get()::candidacy) : timer;
    }

    /** Asks for each delay instead of taking the one it is given. */
    private record Delayed(Timer timer, LongSupplier millis) implements Timer {

        @Override
        public Timeout newTimeout(TimerTask task, long delay, TimeUnit unit) {
            return timer.newTimeout(task, millis.getAsLong(), TimeUnit.MILLISECONDS);
        }

        @Override
        public Set<Timeout> stop() {
            return timer.stop();
        }
    }
}
