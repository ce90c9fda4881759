package dev.conflux.core.format;

import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Format;
import java.util.List;
import java.util.Optional;

/**
 * One format. Found with {@link java.util.ServiceLoader}: a jar that names its implementation in {@code
 * META-INF/services/dev.conflux.core.format.ConfigFormat} adds one (it must be on every node, since any node checks
 * contents). Implementations keep no state, are called by any number of threads at once, and need time and memory that
 * grow no faster than the document: see {@link FormatLimits}. What one reads never decides what the replicated state
 * becomes, only whether a write is let in, so two builds may differ.
 */
public interface ConfigFormat {

    /** Its wire name; stable for ever, for it is stored. */
    Format format();

    /** Lower-case, without parameters; the first is answered as {@code Content-Type}. Not empty. */
    List<String> mediaTypes();

    /**
     * Reads a document.
     *
     * @param content not modified, not kept
     * @return the tree; empty for formats without structure
     * @throws ConfluxException with {@code MALFORMED_CONTENT} (see {@link Malformed}) when this is not one complete,
     *     unambiguous document of the format, or breaks a limit
     */
    Optional<ContentTree> parse(byte[] content);
}
