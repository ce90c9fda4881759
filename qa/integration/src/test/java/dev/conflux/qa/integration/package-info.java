/** Tests that start the packaged node as real processes. */
@NullMarked
package dev.conflux.qa.integration;

import org.jspecify.annotations.NullMarked;
