package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.NewVersion;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Content as a caller hands it in.
 *
 * @param format null = the format of the config's newest version
 * @param schema overrides the config's schema for this version; null = not
 * @param encryption null for plain content
 */
public record NewContent(
        byte[] content,
        @Nullable Format format,
        String description,
        @Nullable String schema,
        @Nullable Encryption encryption) {

    /** Checks everything that needs no state, and computes the hash. */
    NewVersion checked(Format inherited) {
        if (content.length > Limits.MAX_CONTENT_BYTES) {
            throw new ConfluxException(new ConfluxError.TooLarge("content", content.length, Limits.MAX_CONTENT_BYTES));
        }
        Limits.text("description", description);
        if (schema != null) {
            Limits.schema(schema);
        }
        Format actual = format == null ? inherited : format;
        if (encryption == null && actual.equals(Format.JSON)) {
            // The other formats get their parsers with core/format; until then they are stored as they come.
            JsonContent.check(content);
        }
        return new NewVersion(content, sha256(content), actual, description, schema, encryption);
    }

    private static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
