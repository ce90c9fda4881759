package dev.conflux.core.format;

import java.time.Duration;

/** What a content may hold. Counted while reading, so that a bomb is refused before it has cost anything. */
public final class FormatLimits {

    /** Bytes of one document: what a version may hold. */
    public static final int MAX_DOCUMENT_BYTES = 1024 * 1024;

    /** Deeper than any configuration, shallow enough for every stack. */
    public static final int MAX_DEPTH = 128;

    /** Keys and values: twenty bytes of text each in the largest document. Reading one costs up to 300 bytes. */
    public static final int MAX_NODES = 50_000;

    /** The same for TOML and HOCON, whose libraries use up to 1000 bytes for one. */
    static final int MAX_NODES_HEAVY = 20_000;

    /** The same for YAML, whose library uses up to 1500; those that an alias repeats are counted each time. */
    static final int MAX_NODES_YAML = 10_000;

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
