package dev.conflux.qa.chaos;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Everything that one node says to another, whichever of them has connected: the bytes of a direction, on requests' and
 * replies' connections. Safe for any thread.
 */
final class Flow {

    /** What TCP makes of a lost packet: the data comes after a retransmission. */
    private static final long RETRANSMISSION_MILLIS = 200;

    private static final Fault NONE = new Fault(false, 0, 0, 0, 0);

    private final Consumer<Fault> told;

    /** Fields are guarded by this flow. */
    private Fault fault = NONE;

    /** @param told what is wrong from now on */
    Flow(Consumer<Fault> told) {
        this.told = told;
    }

    /**
     * What is wrong.
     *
     * @param cut nothing gets through; what was sent comes once it heals, as after TCP's retransmission
     * @param delayMillis mean …
     * @param jitterMillis … and standard deviation of a delay of each piece
     * @param lossPercent share of pieces that come only after a retransmission
     * @param bytesPerSecond 0 = as many as the machine moves
     */
    record Fault(boolean cut, int delayMillis, int jitterMillis, int lossPercent, int bytesPerSecond) {

        static Fault ofCut() {
            return new Fault(true, 0, 0, 0, 0);
        }

        static Fault ofDelay(int mean, int deviation) {
            return new Fault(false, mean, deviation, 0, 0);
        }

        static Fault ofLoss(int percent) {
            return new Fault(false, 0, 0, percent, 0);
        }

        static Fault ofBandwidth(int bytesPerSecond) {
            return new Fault(false, 0, 0, 0, bytesPerSecond);
        }
    }

    synchronized void set(Fault wrong) {
        fault = wrong;
        told.accept(wrong);
        notifyAll();
    }

    void heal() {
        set(NONE);
    }

    /** Lets a piece of so many bytes pass, as late as it must be. */
    void pass(int bytes) throws InterruptedException {
        Fault now = whenOpen();
        long delay = 0;
        if (now.delayMillis > 0) {
            delay += Math.max(
                    0, Math.round(ThreadLocalRandom.current().nextGaussian(now.delayMillis, now.jitterMillis)));
        }
        if (now.lossPercent > 0 && ThreadLocalRandom.current().nextInt(100) < now.lossPercent) {
            delay += RETRANSMISSION_MILLIS;
        }
        if (now.bytesPerSecond > 0) {
            delay += TimeUnit.SECONDS.toMillis(bytes) / now.bytesPerSecond;
        }
        if (delay > 0) {
            TimeUnit.MILLISECONDS.sleep(delay);
            whenOpen();
        }
    }

    /** Waits while it is cut. */
    synchronized Fault whenOpen() throws InterruptedException {
        while (fault.cut) {
            wait();
        }
        return fault;
    }
}
