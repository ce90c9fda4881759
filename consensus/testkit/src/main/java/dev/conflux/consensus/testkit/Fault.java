package dev.conflux.consensus.testkit;

import java.util.List;

/**
 * A fault of the plan, as it was carried out.
 *
 * @param name kind of fault, for example {@code kill} or {@code partition}
 * @param nodes whom it hit; empty when it hit all
 * @param startNanos when it began, by the clock of the history
 * @param endNanos when it was healed; {@link Operation#NEVER} when it was not
 * @param detail what a reader wants to know beyond that; may be empty
 */
public record Fault(String name, List<Integer> nodes, long startNanos, long endNanos, String detail) {
    public Fault {
        nodes = List.copyOf(nodes);
    }
}
