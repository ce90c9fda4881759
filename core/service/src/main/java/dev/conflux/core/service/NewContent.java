package dev.conflux.core.service;

import dev.conflux.core.format.ConfigFormat;
import dev.conflux.core.format.ContentSchema;
import dev.conflux.core.format.ContentSchemas;
import dev.conflux.core.format.ContentTree;
import dev.conflux.core.format.Formats;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxError.Violation;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.NewVersion;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
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

    /**
     * Content that is well-formed and fits its schema.
     *
     * @param tree null for what has no structure, or is encrypted
     */
    record Checked(NewVersion version, @Nullable ContentTree tree) {}

    /** As the other, for a config without a schema. */
    NewVersion checked(Format inherited) {
        return checked(inherited, null).version();
    }

    /**
     * Checks everything that needs no state, and computes the hash. What is encrypted is not looked into.
     *
     * @param configSchema null = the config has none
     */
    Checked checked(Format inherited, @Nullable String configSchema) {
        if (content.length > Limits.MAX_CONTENT_BYTES) {
            throw new ConfluxException(new ConfluxError.TooLarge("content", content.length, Limits.MAX_CONTENT_BYTES));
        }
        Limits.text("description", description);
        if (schema != null) {
            Limits.schema(schema);
            ContentSchemas.compiled(schema);
        }
        Format actual = format == null ? inherited : format;
        Optional<ContentTree> tree = encryption == null ? parse(actual, content) : Optional.empty();
        String effective = schema == null ? configSchema : schema;
        if (encryption == null && effective != null) {
            List<Violation> violations = violations(effective, actual, tree, content);
            if (!violations.isEmpty()) {
                throw new ConfluxException(new ConfluxError.InvalidContent(ErrorCode.SCHEMA_VIOLATION, violations));
            }
        }
        var version = new NewVersion(content, sha256(content), actual, description, schema, encryption);
        return new Checked(version, tree.orElse(null));
    }

    /**
     * For a request whose outcome is stored: the log answers with that. Should it have been forgotten meanwhile, apply
     * refuses this, for it has no hash.
     */
    NewVersion unchecked(Format inherited) {
        return new NewVersion(content, "", format == null ? inherited : format, description, schema, encryption);
    }

    /** Reads a content; empty when its format has no structure. */
    static Optional<ContentTree> parse(Format format, byte[] content) {
        ConfigFormat reader = Formats.installed()
                .of(format)
                .orElseThrow(() -> Limits.refusal(
                        "format", format.name(), "one of " + Formats.installed().names()));
        return reader.parse(content);
    }

    /** All that is wrong with a content by a schema. */
    static List<Violation> violations(String schema, Format format, Optional<ContentTree> tree, byte[] content) {
        ContentSchema compiled = ContentSchemas.compiled(schema);
        if (tree.isEmpty() || !compiled.judges(format)) {
            return List.of(new Violation(
                    "",
                    1,
                    1,
                    "schema-kind",
                    "this schema cannot judge the format " + format + " (use another format, or another schema)"));
        }
        return compiled.violations(tree.get(), content);
    }

    private static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
