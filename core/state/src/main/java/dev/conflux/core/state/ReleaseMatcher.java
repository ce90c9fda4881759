package dev.conflux.core.state;

import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Release;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;

/**
 * A compiled rule set: which rule serves a client. A pure function of rules and labels, in integer arithmetic, the same
 * on every node and in every SDK. Immutable.
 */
public final class ReleaseMatcher {

    /** Priority, then more labels; the sort is stable, so that list order decides the rest. */
    private static final Comparator<Release> ORDER = Comparator.comparingInt(Release::priority)
            .reversed()
            .thenComparing(
                    Comparator.comparingInt((Release rule) -> rule.labels().size())
                            .reversed());

    private final List<Release> rules;
    private final RuleConditions conditions;

    public ReleaseMatcher(List<Release> written) {
        this(written, new RuleConditions.Pool());
    }

    /** @param pool where equal conditions of other configs may be */
    ReleaseMatcher(List<Release> written, RuleConditions.Pool pool) {
        rules = written.stream().sorted(ORDER).toList();
        conditions = pool.of(rules);
    }

    /** The rules in the order in which they are tried. */
    public List<Release> rules() {
        return rules;
    }

    /** Position in {@link #rules} of the rule that serves these labels; -1 when none does. No allocation. */
    public int match(Labels client) {
        return conditions.match(client);
    }

    RuleConditions conditions() {
        return conditions;
    }

    /** The bucket, from 0 to {@link Release#BUCKETS} - 1, of a client in a rollout. */
    public static int bucket(String salt, String value) {
        return bucket(salt.getBytes(StandardCharsets.UTF_8), value);
    }

    static int bucket(byte[] salt, String value) {
        return Integer.remainderUnsigned(Murmur3.hash(salt, value), Release.BUCKETS);
    }
}
