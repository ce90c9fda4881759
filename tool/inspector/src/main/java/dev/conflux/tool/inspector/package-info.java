/** {@code raft-inspector}: what an operator uses when a cluster cannot help itself any more. */
@NullMarked
package dev.conflux.tool.inspector;

import org.jspecify.annotations.NullMarked;
