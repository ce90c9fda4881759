package dev.conflux.core.model;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Everything about a config that is neither content nor release: what {@code metadata_version} counts.
 *
 * @param description free text
 * @param schema the schema that content must satisfy, as written; null = none
 * @param customAttrs free attributes, sorted
 * @param casRequired content writes must say {@code cas}
 * @param metadataCasRequired metadata writes must say {@code cas_metadata}
 * @param compatibility what becomes of content that breaks readers of the released version
 */
public record Metadata(
        String description,
        @Nullable String schema,
        RetentionPolicy retention,
        SortedMap<String, String> customAttrs,
        boolean casRequired,
        boolean metadataCasRequired,
        ApprovalSettings approval,
        CompatibilityPolicy compatibility) {

    public static final Metadata EMPTY =
            new Metadata("", null, RetentionPolicy.INHERIT, new TreeMap<>(), false, false, ApprovalSettings.NONE);

    /** As any before there were policies. */
    public Metadata(
            String description,
            @Nullable String schema,
            RetentionPolicy retention,
            SortedMap<String, String> customAttrs,
            boolean casRequired,
            boolean metadataCasRequired,
            ApprovalSettings approval) {
        this(
                description,
                schema,
                retention,
                customAttrs,
                casRequired,
                metadataCasRequired,
                approval,
                CompatibilityPolicy.NONE);
    }

    public Metadata {
        customAttrs = Collections.unmodifiableSortedMap(new TreeMap<>(customAttrs));
    }
}
