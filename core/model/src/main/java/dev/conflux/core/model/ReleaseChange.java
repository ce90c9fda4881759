package dev.conflux.core.model;

import java.util.List;

/** One entry of a config's release history. */
public record ReleaseChange(
        long configId,
        long releasesRevision,
        long revision,
        List<Release> before,
        List<Release> after,
        String comment,
        String changedBy,
        String action,
        long changedAtMillis) {

    public ReleaseChange {
        before = List.copyOf(before);
        after = List.copyOf(after);
    }
}
