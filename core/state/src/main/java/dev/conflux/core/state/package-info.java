/**
 * The deterministic state machine: {@link dev.conflux.core.state.ConfigState} applies commands to a
 * {@link dev.conflux.core.state.StateStore} in one batch, and publishes an immutable
 * {@link dev.conflux.core.state.ConfigView}. No clock, no randomness, no threads of its own.
 */
@NullMarked
package dev.conflux.core.state;

import org.jspecify.annotations.NullMarked;
