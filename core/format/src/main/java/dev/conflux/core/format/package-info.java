/** Reads contents of every format into one tree with places, and judges them by schemas. */
@NullMarked
package dev.conflux.core.format;

import org.jspecify.annotations.NullMarked;
