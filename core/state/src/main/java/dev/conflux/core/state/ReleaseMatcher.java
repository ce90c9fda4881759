package dev.conflux.core.state;

import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Release;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

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
    private final Compiled[] compiled;

    public ReleaseMatcher(List<Release> written) {
        rules = written.stream().sorted(ORDER).toList();
        compiled = rules.stream().map(Compiled::of).toArray(Compiled[]::new);
    }

    /** The rules in the order in which they are tried. */
    public List<Release> rules() {
        return rules;
    }

    /** Position in {@link #rules} of the rule that serves these labels; -1 when none does. No allocation. */
    public int match(Labels labels) {
        for (int i = 0; i < compiled.length; i++) {
            if (compiled[i].matches(labels)) {
                return i;
            }
        }
        return -1;
    }

    /** The bucket, from 0 to {@link Release#BUCKETS} - 1, of a client in a rollout. */
    public static int bucket(String salt, String value) {
        return bucket(salt.getBytes(StandardCharsets.UTF_8), value);
    }

    private static int bucket(byte[] salt, String value) {
        return Integer.remainderUnsigned(Murmur3.hash(salt, value), Release.BUCKETS);
    }

    private record Compiled(String[] keys, String[] values, int share, String bucketBy, byte[] salt) {

        private static final int EVERYBODY = -1;

        static Compiled of(Release rule) {
            var keys = new String[rule.labels().size()];
            var values = new String[keys.length];
            int i = 0;
            for (Map.Entry<String, String> label : rule.labels().entrySet()) {
                keys[i] = label.getKey();
                values[i++] = label.getValue();
            }
            Integer percentage = rule.percentage();
            return new Compiled(
                    keys,
                    values,
                    percentage == null ? EVERYBODY : percentage,
                    rule.bucketBy(),
                    rule.salt().getBytes(StandardCharsets.UTF_8));
        }

        boolean matches(Labels labels) {
            for (int i = 0; i < keys.length; i++) {
                if (!values[i].equals(labels.get(keys[i]))) {
                    return false;
                }
            }
            if (share == EVERYBODY) {
                return true;
            }
            @Nullable String value = labels.get(bucketBy);
            return value != null && bucket(salt, value) < share;
        }
    }
}
