package dev.conflux.consensus.testkit;

import java.util.List;

/**
 * Ground truth: one committed membership as a node reported it.
 *
 * @param node who reported it
 * @param index log index of its entry; orders memberships
 * @param voters ids of those that vote
 * @param learners ids of those that only follow
 */
public record Membership(int node, long index, List<String> voters, List<String> learners) {
    public Membership {
        voters = voters.stream().sorted().toList();
        learners = learners.stream().sorted().toList();
    }
}
