package dev.conflux.core.model;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The metadata fields to change; null leaves a field as it is.
 *
 * @param schema the new schema
 * @param removeSchema drop the schema; {@code schema} is then null
 * @param customAttrs attributes to set
 * @param removedAttrs attributes to remove
 */
public record MetadataPatch(
        @Nullable String description,
        @Nullable String schema,
        boolean removeSchema,
        @Nullable RetentionPolicy retention,
        SortedMap<String, String> customAttrs,
        List<String> removedAttrs,
        @Nullable Boolean casRequired,
        @Nullable Boolean metadataCasRequired,
        @Nullable ApprovalSettings approval,
        @Nullable CompatibilityPolicy compatibility) {

    /** Leaves the policy as it is. */
    public MetadataPatch(
            @Nullable String description,
            @Nullable String schema,
            boolean removeSchema,
            @Nullable RetentionPolicy retention,
            SortedMap<String, String> customAttrs,
            List<String> removedAttrs,
            @Nullable Boolean casRequired,
            @Nullable Boolean metadataCasRequired,
            @Nullable ApprovalSettings approval) {
        this(
                description,
                schema,
                removeSchema,
                retention,
                customAttrs,
                removedAttrs,
                casRequired,
                metadataCasRequired,
                approval,
                null);
    }

    public MetadataPatch {
        customAttrs = Collections.unmodifiableSortedMap(new TreeMap<>(customAttrs));
        removedAttrs = List.copyOf(removedAttrs);
    }
}
