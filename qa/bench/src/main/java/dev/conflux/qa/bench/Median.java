package dev.conflux.qa.bench;

import java.util.List;
import java.util.function.ToDoubleFunction;

/** The middle of a few runs: one disturbed run does not move it. */
final class Median {

    private Median() {}

    /** The mean of the two middle ones when their number is even. */
    static <T> double of(List<T> runs, ToDoubleFunction<? super T> figure) {
        double[] sorted = runs.stream().mapToDouble(figure).sorted().toArray();
        if (sorted.length == 0) {
            throw new IllegalArgumentException("no runs (expected: at least 1)");
        }
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
