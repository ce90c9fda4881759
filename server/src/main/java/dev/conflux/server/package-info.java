/** The node's process: settings, composition root, start and stop. No logic; nobody imports it. */
@NullMarked
package dev.conflux.server;

import org.jspecify.annotations.NullMarked;
