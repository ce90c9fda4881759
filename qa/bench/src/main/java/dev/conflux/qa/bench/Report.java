package dev.conflux.qa.bench;

import java.util.List;

/**
 * What a benchmark found.
 *
 * @param method how, in one line: processes, payload, concurrency, duration, warm-up, generator
 * @param targets what it should have reached
 * @param notes what the figures do not say by themselves
 * @param skipped rows that could not be measured, and what to install
 */
record Report(String method, List<Table> tables, List<Target> targets, List<String> notes, List<String> skipped) {

    Report {
        tables = List.copyOf(tables);
        targets = List.copyOf(targets);
        notes = List.copyOf(notes);
        skipped = List.copyOf(skipped);
    }

    /**
     * @param expected for example {@code p99 < 10 ms at concurrency 64}
     * @param measured for example {@code 6.1 ms}
     */
    record Target(String expected, String measured, boolean met) {}
}
