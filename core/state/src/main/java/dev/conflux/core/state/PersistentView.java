package dev.conflux.core.state;

import dev.conflux.consensus.api.LogPosition;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pcollections.HashPMap;
import org.pcollections.HashTreePMap;
import org.pcollections.TreePMap;

/**
 * See {@link ConfigView}. Two persistent indexes over the same values: one by full path, for one look-up per fetch, and
 * one by namespace, sorted, for fetching all. A change copies a little of each.
 */
final class PersistentView implements ConfigView {

    private final long revision;
    private final LogPosition applied;
    private final long appliedIndex;
    private final String digest;
    private final PathIndex byPath;
    private final HashPMap<String, TreePMap<String, ServedConfig>> byNamespace;

    private PersistentView(
            long revision,
            LogPosition applied,
            long appliedIndex,
            String digest,
            PathIndex byPath,
            HashPMap<String, TreePMap<String, ServedConfig>> byNamespace) {
        this.revision = revision;
        this.applied = applied;
        this.appliedIndex = appliedIndex;
        this.digest = digest;
        this.byPath = byPath;
        this.byNamespace = byNamespace;
    }

    @Override
    public long revision() {
        return revision;
    }

    @Override
    public long appliedIndex() {
        return appliedIndex;
    }

    /** The last entry whose effect is stored; {@link #appliedIndex} may be ahead by entries without a command. */
    LogPosition applied() {
        return applied;
    }

    @Override
    public String digest() {
        return digest;
    }

    @Override
    public @Nullable ServedConfigRecord find(String path) {
        return byPath.get(path);
    }

    @Override
    public List<ServedConfig> namespace(String namespacePath) {
        TreePMap<String, ServedConfig> configs = byNamespace.get(namespacePath);
        return configs == null ? List.of() : List.copyOf(configs.values());
    }

    int size() {
        return byPath.size();
    }

    PersistentView skippedTo(long index) {
        return index <= appliedIndex ? this : new PersistentView(revision, applied, index, digest, byPath, byNamespace);
    }

    /** Collects changes; owned by one thread, used once. */
    static final class Builder {
        private final PathIndex.Builder byPath;
        private HashPMap<String, TreePMap<String, ServedConfig>> byNamespace;

        Builder() {
            byPath = new PathIndex.Builder(PathIndex.EMPTY);
            byNamespace = HashTreePMap.empty();
        }

        Builder(PersistentView from) {
            byPath = new PathIndex.Builder(from.byPath);
            byNamespace = from.byNamespace;
        }

        void put(ServedConfigRecord config) {
            byPath.put(config);
            String namespace = config.key().namespace().toString();
            TreePMap<String, ServedConfig> configs = byNamespace.get(namespace);
            if (configs == null) {
                configs = TreePMap.empty();
            }
            byNamespace = byNamespace.plus(namespace, configs.plus(config.key().name(), config));
        }

        void remove(ServedConfigRecord config) {
            byPath.remove(config.path());
            String namespace = config.key().namespace().toString();
            TreePMap<String, ServedConfig> configs = byNamespace.get(namespace);
            if (configs != null) {
                configs = configs.minus(config.key().name());
                byNamespace = configs.isEmpty() ? byNamespace.minus(namespace) : byNamespace.plus(namespace, configs);
            }
        }

        PersistentView build(StateMeta meta) {
            return new PersistentView(
                    meta.revision, meta.applied, meta.applied.index(), meta.digestHex(), byPath.build(), byNamespace);
        }
    }
}
