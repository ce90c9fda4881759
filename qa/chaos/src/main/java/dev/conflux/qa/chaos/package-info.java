/** Faults on real processes, by a plan that one seed decides, and histories that are checked afterwards. */
@NullMarked
package dev.conflux.qa.chaos;

import org.jspecify.annotations.NullMarked;
