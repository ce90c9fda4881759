package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.HistoryWriter;
import java.nio.file.Path;
import java.util.List;

/**
 * A named test: which cluster, which load, which faults.
 *
 * @param shows what a green run shows, for people
 * @param service {@link #CONFLUX}, or a sample service
 * @param clients that work beside each other
 * @param keys that they work on
 * @param faults lines of faults that run beside each other
 * @param details of failpoints, damages and rebuildings, used in turn
 */
record Scenario(
        String name,
        String shows,
        String service,
        int nodes,
        int clients,
        int keys,
        Load load,
        List<List<FaultKind>> faults,
        List<String> details) {

    static final String CONFLUX = "conflux";

    /** Makes the workload for a started cluster. */
    interface Load {
        Workload on(Target target, HistoryWriter history, Plan plan);
    }

    Plan plan(long seed, long loadMillis) {
        return new Plan(
                name,
                seed,
                loadMillis,
                nodes,
                clients,
                keys,
                new Planner(seed, nodes).steps(loadMillis, faults, details));
    }

    /** What keeps this machine from it; empty when nothing does. */
    String obstacle() {
        return switch (disks()) {
            case REAL -> "";
            case SMALL -> SmallDisk.possible() ? "" : "it needs root, to mount small disks";
            case MORTAL -> PowerCut.possible() ? "" : "it needs a C compiler, cc";
        };
    }

    private ConfluxTarget.Disks disks() {
        if (faults.stream().anyMatch(line -> line.contains(FaultKind.DISK_FULL))) {
            return ConfluxTarget.Disks.SMALL;
        }
        return faults.stream().anyMatch(line -> line.contains(FaultKind.POWER_CUT))
                ? ConfluxTarget.Disks.MORTAL
                : ConfluxTarget.Disks.REAL;
    }

    /** Whether it leaves a cluster behind on which another scenario of the same kind can follow. */
    boolean leavesClusterAsItWas() {
        return service.equals(CONFLUX)
                && disks() == ConfluxTarget.Disks.REAL
                && faults.stream().noneMatch(line -> line.contains(FaultKind.REPLACE));
    }

    Target start(Path directory, String armed) {
        return service.equals(CONFLUX)
                ? ConfluxTarget.start(directory, nodes, disks(), armed)
                : SampleTarget.start(service, directory, nodes, armed);
    }
}
