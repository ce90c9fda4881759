/**
 * Benchmarks: each answers one question with real processes, says how, and keeps its figures as JSON. Load comes from a
 * process of its own. See {@code README.md} of this module.
 */
@NullMarked
package dev.conflux.qa.bench;

import org.jspecify.annotations.NullMarked;
