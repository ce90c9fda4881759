package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/**
 * Content on its way in. The hash is computed before the log, so that apply computes nothing that could differ.
 *
 * @param content stored and returned byte for byte
 * @param hash SHA-256 of {@code content}, lower-case hex
 */
public record NewVersion(
        byte[] content,
        String hash,
        Format format,
        String description,
        @Nullable String schema,
        @Nullable Encryption encryption) {

    @Override
    public String toString() {
        return "NewVersion[" + content.length + " bytes " + format + ", sha256 " + hash + "]";
    }
}
