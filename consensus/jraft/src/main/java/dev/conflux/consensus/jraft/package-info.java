/**
 * The consensus component on SOFAJRaft: engine adapter, peer transport, and the guards that keep a node with a damaged
 * or wiped disk from voting. The only module that imports the engine. See {@code DESIGN.md} beside the sources.
 */
@NullMarked
package dev.conflux.consensus.jraft;

import org.jspecify.annotations.NullMarked;
