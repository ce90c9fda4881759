package dev.conflux.core.state;

import dev.conflux.core.model.Config;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Recently used committed values, decoded: a write to a config that was written a moment ago reads no storage. Holds
 * nothing that the store does not. Apply thread only.
 */
final class ConfigCache {

    /** About 2 KB each: 8 MB at most. */
    private static final int MAX_CONFIGS = 4096;

    /** Three numbers and a name each. */
    private static final int MAX_TENANTS = 4096;

    /** Configs with more text than this are read from the store each time: the bound above counts entries. */
    private static final int MAX_SCHEMA_CHARS = 4096;

    private static final int MAX_PARTS = 64;

    private final Map<Long, Config> configs = new Bounded<>(MAX_CONFIGS);
    private final Map<String, TenantUsage> usages = new Bounded<>(MAX_TENANTS);

    @Nullable
    Config config(long id) {
        return configs.get(id);
    }

    @Nullable
    TenantUsage usage(String tenant) {
        return usages.get(tenant);
    }

    void put(Config config) {
        String schema = config.metadata().schema();
        int text = config.metadata().description().length() + (schema == null ? 0 : schema.length());
        int parts = config.releases().size() + config.metadata().customAttrs().size();
        if (text <= MAX_SCHEMA_CHARS && parts <= MAX_PARTS) {
            configs.put(config.id(), config);
        } else {
            configs.remove(config.id());
        }
    }

    void remove(long configId) {
        configs.remove(configId);
    }

    void put(String tenant, TenantUsage usage) {
        usages.put(tenant, usage);
    }

    void clear() {
        configs.clear();
        usages.clear();
    }

    private static final class Bounded<K, V> extends LinkedHashMap<K, V> {
        private static final long serialVersionUID = 1L;
        private final int limit;

        Bounded(int limit) {
            super(16, 0.75f, true);
            this.limit = limit;
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
            return size() > limit;
        }
    }
}
