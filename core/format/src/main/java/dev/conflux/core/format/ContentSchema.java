package dev.conflux.core.format;

import dev.conflux.core.model.ConfluxError.Violation;
import dev.conflux.core.model.Format;
import java.util.List;

/** A compiled schema. For any number of threads. */
public sealed interface ContentSchema permits JsonContentSchema, XmlContentSchema {

    /** Whether it can judge contents of that format. */
    boolean judges(Format format);

    /**
     * Everything that breaks the schema, in the order of the document, at most {@link FormatLimits#MAX_VIOLATIONS}.
     *
     * @param content the bytes that {@code tree} was read from
     */
    List<Violation> violations(ContentTree tree, byte[] content);
}
