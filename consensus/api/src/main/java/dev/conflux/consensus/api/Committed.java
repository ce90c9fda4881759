package dev.conflux.consensus.api;

/**
 * A proposal that is durable on a majority and applied on the leader.
 *
 * @param position where the command stands in the log
 * @param result what {@link StateMachine#apply} returned for it, on whatever member applied it
 */
public record Committed(LogPosition position, byte[] result) {}
