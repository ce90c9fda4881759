package dev.conflux.qa.chaos;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Leaves steps of a failing plan out as long as what remains still fails: Zeller's ddmin, towards ever smaller parts. */
final class Minimiser {

    private Minimiser() {}

    /**
     * Steps of which none can be left out, as far as {@code fails} tells: a run is not deterministic, so it may try
     * several times.
     *
     * @param steps a failing plan's
     */
    static List<Plan.Step> minimal(List<Plan.Step> steps, Predicate<List<Plan.Step>> fails) {
        List<Plan.Step> left = List.copyOf(steps);
        int parts = 2;
        while (!left.isEmpty()) {
            int size = Math.max(1, (left.size() + parts - 1) / parts);
            List<Plan.Step> smaller = withoutAPart(left, size, fails);
            if (smaller != null) {
                left = smaller;
                parts = Math.max(2, parts - 1);
            } else if (size == 1) {
                return left;
            } else {
                parts = Math.min(left.size(), 2 * parts);
            }
        }
        return left;
    }

    private static @Nullable List<Plan.Step> withoutAPart(
            List<Plan.Step> steps, int size, Predicate<List<Plan.Step>> fails) {
        for (int from = 0; from < steps.size(); from += size) {
            var rest = new ArrayList<>(steps.subList(0, from));
            rest.addAll(steps.subList(Math.min(steps.size(), from + size), steps.size()));
            if (fails.test(rest)) {
                return rest;
            }
        }
        return null;
    }
}
