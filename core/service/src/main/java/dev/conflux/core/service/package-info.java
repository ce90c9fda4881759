/**
 * Use cases, free of any transport: check the caller, decide, propose, answer; and the ports to what lies outside.
 */
@NullMarked
package dev.conflux.core.service;

import org.jspecify.annotations.NullMarked;
