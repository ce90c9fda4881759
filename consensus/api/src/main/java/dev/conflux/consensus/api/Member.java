package dev.conflux.consensus.api;

/**
 * A member as the replicated membership knows it.
 *
 * @param id its number
 * @param address {@code host:port} of its peer listener
 * @param voter false for a learner, which receives the log but neither votes nor counts for a majority
 */
public record Member(NodeId id, String address, boolean voter) {}
