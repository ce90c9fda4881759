package dev.conflux.qa.chaos;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** A cluster of real processes under test; nodes are numbered from 1. One thread at a time for one node. */
interface Target extends AutoCloseable {

    /** Who belongs to the cluster now, and should run; sorted. */
    List<Integer> members();

    /** A member other than this one. */
    default int another(int than, SplittableRandom random) {
        List<Integer> others = members().stream().filter(id -> id != than).toList();
        return others.get(random.nextInt(others.size()));
    }

    /** Whether the process runs, frozen or not. */
    boolean alive(int node);

    void start(int node);

    /**
     * Lays one more node out, with the next id, and starts it; it waits to be added. Its id, or empty when this cluster
     * cannot grow.
     */
    default OptionalInt join() {
        return OptionalInt.empty();
    }

    /** Asks a running member to add the node, once; whether it is a voter now. Asking again is harmless. */
    default boolean add(int node) {
        throw new UnsupportedOperationException();
    }

    /** Asks another running member to remove the node, once; whether it is gone now. Asking again is harmless. */
    default boolean remove(int node) {
        throw new UnsupportedOperationException();
    }

    /** SIGKILL; returns when the process has gone. */
    void kill(int node);

    /** SIGTERM; returns when the process has gone. */
    void stop(int node);

    /** SIGSTOP. */
    void freeze(int node);

    /** SIGCONT. */
    void thaw(int node);

    /** Waits for the process to end by itself; null when it still runs. */
    @Nullable
    Integer awaitExit(int node, Duration patience);

    /** Who says that it leads; asks all that run. */
    Optional<Integer> leader();

    /** What the node says of its state, {@code revision digest}; equal on all nodes once they have converged. */
    Optional<String> state(int node);

    /** Asks the node for a snapshot and does not wait for it. */
    void snapshot(int node);

    /** Asks for the node to become the leader and does not wait for it. */
    void transferLeadership(int node);

    Network network();

    /** Everything that the node keeps. */
    Path data(int node);

    Path log(int node);

    /** Where the node looks for what the harness arms in it. */
    Path failpoints(int node);

    /** Where it is noted how far the node's files were made durable; empty unless power can be cut. */
    Path syncNotes(int node);

    @Override
    void close();
}
