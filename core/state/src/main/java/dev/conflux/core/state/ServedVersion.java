package dev.conflux.core.state;

import dev.conflux.core.model.ConfigVersion;
import org.jspecify.annotations.Nullable;

/** A released version with what every answer about it repeats, computed once. Safe for any thread. */
public interface ServedVersion {

    ConfigVersion version();

    /** The strong validator, with its quotes: {@code "v5-0f3c…"}. */
    String etag();

    /** {@code sha256:<hex>}. */
    String hashHeader();

    /** The version id in decimal. */
    String versionText();

    /** The content if it is in memory, without any I/O; null = load it with {@link StateReader#content}. */
    byte @Nullable [] cachedContent();
}
