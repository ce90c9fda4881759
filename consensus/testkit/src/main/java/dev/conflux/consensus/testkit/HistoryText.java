package dev.conflux.consensus.testkit;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Operations and frames as lines for people. */
final class HistoryText {

    private static final double NANOS_PER_MILLI = 1_000_000.0;

    private HistoryText() {}

    static String of(History history) {
        long origin = origin(history);
        var text = new StringBuilder();
        for (Operation operation : history.operations()) {
            text.append(line(operation, origin)).append('\n');
        }
        for (WatchFrame frame : history.frames()) {
            text.append(line(frame, origin)).append('\n');
        }
        for (Membership membership : history.memberships()) {
            text.append(line(membership)).append('\n');
        }
        for (Fault fault : history.faults()) {
            text.append(line(fault, origin)).append('\n');
        }
        return text.toString();
    }

    /** The first moment of the history: zero on its axis. */
    static long origin(History history) {
        long origin = Operation.NEVER;
        for (Operation operation : history.operations()) {
            origin = Math.min(origin, operation.callNanos());
        }
        for (WatchFrame frame : history.frames()) {
            origin = Math.min(origin, frame.nanos());
        }
        for (Fault fault : history.faults()) {
            origin = Math.min(origin, fault.startNanos());
        }
        return origin == Operation.NEVER ? 0 : origin;
    }

    static String lines(List<Operation> operations, long origin) {
        return operations.stream()
                .map(operation -> "  " + line(operation, origin))
                .collect(Collectors.joining("\n"));
    }

    static String line(Operation operation, long origin) {
        return String.format(
                Locale.ROOT,
                "op %d  client %d  node %d  [%s .. %s] ms  %s%s",
                operation.id(),
                operation.process(),
                operation.node(),
                millis(operation.callNanos(), origin),
                millis(operation.returnNanos(), origin),
                what(operation),
                operation.revision() == 0 ? "" : "  revision " + operation.revision());
    }

    /** For example {@code cas(a: 1 -> 2) ok}. */
    static String what(Operation operation) {
        var text = new StringBuilder(
                        operation.kind().name().toLowerCase(Locale.ROOT).replace('_', ' '))
                .append('(');
        int keys = operation.keys().size();
        for (int i = 0; i < keys; i++) {
            text.append(i == 0 ? "" : ", ").append(operation.keys().get(i));
            switch (operation.kind()) {
                case WRITE, ASSIGN ->
                    text.append(": ").append(value(operation.args().get(i)));
                case CAS ->
                    text.append(": ")
                            .append(value(operation.args().get(i)))
                            .append(" -> ")
                            .append(value(operation.args().get(keys + i)));
                case READ, STALE_READ, ADD_MEMBER, PROMOTE_MEMBER, REMOVE_MEMBER, TRANSFER_LEADERSHIP -> {}
            }
        }
        text.append(") ").append(operation.status().name().toLowerCase(Locale.ROOT));
        if (!operation.results().isEmpty()) {
            text.append(
                    operation.results().stream().map(HistoryText::value).collect(Collectors.joining(", ", " = ", "")));
        }
        return text.toString();
    }

    static String line(WatchFrame frame, long origin) {
        return String.format(
                Locale.ROOT,
                "watcher %d  node %d  %s ms  %s revision %d%s%s",
                frame.watcher(),
                frame.node(),
                millis(frame.nanos(), origin),
                frame.kind().name().toLowerCase(Locale.ROOT),
                frame.revision(),
                frame.keys().isEmpty() ? "" : "  keys " + frame.keys(),
                frame.changes().isEmpty() ? "" : "  " + changes(frame.changes()));
    }

    static String line(Membership membership) {
        return "membership at index " + membership.index() + " as node " + membership.node() + " has it: voters "
                + membership.voters() + " learners " + membership.learners();
    }

    static String line(Fault fault, long origin) {
        return String.format(
                Locale.ROOT,
                "fault %s  nodes %s  [%s .. %s] ms  %s",
                fault.name(),
                fault.nodes().isEmpty() ? "all" : fault.nodes(),
                millis(fault.startNanos(), origin),
                millis(fault.endNanos(), origin),
                fault.detail());
    }

    static String changes(List<Change> changes) {
        return changes.stream()
                .map(change -> change.key() + " = " + value(change.value()) + " (revision " + change.revision() + ")")
                .collect(Collectors.joining(", "));
    }

    static String value(long value) {
        return value == Operation.NIL ? "nil" : Long.toString(value);
    }

    static String millis(long nanos, long origin) {
        return nanos == Operation.NEVER
                ? "never"
                : String.format(Locale.ROOT, "%.3f", (nanos - origin) / NANOS_PER_MILLI);
    }
}
