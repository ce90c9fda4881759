package dev.conflux.core.state;

import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Release;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Whom the rules of a rule set serve, without what they serve. Immutable, and shared by all configs with the same
 * conditions: among many configs every object that a fetch must look at is a cache miss, and rules are mostly made after
 * one pattern. For the same reason the rules lie one after the other in few arrays.
 */
final class RuleConditions {

    /** A rule without a percentage serves everybody whom its labels match. */
    private static final int EVERYBODY = -1;

    /** Key, value, key, value, … of all rules. */
    private final String[] labels;
    /** Where in {@link #labels} rule i ends; it starts where the one before it ends. */
    private final int[] ends;

    private final Share[] shares;

    /** @param percentage {@link #EVERYBODY}, or how many of {@link Release#BUCKETS} */
    private record Share(int percentage, String bucketBy, String salt, byte[] saltBytes) {

        static final Share ALL = new Share(EVERYBODY, "", "", new byte[0]);

        static Share of(Release rule) {
            Integer percentage = rule.percentage();
            return percentage == null
                    ? ALL
                    : new Share(
                            percentage,
                            rule.bucketBy(),
                            rule.salt(),
                            rule.salt().getBytes(StandardCharsets.UTF_8));
        }

        boolean holds(Labels client) {
            if (percentage == EVERYBODY) {
                return true;
            }
            @Nullable String value = client.get(bucketBy);
            return value != null && ReleaseMatcher.bucket(saltBytes, value) < percentage;
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Share share
                    && percentage == share.percentage
                    && bucketBy.equals(share.bucketBy)
                    && salt.equals(share.salt);
        }

        @Override
        public int hashCode() {
            return 31 * (31 * percentage + bucketBy.hashCode()) + salt.hashCode();
        }
    }

    /** @param rules in the order in which they are tried */
    private RuleConditions(List<Release> rules) {
        labels = rules.stream()
                .flatMap(rule -> rule.labels().entrySet().stream())
                .flatMap(label -> Stream.of(label.getKey(), label.getValue()))
                .toArray(String[]::new);
        ends = new int[rules.size()];
        shares = new Share[ends.length];
        int end = 0;
        for (int i = 0; i < ends.length; i++) {
            end += 2 * rules.get(i).labels().size();
            ends[i] = end;
            shares[i] = Share.of(rules.get(i));
        }
    }

    /** Position of the rule that serves these labels; -1 when none does. No allocation. */
    int match(Labels client) {
        int label = 0;
        for (int rule = 0; rule < ends.length; rule++) {
            int end = ends[rule];
            while (label < end && labels[label + 1].equals(client.get(labels[label]))) {
                label += 2;
            }
            if (label == end && shares[rule].holds(client)) {
                return rule;
            }
            label = end;
        }
        return -1;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof RuleConditions conditions
                && Arrays.equals(ends, conditions.ends)
                && Arrays.equals(labels, conditions.labels)
                && Arrays.equals(shares, conditions.shares);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * Arrays.hashCode(labels) + Arrays.hashCode(ends)) + Arrays.hashCode(shares);
    }

    /** Finds conditions that are there already. Owned by one thread. */
    static final class Pool {

        /** Patterns, not configs: few. When there are more, those met from now on are pooled anew. */
        private static final int MAX_POOLED = 4096;

        private final Map<RuleConditions, RuleConditions> pooled = new HashMap<>();

        RuleConditions of(List<Release> rules) {
            var made = new RuleConditions(rules);
            RuleConditions known = pooled.get(made);
            if (known != null) {
                return known;
            }
            if (pooled.size() >= MAX_POOLED) {
                pooled.clear();
            }
            pooled.put(made, made);
            return made;
        }
    }
}
