/** A cluster of real node processes on this machine. */
@NullMarked
package dev.conflux.tool.local;

import org.jspecify.annotations.NullMarked;
