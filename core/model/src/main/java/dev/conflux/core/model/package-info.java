/** The product's nouns and verbs as immutable values. Knows the JDK and nothing else. */
@NullMarked
package dev.conflux.core.model;

import org.jspecify.annotations.NullMarked;
