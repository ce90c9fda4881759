package dev.conflux.core.model;

import java.util.List;
import java.util.Optional;

/**
 * A content format by its wire name. The replicated state stores the name, so that a format can be added by a plugin
 * without touching the log.
 *
 * @param name lower-case, {@code [a-z0-9-]{1,32}}
 */
public record Format(String name) {

    public static final Format JSON = new Format("json");
    public static final Format YAML = new Format("yaml");
    public static final Format TOML = new Format("toml");
    public static final Format XML = new Format("xml");
    public static final Format INI = new Format("ini");
    public static final Format PROPERTIES = new Format("properties");
    public static final Format HOCON = new Format("hocon");
    public static final Format TEXT = new Format("text");
    public static final Format BINARY = new Format("binary");

    private record Known(Format format, String mediaType, List<String> accepted) {}

    private static final List<Known> KNOWN = List.of(
            new Known(JSON, "application/json", List.of("application/json")),
            new Known(
                    YAML,
                    "application/yaml",
                    List.of("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")),
            new Known(TOML, "application/toml", List.of("application/toml")),
            new Known(XML, "application/xml", List.of("application/xml", "text/xml")),
            new Known(INI, "text/x-ini", List.of("text/x-ini")),
            new Known(PROPERTIES, "text/x-java-properties", List.of("text/x-java-properties", "text/x-properties")),
            new Known(HOCON, "application/hocon", List.of("application/hocon", "text/x-hocon")),
            new Known(TEXT, "text/plain", List.of("text/plain")),
            new Known(BINARY, "application/octet-stream", List.of("application/octet-stream")));

    public Format {
        boolean valid = !name.isEmpty() && name.length() <= 32;
        for (int i = 0; valid && i < name.length(); i++) {
            char c = name.charAt(i);
            valid = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        }
        if (!valid) {
            throw new ConfluxException(
                    new ConfluxError.InvalidArgument("format", Text.excerpt(name), "one of " + names()));
        }
    }

    /** The built-in format with that wire name. */
    public static Optional<Format> named(String name) {
        for (Known known : KNOWN) {
            if (known.format.name.equals(name)) {
                return Optional.of(known.format);
            }
        }
        return Optional.empty();
    }

    /** The built-in format that a media type (without parameters, lower-case) stands for. */
    public static Optional<Format> ofMediaType(String mediaType) {
        for (Known known : KNOWN) {
            if (known.accepted.contains(mediaType)) {
                return Optional.of(known.format);
            }
        }
        return Optional.empty();
    }

    /** What to answer as {@code Content-Type}. */
    public String mediaType() {
        for (Known known : KNOWN) {
            if (known.format.name.equals(name)) {
                return known.mediaType;
            }
        }
        return "application/octet-stream";
    }

    /** All built-in names, for messages. */
    public static String names() {
        return "json, yaml, toml, xml, ini, properties, hocon, text, binary";
    }

    @Override
    public String toString() {
        return name;
    }
}
