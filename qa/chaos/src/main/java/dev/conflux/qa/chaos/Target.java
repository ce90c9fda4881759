package dev.conflux.qa.chaos;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A cluster of real processes under test; nodes are numbered from 1. One thread at a time for one node. */
interface Target extends AutoCloseable {

    int size();

    /** Whether the process runs, frozen or not. */
    boolean alive(int node);

    void start(int node);

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
