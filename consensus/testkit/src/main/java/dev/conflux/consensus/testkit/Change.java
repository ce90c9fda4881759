package dev.conflux.consensus.testkit;

/**
 * A key got a value.
 *
 * @param revision which revision did it; several keys may share one
 * @param key which key
 * @param value its value from then on; {@link Operation#NIL} when it was deleted
 */
public record Change(long revision, String key, long value) {}
