/** Who may import whom, as tests. */
@NullMarked
package dev.conflux.qa.architecture;

import org.jspecify.annotations.NullMarked;
