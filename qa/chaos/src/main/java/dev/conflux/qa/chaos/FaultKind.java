package dev.conflux.qa.chaos;

import java.util.Locale;

/** What can be done to a cluster. {@code detail} of a step means what the comment says. */
enum FaultKind {
    /** SIGKILL, start again after the step's time. */
    KILL,
    /** SIGTERM, start again. */
    TERMINATE,
    /** SIGSTOP, then SIGCONT. */
    FREEZE,
    /** SIGKILL as soon as it has started, again and again for the step's time. */
    CRASH_LOOP,
    /** SIGKILL for all at once, start them together. */
    KILL_ALL,
    /** As {@link #KILL_ALL}, and whatever had not been made durable is gone. */
    POWER_CUT,
    /** No bytes between the groups of the detail, as {@code 1,2|3}. */
    PARTITION,
    /** No bytes from the node to the one in the detail. */
    ONE_WAY,
    /** Nothing in, nothing out. */
    ISOLATE,
    /** Everything in and out is late; detail: mean and deviation in milliseconds, as {@code 50,20}. */
    DELAY,
    /** Pieces in and out come after a retransmission; detail: percent. */
    LOSS,
    /** Detail: bytes per second of each direction of each link. */
    BANDWIDTH,
    /** All connections end with RST, several times. */
    RESET,
    /** New connections are refused, the present ones reset. */
    REFUSE,
    /** The node loses its connections, their other ends hear nothing of it. */
    HALF_OPEN,
    /** The leader is asked to hand leadership to the node. */
    TRANSFER,
    /** A snapshot is asked for. */
    SNAPSHOT,
    /** Detail: {@code point=action}; a node that ends of it is started again. */
    FAILPOINT,
    /** The node's wall clock is wrong; detail: by how many milliseconds. */
    CLOCK,
    /** What the node applies has another time than elsewhere; detail: by how many milliseconds. It must notice. */
    DRIFT,
    /**
     * A new node joins, then the node is removed; detail: {@code dead} when it is killed first, or what ends the leader
     * or the new node meanwhile, as {@code leader:point=halt}.
     */
    REPLACE,
    /** SIGKILL, log and snapshots and state deleted, start; detail: empty, or a failpoint armed meanwhile. */
    REBUILD,
    /** SIGKILL, damage of the files named by the detail, start; repaired by hand when it refuses to start. */
    DAMAGE,
    /** The data directory's disk is filled, then given back. */
    DISK_FULL;

    String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
