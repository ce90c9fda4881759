/**
 * Two services of other domains on the consensus component: a job scheduler and a policy service. They show what
 * embedding takes, and the fault harness runs them as real processes.
 */
@NullMarked
package dev.conflux.consensus.samples;

import org.jspecify.annotations.NullMarked;
