package dev.conflux.consensus.api;

/**
 * Names one request among all requests of all members for ever, so that a state machine recognises a repetition.
 *
 * @param high of the process that made it, random
 * @param low counted by that process
 */
public record RequestId(long high, long low) {}
