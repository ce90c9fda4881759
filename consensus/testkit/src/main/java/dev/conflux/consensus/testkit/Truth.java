package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The logs of all nodes laid over each other.
 *
 * @param known false when no log was dumped
 * @param afterRevision what happened up to and including this revision is not known
 * @param lastRevision the newest revision of any node
 * @param changes in order
 * @param disagreement where two logs differ, or one is out of order; null when there is no such place
 */
record Truth(
        boolean known,
        long afterRevision,
        long lastRevision,
        List<Change> changes,
        @Nullable String disagreement) {

    static Truth of(History history) {
        if (history.logs().isEmpty()) {
            return new Truth(false, 0, 0, List.of(), null);
        }
        List<NodeLog> logs = history.logs().stream()
                .sorted(Comparator.comparingLong(NodeLog::afterRevision)
                        .thenComparing(NodeLog::lastRevision, Comparator.reverseOrder()))
                .toList();
        NodeLog first = logs.getFirst();
        List<Change> merged = first.changes();
        long last = first.lastRevision();
        for (NodeLog log : logs) {
            String disorder = disorder(log);
            if (disorder != null) {
                return new Truth(true, first.afterRevision(), last, merged, disorder);
            }
        }
        for (NodeLog log : logs.subList(1, logs.size())) {
            String difference = difference(first.node(), merged, last, log);
            if (difference != null) {
                return new Truth(true, first.afterRevision(), last, merged, difference);
            }
            if (log.lastRevision() > last && log.afterRevision() <= last) {
                merged = new ArrayList<>(merged);
                merged.addAll(log.changes()
                        .subList(indexAfter(log.changes(), last), log.changes().size()));
                last = log.lastRevision();
            }
        }
        return new Truth(true, first.afterRevision(), last, merged, null);
    }

    /** Index of the first change with a revision greater than {@code revision}. */
    int indexAfter(long revision) {
        return indexAfter(changes, revision);
    }

    private static int indexAfter(List<Change> changes, long revision) {
        int low = 0;
        int high = changes.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (changes.get(middle).revision() > revision) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    private static @Nullable String disorder(NodeLog log) {
        long previous = log.afterRevision();
        boolean first = true;
        for (Change change : log.changes()) {
            long revision = change.revision();
            if (revision < previous || (first && revision == previous) || revision > log.lastRevision()) {
                return "The log of node " + log.node() + " (revisions " + log.afterRevision() + " to "
                        + log.lastRevision() + ") has " + change.key() + " at revision " + revision
                        + " after revision " + previous + ".";
            }
            previous = revision;
            first = false;
        }
        return null;
    }

    private static @Nullable String difference(int node, List<Change> merged, long last, NodeLog other) {
        int i = indexAfter(merged, other.afterRevision());
        int j = 0;
        int end = indexAfter(other.changes(), last);
        int mergedEnd = indexAfter(merged, other.lastRevision());
        while (i < mergedEnd || j < end) {
            Change ours = i < mergedEnd ? merged.get(i) : null;
            Change theirs = j < end ? other.changes().get(j) : null;
            if (ours == null || !ours.equals(theirs)) {
                return "The logs of nodes " + node + " and " + other.node() + " differ: "
                        + (ours == null ? "nothing" : HistoryText.changes(List.of(ours))) + " in the one, "
                        + (theirs == null ? "nothing" : HistoryText.changes(List.of(theirs))) + " in the other.";
            }
            i++;
            j++;
        }
        return null;
    }
}
