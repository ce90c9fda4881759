package dev.conflux.consensus.api;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * What the log drives. Implementations hold durable state of their own and tell the component how far it reaches.
 *
 * <p><b>Determinism.</b> {@link #apply} is a function of the state and the entries: no clock, randomness, locale,
 * environment or iteration order may enter. Every member must end in the same state and return the same bytes.
 *
 * <p><b>Threads.</b> {@code applied}, {@code apply}, {@code skipped}, {@code digest}, {@code beginScrub},
 * {@code beginSnapshot}, {@code restore} and {@code reset} are called by one thread at a time, in log order. {@code query} may be called by any thread at any moment, also during {@code apply}.
 *
 * <p><b>Replay.</b> After a restart the component applies from {@link #applied} on; an entry at or below it is never
 * passed in again. State and position must therefore become durable in one atomic step, or be lost together.
 *
 * <p><b>Totality.</b> A command that cannot be accepted is a <em>result</em>, not an exception. An exception out of
 * {@code apply} means that this member can no longer follow the log (disk error, unknown command, bug): the component
 * halts the process before anything after the failing batch is applied.
 */
public interface StateMachine {

    /** The last entry whose effect the state holds; {@link LogPosition#ZERO} when empty. */
    LogPosition applied();

    /**
     * Applies committed entries, in order, as one atomic durable step.
     *
     * @param entries one or more, consecutive as far as this state machine is concerned: gaps are the component's own
     *     entries
     * @return one result per entry, in order; it travels back to the proposer
     */
    List<byte[]> apply(List<LogEntry> entries);

    /**
     * Tells that the log has moved to {@code position} without a command (a membership entry, a new leader's no-op).
     * Need not be durable. The default does nothing.
     */
    default void skipped(LogPosition position) {}

    /**
     * Answers from the current state without changing it. Retries and duplicates are harmless.
     *
     * @param query the caller's bytes
     * @return the answer
     */
    byte[] query(byte[] query);

    /**
     * Freezes the state as it is after the last {@link #apply}. Must return quickly (apply waits): take a checkpoint
     * here, do the rest in {@link Snapshot#complete}.
     *
     * @param directory an empty directory to write into
     */
    Snapshot beginSnapshot(Path directory) throws IOException;

    /**
     * Replaces the whole state by a snapshot taken by {@link #beginSnapshot} on some member. The old state must stay
     * usable until the new one is completely in place: a crash in between leaves the one or the other.
     *
     * @param directory the snapshot's files; they may be read or hard-linked, never modified
     * @return the position that the snapshot contains
     */
    LogPosition restore(Path directory) throws IOException;

    /**
     * A digest of everything that {@link #apply} has done, kept up to date by it: members that have applied the same
     * entries have the same one. Called like {@code apply}; must be cheap. Empty, the default: not offered, so that the
     * component does not notice when members apply differently.
     */
    default Optional<byte[]> digest() {
        return Optional.empty();
    }

    /**
     * Freezes the state as it is after the last {@link #apply}, to be read completely. Called like {@code apply}; must
     * return quickly. Empty, the default: not offered, so that the component does not notice when a disk gives back
     * other bytes than were written.
     */
    default Optional<Scrub> beginScrub() {
        return Optional.empty();
    }

    /**
     * Throws the whole state away, as before the first {@link #apply}; durable when it returns. Called before anything
     * else, when a majority has found this member's state to differ and it is to be built anew from a leader's snapshot.
     *
     * @throws UnsupportedOperationException by default: such a member has to be replaced by hand
     */
    default void reset() throws IOException {
        throw new UnsupportedOperationException(getClass().getName() + " cannot be reset");
    }

    /** A frozen state being read. Used by one thread, not that of {@link StateMachine#apply}. */
    interface Scrub extends AutoCloseable {

        /**
         * Reads all of the state and digests what it reads: members that have applied the same entries have the same
         * digest, bit for bit.
         *
         * @param pace told how many bytes have been read since it was told last; it may pause
         * @throws IOException when the state cannot be read
         */
        byte[] digest(LongConsumer pace) throws IOException;

        @Override
        void close();
    }

    /** A snapshot being taken. */
    interface Snapshot {

        /** The position that it contains. */
        LogPosition position();

        /**
         * Finishes it: writes a manifest with a hash of each file, and makes every file and the directory durable.
         * Called once, on a thread of its own, while {@link StateMachine#apply} goes on.
         *
         * @return names of the files, relative to the directory
         */
        List<String> complete() throws IOException;
    }
}
