package dev.conflux.core.service;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import java.io.IOException;
import java.util.List;

/**
 * Port: where versions go before they are deleted. Called by the leader only, never inside apply, from one thread.
 */
public interface VersionArchive {

    /** One version with everything that is known of it. */
    record Item(ConfigKey key, ConfigVersion version, byte[] content) {}

    /**
     * Keeps the items. When this returns they are durable and the cluster deletes its own copies; when it throws nothing
     * is deleted. The same items may come again, after a failure or under another leader: keep them once.
     */
    void store(List<Item> items) throws IOException;
}
