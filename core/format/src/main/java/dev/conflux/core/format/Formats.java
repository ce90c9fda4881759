package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;

/** The installed formats: built-in ones and plugins. Immutable. */
public final class Formats {

    private static final class Installed {
        private static final Formats FORMATS =
                new Formats(ServiceLoader.load(ConfigFormat.class, Formats.class.getClassLoader()));
    }

    private final Map<Format, ConfigFormat> byName = new LinkedHashMap<>();
    private final Map<String, ConfigFormat> byMediaType = new LinkedHashMap<>();

    /**
     * These.
     *
     * @throws IllegalStateException when two claim the same name or media type: which one would read depends on luck
     */
    Formats(Iterable<ConfigFormat> formats) {
        for (ConfigFormat format : formats) {
            if (byName.put(format.format(), format) != null) {
                throw new IllegalStateException("format " + format.format() + ": installed twice");
            }
            for (String mediaType : format.mediaTypes()) {
                if (byMediaType.put(mediaType, format) != null) {
                    throw new IllegalStateException("media type " + mediaType + ": claimed by two formats");
                }
            }
        }
    }

    /** Those on this node's class path; looked for once. */
    public static Formats installed() {
        return Installed.FORMATS;
    }

    public Optional<ConfigFormat> named(String name) {
        return Format.named(name)
                .map(byName::get)
                .or(() -> byName.values().stream()
                        .filter(format -> format.format().name().equals(name))
                        .findFirst());
    }

    public Optional<ConfigFormat> of(Format format) {
        return Optional.ofNullable(byName.get(format));
    }

    /**
     * The format of a media type.
     *
     * @param mediaType without parameters, lower-case
     */
    public Optional<ConfigFormat> ofMediaType(String mediaType) {
        return Optional.ofNullable(byMediaType.get(mediaType));
    }

    /** For messages. */
    public String names() {
        return String.join(", ", byName.keySet().stream().map(Format::name).toList());
    }
}
