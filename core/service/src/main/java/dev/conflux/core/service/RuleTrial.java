package dev.conflux.core.service;

import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Release;
import dev.conflux.core.service.ReleaseService.Resolution;
import dev.conflux.core.service.ReleaseService.Tried;
import dev.conflux.core.state.ReleaseMatcher;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tries rules one by one and remembers why. For people; fetch uses the compiled rules of the view. */
final class RuleTrial {

    private RuleTrial() {}

    static Resolution of(List<Release> rules, Labels labels) {
        var order = new ArrayList<Integer>();
        for (int i = 0; i < rules.size(); i++) {
            order.add(i);
        }
        order.sort(Comparator.<Integer>comparingInt(i -> -rules.get(i).priority())
                .thenComparingInt(i -> -rules.get(i).labels().size())
                .thenComparingInt(i -> i));
        Tried winner = null;
        var tried = new ArrayList<Tried>();
        for (int i : order) {
            Release rule = rules.get(i);
            String obstacle = obstacle(rule, labels);
            if (obstacle == null && winner == null) {
                winner = new Tried(i, rule, true, rule.isDefault() ? "default rule" : "all conditions hold");
                tried.add(winner);
            } else if (obstacle == null && winner != null) {
                tried.add(new Tried(i, rule, false, "matches, but rule " + winner.index() + " comes first"));
            } else if (obstacle != null) {
                tried.add(new Tried(i, rule, false, obstacle));
            }
        }
        return new Resolution(winner, List.copyOf(tried));
    }

    private static @Nullable String obstacle(Release rule, Labels labels) {
        for (var wanted : rule.labels().entrySet()) {
            String actual = labels.get(wanted.getKey());
            if (actual == null) {
                return "label " + wanted.getKey() + " is missing (expected: " + wanted.getValue() + ")";
            }
            if (!actual.equals(wanted.getValue())) {
                return "label " + wanted.getKey() + " is " + actual + " (expected: " + wanted.getValue() + ")";
            }
        }
        Integer share = rule.percentage();
        if (share == null) {
            return null;
        }
        String value = labels.get(rule.bucketBy());
        if (value == null) {
            return "label " + rule.bucketBy() + " is missing, so the client has no bucket";
        }
        int bucket = ReleaseMatcher.bucket(rule.salt(), value);
        return bucket < share ? null : "bucket " + bucket + " is not below " + share;
    }
}
