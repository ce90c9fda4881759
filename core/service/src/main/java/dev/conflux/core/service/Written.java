package dev.conflux.core.service;

/**
 * The answer to a write that was accepted.
 *
 * @param revision the cluster revision that it made
 * @param replayed true when an earlier request with the same idempotency key made it
 * @param value what it made
 */
public record Written<T>(long revision, boolean replayed, T value) {}
