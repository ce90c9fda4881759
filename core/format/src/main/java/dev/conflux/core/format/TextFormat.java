package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import java.util.List;
import java.util.Optional;

/** Any UTF-8. */
public final class TextFormat implements ConfigFormat {

    @Override
    public Format format() {
        return Format.TEXT;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("text/plain");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        String _ = Texts.utf8(content);
        return Optional.empty();
    }
}
