package dev.conflux.core.service;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.Namespace;

/** What an action is about, in canonical form. */
public sealed interface Resource {

    /** One config. */
    record OfConfig(ConfigKey key) implements Resource {
        @Override
        public String toString() {
            return key.toString();
        }
    }

    /** All configs of a namespace. */
    record OfNamespace(Namespace namespace) implements Resource {
        @Override
        public String toString() {
            return namespace + "/*";
        }
    }

    /** Everything: lists across tenants, the cluster itself. */
    record Everything() implements Resource {
        @Override
        public String toString() {
            return "system";
        }
    }
}
