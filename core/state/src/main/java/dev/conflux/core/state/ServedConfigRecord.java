package dev.conflux.core.state;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Release;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** See {@link ServedConfig}. {@code versions[i]} is what rule {@code i} serves. */
final class ServedConfigRecord implements ServedConfig {

    private final long configId;
    private final ConfigKey key;
    private final List<Release> written;
    private final ReleaseMatcher matcher;
    private final ServedVersionRecord[] versions;

    ServedConfigRecord(
            long configId,
            ConfigKey key,
            List<Release> written,
            ReleaseMatcher matcher,
            ServedVersionRecord[] versions) {
        this.configId = configId;
        this.key = key;
        this.written = written;
        this.matcher = matcher;
        this.versions = versions;
    }

    @Override
    public long configId() {
        return configId;
    }

    @Override
    public ConfigKey key() {
        return key;
    }

    @Override
    public List<Release> rules() {
        return matcher.rules();
    }

    @Override
    public @Nullable ServedVersion resolve(Labels labels) {
        int rule = matcher.match(labels);
        return rule < 0 ? null : versions[rule];
    }

    /** The rules in list order. */
    List<Release> written() {
        return written;
    }

    ServedVersionRecord[] versions() {
        return versions;
    }

    @Nullable
    ServedVersionRecord version(long versionId) {
        for (ServedVersionRecord version : versions) {
            if (version.version().id() == versionId) {
                return version;
            }
        }
        return null;
    }
}
