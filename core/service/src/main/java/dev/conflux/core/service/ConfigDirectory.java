package dev.conflux.core.service;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Principal;
import dev.conflux.core.state.StateReader;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Finds a config by its number and checks the right to it in one step, so that nobody can learn from the answer which
 * numbers exist. Blocks on storage.
 */
final class ConfigDirectory {

    private static final Freshness NEWEST = new Freshness(Freshness.Level.LINEARIZABLE, 0);

    private final StateReader reader;
    private final Authorizer authorizer;
    private final ReadGate gate;

    ConfigDirectory(StateReader reader, Authorizer authorizer, ReadGate gate) {
        this.reader = reader;
        this.authorizer = authorizer;
        this.gate = gate;
    }

    StateReader reader() {
        return reader;
    }

    Authorizer authorizer() {
        return authorizer;
    }

    /** The config, if the principal may do that with it. */
    Config require(Principal principal, Action action, long id) {
        return reader.config(id)
                .map(config -> permitted(principal, action, config, "config " + id))
                .orElseThrow(() -> missing(principal, action, "config " + id));
    }

    /**
     * As {@link #require}, for a write: a config that this node has not heard of yet is looked for again after catching
     * up with the leader. Empty when it is really gone but the caller may see that, and gave an idempotency key: apply
     * then answers, perhaps with the stored outcome of the request that removed it.
     */
    Optional<Config> requireForWrite(Caller caller, Action action, long id) {
        return forWrite(caller, action, () -> reader.config(id), "config " + id);
    }

    /** By name. */
    Optional<Config> requireForWrite(Caller caller, Action action, ConfigKey key) {
        return forWrite(caller, action, () -> reader.config(key), key.toString());
    }

    private Optional<Config> forWrite(Caller caller, Action action, Supplier<Optional<Config>> lookUp, String what) {
        Optional<Config> found = lookUp.get();
        if (found.isEmpty()) {
            gate.await(NEWEST);
            found = lookUp.get();
        }
        if (found.isPresent()) {
            return Optional.of(permitted(caller.principal(), action, found.get(), what));
        }
        ConfluxException missing = missing(caller.principal(), action, what);
        if (caller.idempotency() != null && missing.error() instanceof ConfluxError.NotFound) {
            return Optional.empty();
        }
        throw missing;
    }

    ConfigVersion version(Config config, long versionId) {
        return reader.version(config.id(), versionId).orElseThrow(() -> noVersion(config.id(), versionId));
    }

    byte[] content(Config config, long versionId) {
        return reader.content(config.id(), versionId).orElseThrow(() -> noVersion(config.id(), versionId));
    }

    private Config permitted(Principal principal, Action action, Config config, String what) {
        if (!authorizer.allows(principal, action, new Resource.OfConfig(config.key()))) {
            throw denied(action, what);
        }
        return config;
    }

    private ConfluxException missing(Principal principal, Action action, String what) {
        return authorizer.allows(principal, action, new Resource.Everything())
                ? new ConfluxException(new ConfluxError.NotFound(ErrorCode.CONFIG_NOT_FOUND, what))
                : denied(action, what);
    }

    static ConfluxException denied(Action action, String what) {
        return new ConfluxException(
                new ConfluxError.PermissionDenied(action.name().toLowerCase(Locale.ROOT), what));
    }

    private static ConfluxException noVersion(long configId, long versionId) {
        return new ConfluxException(new ConfluxError.NotFound(
                ErrorCode.VERSION_NOT_FOUND, "version " + versionId + " of config " + configId));
    }
}
