package dev.conflux.core.service;

import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Text;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A release rule as a caller writes it.
 *
 * @param versionId null = the version that the same request creates
 * @param percentage 0 to 100 with at most two decimals; null = every matching client
 * @param bucketBy null = {@value dev.conflux.core.model.Release#DEFAULT_BUCKET_BY}
 */
public record ReleaseSpec(
        Map<String, String> labels,
        @Nullable Long versionId,
        int priority,
        @Nullable BigDecimal percentage,
        @Nullable String bucketBy,
        @Nullable String salt) {

    private static final BigDecimal HUNDRED = BigDecimal.valueOf(100);

    PlannedRelease checked(String field) {
        if (versionId != null && versionId < 1) {
            throw Limits.refusal(field + ".version_id", versionId.toString(), "a version number from 1");
        }
        if (Math.abs((long) priority) > Limits.MAX_PRIORITY) {
            throw Limits.refusal(
                    field + ".priority",
                    Integer.toString(priority),
                    "-" + Limits.MAX_PRIORITY + " to " + Limits.MAX_PRIORITY);
        }
        var rule = new Release(
                Limits.labels(field + ".labels", labels),
                versionId == null ? 0 : versionId,
                priority,
                percentage == null ? null : hundredths(field + ".percentage", percentage),
                bucketBy == null ? Release.DEFAULT_BUCKET_BY : Limits.labelKey(field + ".bucket_by", bucketBy),
                salt == null ? "" : Limits.labelText(field + ".salt", salt));
        return new PlannedRelease(rule, versionId == null);
    }

    /** Checks a whole set; {@code existingOnly} = every rule must say its version. */
    static List<PlannedRelease> checkedAll(List<ReleaseSpec> specs, boolean existingOnly) {
        Limits.atMost("releases", Release.MAX_RULES, specs);
        var planned = new ArrayList<PlannedRelease>(specs.size());
        for (int i = 0; i < specs.size(); i++) {
            String field = "releases[" + i + "]";
            if (existingOnly && specs.get(i).versionId() == null) {
                throw Limits.refusal(field + ".version_id", "missing", "a version number from 1");
            }
            planned.add(specs.get(i).checked(field));
        }
        return planned;
    }

    /** Order of the checks matters: numbers with huge exponents are compared, never expanded. */
    static int hundredths(String field, BigDecimal percentage) {
        boolean valid = percentage.signum() >= 0 && percentage.compareTo(HUNDRED) <= 0;
        if (valid && percentage.signum() == 0) {
            return 0;
        }
        BigDecimal plain = valid ? percentage.stripTrailingZeros() : percentage;
        if (!valid || plain.scale() > 2) {
            throw Limits.refusal(field, Text.excerpt(percentage.toString()), "0 to 100 with at most two decimals");
        }
        return plain.movePointRight(2).intValueExact();
    }
}
