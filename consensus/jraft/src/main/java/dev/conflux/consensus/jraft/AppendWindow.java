package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.option.RaftOptions;

/**
 * How many AppendEntries the engine may send a follower before the first is answered: as many as have
 * {@link Limits#APPEND_WINDOW_BYTES} together, going by the size of the newest. The engine knows a number only; with
 * large entries the largest number holds so many bytes that heartbeats, which wait behind them, come too late. Sizes are
 * told by the replicators' threads, one window for all followers: they are sent the same entries.
 */
final class AppendWindow extends RaftOptions {

    /** A single one would let the follower idle while the answer travels. */
    private static final int MIN_APPENDS = 2;

    /** Of small ones so many follow a large one until the window is wide again. */
    private static final int FORGET_SHIFT = 3;

    private volatile long typicalBytes; // a lost update among replicators is made up for by the next append

    /** An AppendEntries with so many bytes of entries is being sent. */
    void sending(long bytes) {
        long typical = typicalBytes;
        typicalBytes = Math.max(bytes, typical - ((typical - bytes) >> FORGET_SHIFT));
    }

    @Override
    public int getMaxReplicatorInflightMsgs() {
        int most = super.getMaxReplicatorInflightMsgs();
        long fitting = Limits.APPEND_WINDOW_BYTES / Math.max(1, typicalBytes);
        return Math.clamp(fitting, MIN_APPENDS, most);
    }
}
