package dev.conflux.core.model;

/** One entry of a config's metadata history: the metadata as it was after the change. */
public record MetadataChange(
        long configId,
        long metadataVersion,
        long revision,
        Metadata metadata,
        String changedBy,
        long changedAtMillis) {}
