package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/**
 * An immutable version, without its bytes.
 *
 * @param id per config, from 1
 * @param hash SHA-256 of the stored bytes, lower-case hex, 64 characters
 * @param sizeBytes of the stored bytes
 * @param encryption null for plain content
 * @param schema overrides the config's schema for this version; null = not
 * @param createdBy the principal's name
 * @param createdAtMillis Unix milliseconds by the leader's clock
 */
public record ConfigVersion(
        long configId,
        long id,
        String hash,
        int sizeBytes,
        Format format,
        @Nullable Encryption encryption,
        @Nullable String schema,
        String description,
        String createdBy,
        long createdAtMillis) {}
