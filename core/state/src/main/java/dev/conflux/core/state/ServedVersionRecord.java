package dev.conflux.core.state;

import dev.conflux.core.model.ConfigVersion;
import org.jspecify.annotations.Nullable;

/** See {@link ServedVersion}; the content comes and goes with {@link ContentCache}. */
final class ServedVersionRecord implements ServedVersion {

    /** 64 bits of the hash beside the version id: a strong validator needs no more, and fits in a line. */
    private static final int ETAG_HASH_DIGITS = 16;

    private final ConfigVersion version;
    private final String etag;
    private final String hashHeader;
    private final String versionText;
    private volatile byte @Nullable [] content;
    private volatile boolean mark;

    ServedVersionRecord(ConfigVersion version) {
        this.version = version;
        versionText = Long.toString(version.id());
        etag = "\"v" + versionText + "-"
                + version.hash()
                        .substring(0, Math.min(ETAG_HASH_DIGITS, version.hash().length())) + "\"";
        hashHeader = "sha256:" + version.hash();
    }

    @Override
    public ConfigVersion version() {
        return version;
    }

    @Override
    public String etag() {
        return etag;
    }

    @Override
    public String hashHeader() {
        return hashHeader;
    }

    @Override
    public String versionText() {
        return versionText;
    }

    @Override
    public byte @Nullable [] cachedContent() {
        byte[] bytes = content;
        // Written only when it changes: readers on many cores share the line.
        if (bytes != null && !mark) {
            mark = true;
        }
        return bytes;
    }

    byte @Nullable [] peekContent() {
        return content;
    }

    void setContent(byte @Nullable [] bytes) {
        content = bytes;
    }

    boolean takeMark() {
        boolean taken = mark;
        mark = false;
        return taken;
    }

    @Override
    public String toString() {
        return "ServedVersion[" + version.configId() + "/" + versionText + "]";
    }
}
