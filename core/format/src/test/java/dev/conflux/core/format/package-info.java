@NullMarked
package dev.conflux.core.format;

import org.jspecify.annotations.NullMarked;
