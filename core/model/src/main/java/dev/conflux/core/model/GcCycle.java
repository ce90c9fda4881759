package dev.conflux.core.model;

/**
 * One walk of the garbage collection over all configs; replicated, so that another leader goes on with it and every node
 * tells the same of it.
 *
 * @param startedAtMillis Unix milliseconds by the clock of the leader that began it; names the cycle
 * @param endedAtMillis 0 while it runs
 * @param cursor configs with an id up to this one are done
 * @param versions deleted so far
 * @param contentBytes of them
 * @param historyEntries release and metadata changes deleted so far
 * @param problem why it did not do everything; empty = it did
 */
public record GcCycle(
        long startedAtMillis,
        long endedAtMillis,
        long cursor,
        long versions,
        long contentBytes,
        long historyEntries,
        String problem) {

    public static GcCycle begun(long startedAtMillis) {
        return new GcCycle(startedAtMillis, 0, 0, 0, 0, 0, "");
    }

    public boolean running() {
        return endedAtMillis == 0;
    }

    public GcCycle plus(long newCursor, long moreVersions, long moreBytes, long moreEntries) {
        return new GcCycle(
                startedAtMillis,
                0,
                Math.max(cursor, newCursor),
                versions + moreVersions,
                contentBytes + moreBytes,
                historyEntries + moreEntries,
                "");
    }

    public GcCycle ended(long atMillis, String why) {
        return new GcCycle(startedAtMillis, atMillis, cursor, versions, contentBytes, historyEntries, why);
    }
}
