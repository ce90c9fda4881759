package dev.conflux.adapter.rocksdb;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.core.model.Command;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.ConfigView;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A quick look at the speed of apply and of find; not a test. Prints commands and look-ups per second. */
final class ApplySpeed {

    private static final int CONFIGS = 10_000;
    private static final int BATCH = 64;

    private ApplySpeed() {}

    public static void main(String[] arguments) throws Exception {
        Path directory = Files.createTempDirectory("apply-speed");
        try (var state = new ConfigState(new RocksStateStore(directory))) {
            var creates = new ArrayList<LogEntry>();
            for (int i = 1; i <= CONFIGS; i++) {
                creates.add(Commands.entry(
                        i, Commands.envelope(Commands.create("t/app" + i % 100 + "/e/n" + i, "x", Commands.fresh()))));
            }
            run(state, "create", creates);
            long index = CONFIGS;
            for (int round = 0; round < 5; round++) {
                var publishes = new ArrayList<LogEntry>();
                for (int i = 0; i < 60_000; i++) {
                    publishes.add(Commands.entry(
                            ++index, Commands.envelope(Commands.publish(1 + (i * 7L) % 2_000, "small content " + i))));
                }
                run(state, "publish", publishes);
                var versions = new ArrayList<LogEntry>();
                for (int i = 0; i < 60_000; i++) {
                    versions.add(Commands.entry(
                            ++index,
                            Commands.envelope(new Command.CreateVersion(
                                    1 + (i * 7L) % 2_000, Commands.content("small content " + i), null))));
                }
                run(state, "create-version", versions);
            }
            find(state.view());
        }
        RocksStateStore.deleteTree(directory);
    }

    private static void run(ConfigState state, String name, List<LogEntry> entries) {
        long start = System.nanoTime();
        for (int i = 0; i < entries.size(); i += BATCH) {
            state.apply(entries.subList(i, Math.min(entries.size(), i + BATCH)));
        }
        long nanos = System.nanoTime() - start;
        System.out.printf(Locale.ROOT, "%s: %d commands/s%n", name, entries.size() * 1_000_000_000L / nanos);
    }

    private static void find(ConfigView view) {
        for (int round = 0; round < 5; round++) {
            int found = 0;
            long start = System.nanoTime();
            for (int k = 0; k < 100; k++) {
                for (int i = 1; i <= CONFIGS; i++) {
                    found += view.find("t/app" + i % 100 + "/e/n" + i) != null ? 1 : 0;
                }
            }
            System.out.printf(
                    Locale.ROOT,
                    "find, building the path included: %d ns (%d found)%n",
                    (System.nanoTime() - start) / (100L * CONFIGS),
                    found);
        }
    }
}
