/** Named places where a test can make a node fail. */
@NullMarked
package dev.conflux.base.failpoint;

import org.jspecify.annotations.NullMarked;
