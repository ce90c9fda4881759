package dev.conflux.core.format;

import java.time.Duration;

/** What a content may hold. Counted while reading, so that a bomb is refused before it has cost anything. */
public final class FormatLimits {

    /** Bytes of one document: what a version may hold. */
    public static final int MAX_DOCUMENT_BYTES = 1024 * 1024;

    /** Deeper than any configuration, shallow enough for every stack. */
    public static final int MAX_DEPTH = 128;

    /**
     * Keys and values, those that an alias repeats counted each time: ten bytes of text each in the largest document, and
     * some 10 MB of tree.
     */
    public static final int MAX_NODES = 100_000;

    /** The same for HOCON and TOML, whose libraries keep about ten times as much per value while they read. */
    static final int MAX_NODES_HEAVY = 20_000;

    /** YAML aliases. */
    static final int MAX_ALIASES = 1_000;

    /** Characters of a number: exact decimals fit, a denial of service by arithmetic does not. */
    static final int MAX_NUMBER_LENGTH = 256;

    /** Powers of ten of a number, either way: those of a double. */
    static final int MAX_EXPONENT = 308;

    /** The bounds above keep every document far below; what passes this has found a hole in them. */
    static final Duration MAX_TIME = Duration.ofSeconds(5);

    /** Violations told at once. */
    public static final int MAX_VIOLATIONS = 100;

    private FormatLimits() {}
}
