/**
 * Histories of what clients saw, and checkers that say whether a correct replicated service could have let them see it.
 * A {@link dev.conflux.consensus.testkit.HistoryWriter} records while faults are injected; a
 * {@link dev.conflux.consensus.testkit.Checker} judges afterwards, from the file alone.
 */
@NullMarked
package dev.conflux.consensus.testkit;

import org.jspecify.annotations.NullMarked;
