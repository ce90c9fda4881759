package dev.conflux.core.model;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A release rule: clients whose labels match get a version.
 *
 * @param labels all must be equal on the client; keys lower-case; empty matches every client
 * @param versionId the version served, of the same config
 * @param priority higher is tried first
 * @param percentage share of the matching clients, in hundredths of a percent (0 … 10 000); null = all of them
 * @param bucketBy the client label that decides the share; {@value #DEFAULT_BUCKET_BY} unless told; a client without it
 *     does not match
 * @param salt mixed into the bucket hash, so that two rollouts hit different clients; may be empty
 */
public record Release(
        SortedMap<String, String> labels,
        long versionId,
        int priority,
        @Nullable Integer percentage,
        String bucketBy,
        String salt) {

    public static final String DEFAULT_BUCKET_BY = "client-id";

    /** Buckets per rollout: a percentage has two decimals. */
    public static final int BUCKETS = 10_000;

    /** Rules per config: more than any rollout needs, few enough to try one by one in microseconds. */
    public static final int MAX_RULES = 256;

    /** Labels per rule or request. */
    public static final int MAX_LABELS = 32;

    /** Characters of a label key or value, of a bucket label and of a salt. */
    public static final int MAX_LABEL_LENGTH = 256;

    public Release {
        labels = Collections.unmodifiableSortedMap(new TreeMap<>(labels));
    }

    /** The rule that serves a version to everybody, with the lowest usual priority. */
    public static Release defaultTo(long versionId) {
        return new Release(new TreeMap<>(), versionId, 0, null, DEFAULT_BUCKET_BY, "");
    }

    public static Release of(Map<String, String> labels, long versionId, int priority) {
        return new Release(new TreeMap<>(labels), versionId, priority, null, DEFAULT_BUCKET_BY, "");
    }

    /** Matches every client: no labels and no percentage. */
    public boolean isDefault() {
        return labels.isEmpty() && percentage == null;
    }

    public Release withVersion(long newVersionId) {
        return new Release(labels, newVersionId, priority, percentage, bucketBy, salt);
    }

    public Optional<Integer> share() {
        return Optional.ofNullable(percentage);
    }
}
