package dev.conflux.core.model;

/** A config's full name. */
public record ConfigKey(Namespace namespace, String name) implements Comparable<ConfigKey> {

    public ConfigKey {
        Names.check("name", name);
    }

    public static ConfigKey of(String tenant, String app, String env, String name) {
        return new ConfigKey(new Namespace(tenant, app, env), name);
    }

    public String tenant() {
        return namespace.tenant();
    }

    @Override
    public int compareTo(ConfigKey other) {
        int byNamespace = namespace.compareTo(other.namespace);
        return byNamespace != 0 ? byNamespace : name.compareTo(other.name);
    }

    /** {@code tenant/app/env/name}. */
    @Override
    public String toString() {
        return namespace + "/" + name;
    }
}
