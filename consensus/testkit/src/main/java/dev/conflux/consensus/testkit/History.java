package dev.conflux.consensus.testkit;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Everything recorded in one run.
 *
 * @param operations in the order of their ids
 * @param frames of all watchers, each watcher's in its order
 * @param logs ground truth, at most one per node
 * @param memberships ground truth, as reported
 * @param faults as carried out
 */
public record History(
        List<Operation> operations,
        List<WatchFrame> frames,
        List<NodeLog> logs,
        List<Membership> memberships,
        List<Fault> faults) {

    public History {
        operations = List.copyOf(operations);
        frames = List.copyOf(frames);
        logs = List.copyOf(logs);
        memberships = List.copyOf(memberships);
        faults = List.copyOf(faults);
    }

    /** A history of operations only. */
    public static History of(List<Operation> operations) {
        return new History(operations, List.of(), List.of(), List.of(), List.of());
    }

    /**
     * Reads the file of a {@link HistoryWriter}, whole or up to where its writer was killed: a call without a return is
     * {@link Operation.Status#UNKNOWN}, a torn last record is left out.
     *
     * @throws IOException when the file cannot be read, is no history, or is damaged before its last record
     */
    public static History read(Path file) throws IOException {
        return HistoryFile.read(file);
    }

    /** One line per operation, in the order of the calls; times in milliseconds since the first. */
    public String text() {
        return HistoryText.of(this);
    }
}
