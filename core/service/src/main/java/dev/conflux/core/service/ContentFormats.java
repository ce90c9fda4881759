package dev.conflux.core.service;

import dev.conflux.core.format.ConfigFormat;
import dev.conflux.core.format.Formats;
import dev.conflux.core.model.Format;
import java.util.Optional;

/** The formats that this node can read, for protocols: names and media types both ways. */
public final class ContentFormats {

    private ContentFormats() {}

    /** The installed format with that wire name. */
    public static Optional<Format> named(String name) {
        return Formats.installed().named(name).map(ConfigFormat::format);
    }

    /** The installed format that a media type (without parameters, lower-case) stands for. */
    public static Optional<Format> ofMediaType(String mediaType) {
        return Formats.installed().ofMediaType(mediaType).map(ConfigFormat::format);
    }

    /** What to answer as {@code Content-Type}. */
    public static String mediaType(Format format) {
        return Formats.installed()
                .of(format)
                .map(installed -> installed.mediaTypes().getFirst())
                .orElseGet(format::mediaType);
    }

    /** All installed names, for messages. */
    public static String names() {
        return Formats.installed().names();
    }
}
