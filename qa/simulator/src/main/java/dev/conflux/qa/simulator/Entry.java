package dev.conflux.qa.simulator;

import org.jspecify.annotations.Nullable;

/**
 * One entry of the simulated log. Compared by identity: a copy that travels is the same entry.
 *
 * @param command null for a new leader's no-op
 */
record Entry(long term, long stampMillis, byte @Nullable [] command) {}
