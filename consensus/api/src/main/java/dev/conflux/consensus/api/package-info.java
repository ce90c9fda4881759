/**
 * The consensus component's whole public face: a replicated log of opaque bytes that drives a deterministic state
 * machine. It has never heard of a configuration; any service may embed it.
 */
@NullMarked
package dev.conflux.consensus.api;

import org.jspecify.annotations.NullMarked;
