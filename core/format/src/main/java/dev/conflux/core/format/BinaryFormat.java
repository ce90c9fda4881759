package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import java.util.List;
import java.util.Optional;

/** Any bytes. */
public final class BinaryFormat implements ConfigFormat {

    @Override
    public Format format() {
        return Format.BINARY;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("application/octet-stream");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        return Optional.empty();
    }
}
