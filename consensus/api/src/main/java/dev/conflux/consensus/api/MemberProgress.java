package dev.conflux.consensus.api;

/**
 * A member as the leader sees it.
 *
 * @param clientAddress as given when it was added; empty when unknown
 * @param reachable it has answered the leader within about an election timeout
 * @param matchedIndex highest log index known to be durable there and equal to the leader's; 0 = not known yet
 * @param lag entries of the leader's log that it lacks
 * @param featureLevel what its build understands; 0 = not known yet
 */
public record MemberProgress(
        Member member, String clientAddress, boolean reachable, long matchedIndex, long lag, int featureLevel) {}
