package dev.conflux.core.service;

import dev.conflux.core.model.Release;
import java.util.ArrayList;
import java.util.List;

/** Says what is probably not meant in a set of rules. Never refuses. */
final class RuleLinter {

    /** Warnings per answer. */
    private static final int MAX_WARNINGS = 20;

    private RuleLinter() {}

    static List<String> lint(List<Release> rules) {
        var warnings = new ArrayList<String>();
        if (rules.isEmpty()) {
            return List.of("no rules: nobody gets this config");
        }
        if (rules.stream().noneMatch(Release::isDefault)) {
            warnings.add("no default rule (empty labels, no percentage): clients that match nothing get"
                    + " NO_MATCHING_RELEASE");
        }
        for (int i = 0; i < rules.size() && warnings.size() < MAX_WARNINGS; i++) {
            Release rule = rules.get(i);
            if (rule.percentage() != null && rule.percentage() == 0) {
                warnings.add("releases[" + i + "]: percentage 0 matches nobody");
            }
            for (int j = 0; j < rules.size(); j++) {
                if (i != j && shadows(rules.get(j), j, rule, i)) {
                    warnings.add("releases[" + i + "]: never reached, releases[" + j + "] is tried first and matches"
                            + " every client that it matches");
                    break;
                }
            }
        }
        return warnings;
    }

    /** True when whoever matches {@code later} already matched {@code earlier}. */
    private static boolean shadows(Release earlier, int earlierIndex, Release later, int laterIndex) {
        return comesFirst(earlier, earlierIndex, later, laterIndex)
                && (earlier.percentage() == null
                        || (earlier.percentage() == Release.BUCKETS && sameBuckets(earlier, later)))
                && later.labels().entrySet().containsAll(earlier.labels().entrySet());
    }

    private static boolean sameBuckets(Release a, Release b) {
        return b.percentage() != null && a.bucketBy().equals(b.bucketBy());
    }

    private static boolean comesFirst(Release a, int aIndex, Release b, int bIndex) {
        if (a.priority() != b.priority()) {
            return a.priority() > b.priority();
        }
        if (a.labels().size() != b.labels().size()) {
            return a.labels().size() > b.labels().size();
        }
        return aIndex < bIndex;
    }
}
