package dev.conflux.core.model;

import java.util.List;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * One config's change of what clients get, in the durable event log: enough to tell, at any later time and on any node,
 * which subscribers' answer changed.
 *
 * @param revision the cluster revision that made it; several configs may share one
 * @param before the rules before; empty when nothing was served
 * @param after the rules after; empty when nothing is served any more
 * @param versions what {@code after} may serve: version id to hash and description
 * @param deleted the config itself is gone
 * @param timestampMillis the leader's clock
 */
public record ChangeEvent(
        long revision,
        long configId,
        ConfigKey key,
        List<Release> before,
        List<Release> after,
        SortedMap<Long, VersionSummary> versions,
        boolean deleted,
        long timestampMillis) {

    public ChangeEvent {
        before = List.copyOf(before);
        after = List.copyOf(after);
    }

    /** What an event says of a version. */
    public record VersionSummary(String hash, @Nullable String description) {}
}
