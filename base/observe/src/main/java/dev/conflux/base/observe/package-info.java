/** Metrics and trace ids. Knows no domain and no protocol. */
@NullMarked
package dev.conflux.base.observe;

import org.jspecify.annotations.NullMarked;
