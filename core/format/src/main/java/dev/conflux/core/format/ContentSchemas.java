package dev.conflux.core.format;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxError.Violation;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import java.util.List;

/** Schemas by their text: compiled once, kept while they are used. */
public final class ContentSchemas {

    /** Characters of all schemas kept; compiled they take some ten times as many bytes. */
    private static final long MAX_CACHED_CHARACTERS = 4L * 1024 * 1024;

    /** Characters that a small schema counts as, so that a crowd of tiny ones is bounded too. */
    private static final int LEAST_WEIGHT = 1024;

    private static final Cache<String, ContentSchema> COMPILED = Caffeine.newBuilder()
            .maximumWeight(MAX_CACHED_CHARACTERS)
            .weigher((String text, ContentSchema schema) -> Math.max(text.length(), LEAST_WEIGHT))
            .build();

    private ContentSchemas() {}

    /**
     * The schema that a text means: XML is an XSD, anything else a JSON Schema (2020-12, or draft-07 if {@code $schema}
     * says so).
     *
     * @throws ConfluxException {@code INVALID_ARGUMENT} with all that is wrong with it
     */
    public static ContentSchema compiled(String text) {
        return COMPILED.get(text, ContentSchemas::compile);
    }

    private static ContentSchema compile(String text) {
        return text.stripLeading().startsWith("<") ? XmlContentSchema.compile(text) : JsonContentSchema.compile(text);
    }

    static ConfluxException refused(List<Violation> violations) {
        return new ConfluxException(new ConfluxError.InvalidContent(ErrorCode.INVALID_ARGUMENT, violations));
    }

    static ConfluxException refused(String path, int line, int column, String message) {
        return refused(List.of(new Violation(path, line, column, "schema", "schema: " + message)));
    }

    /** As text that cannot be read at all. */
    static ConfluxException unreadable(ConfluxException cause) {
        if (!(cause.error() instanceof ConfluxError.InvalidContent content)) {
            return cause;
        }
        return refused(content.violations().stream()
                .map(violation -> new Violation(
                        "", violation.line(), violation.column(), "schema", "schema: " + violation.message()))
                .toList());
    }
}
