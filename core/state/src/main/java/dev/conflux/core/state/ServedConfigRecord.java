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
    private final String path;
    private final List<Release> written;
    private final List<Release> rules;
    private final RuleConditions conditions;
    private final ServedVersionRecord[] versions;
    private final LastFetch lastFetch;

    ServedConfigRecord(
            long configId,
            ConfigKey key,
            List<Release> written,
            ReleaseMatcher matcher,
            ServedVersionRecord[] versions,
            LastFetch lastFetch) {
        this.lastFetch = lastFetch;
        this.configId = configId;
        this.key = key;
        this.path = key.toString();
        this.written = written;
        this.rules = matcher.rules();
        this.conditions = matcher.conditions();
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

    /** {@code tenant/app/env/name}. */
    String path() {
        return path;
    }

    @Override
    public List<Release> rules() {
        return rules;
    }

    @Override
    public @Nullable ServedVersion resolve(Labels labels) {
        int rule = conditions.match(labels);
        return rule < 0 ? null : versions[rule];
    }

    @Override
    public void fetched(long epochSecond) {
        lastFetch.mark(epochSecond);
    }

    LastFetch lastFetch() {
        return lastFetch;
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
