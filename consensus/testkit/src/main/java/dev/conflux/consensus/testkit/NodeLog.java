package dev.conflux.consensus.testkit;

import java.util.List;

/**
 * Ground truth: every change that one node holds in its durable event log, dumped after the cluster came to rest.
 *
 * @param node whose log it is
 * @param afterRevision changes up to and including this revision are no longer in the log; 0 when it is whole
 * @param lastRevision the node's revision at the dump
 * @param changes in order
 */
public record NodeLog(int node, long afterRevision, long lastRevision, List<Change> changes) {
    public NodeLog {
        changes = List.copyOf(changes);
    }
}
