/**
 * The replicated state under a simulated log: one thread, virtual time, every choice from one seed. The log is Raft as in
 * the paper, small and without options; the state machine, its codec, its event log and its snapshots are the real ones.
 */
@NullMarked
package dev.conflux.qa.simulator;

import org.jspecify.annotations.NullMarked;
