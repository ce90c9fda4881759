package dev.conflux.core.service;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Namespace;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Text;
import dev.conflux.core.state.ConfigView;
import dev.conflux.core.state.ServedConfig;
import dev.conflux.core.state.ServedVersion;
import dev.conflux.core.state.StateReader;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What clients get. {@link #fetch} and {@link #fetchAll} look only at memory and are made for event loops; the methods
 * that load content block on storage.
 */
public final class FetchService {

    /**
     * A config as one client sees it.
     *
     * @param revision the cluster revision it was read at
     * @param config where it was found
     * @param served the version chosen
     */
    public record Fetched(long revision, ServedConfig config, ServedVersion served) {

        /** {@code tenant/app/env/name}, in its parts. */
        public ConfigKey key() {
            return config.key();
        }

        public long versionId() {
            return served.version().id();
        }

        /** The version id in decimal. */
        public String versionText() {
            return served.versionText();
        }

        /** {@code sha256:<hex>}. */
        public String hashHeader() {
            return served.hashHeader();
        }

        /** The strong validator, with its quotes. */
        public String etag() {
            return served.etag();
        }

        public Format format() {
            return served.version().format();
        }

        public @Nullable Encryption encryption() {
            return served.version().encryption();
        }

        /** The content if it is in memory. */
        public byte @Nullable [] cachedContent() {
            return served.cachedContent();
        }
    }

    /**
     * A namespace as one client sees it, at one revision.
     *
     * @param etag changes when, and only when, what the client would get changes; weak, because the revision in the
     *     answer moves without it
     */
    public record FetchedAll(long revision, List<Fetched> configs, String etag) {}

    private final ReadGate gate;
    private final StateReader reader;
    private final Authorizer authorizer;

    public FetchService(ReadGate gate, StateReader reader, Authorizer authorizer) {
        this.gate = gate;
        this.reader = reader;
        this.authorizer = authorizer;
    }

    /**
     * Resolves one config against this node's newest state. In memory.
     *
     * @param path {@code tenant/app/env/name}, as received: an invalid one is refused
     */
    public Fetched fetch(Principal principal, String path, Labels labels) {
        ConfigView view = gate.view();
        ServedConfig config = view.find(path);
        if (config == null) {
            throw absent(principal, path);
        }
        if (!authorizer.allows(principal, Action.READ, new Resource.OfConfig(config.key()))) {
            throw ConfigDirectory.denied(Action.READ, path);
        }
        ServedVersion served = config.resolve(labels);
        if (served == null) {
            throw new ConfluxException(new ConfluxError.NotFound(
                    ErrorCode.NO_MATCHING_RELEASE, "a release rule of " + path + " that matches the client's labels"));
        }
        config.fetched(System.currentTimeMillis() / 1000);
        return new Fetched(view.revision(), config, served);
    }

    /** The same answer for what is not there and what may not be seen, unless the caller may see everything there. */
    private ConfluxException absent(Principal principal, String path) {
        ConfigKey key = keyOf(path);
        return authorizer.allows(principal, Action.READ, new Resource.OfConfig(key))
                ? new ConfluxException(new ConfluxError.NotFound(ErrorCode.CONFIG_NOT_FOUND, key.toString()))
                : ConfigDirectory.denied(Action.READ, path);
    }

    /** Parses {@code tenant/app/env/name}. */
    public static ConfigKey keyOf(String path) {
        String[] parts = path.split("/", -1);
        if (parts.length != 4) {
            throw Limits.refusal("path", Text.excerpt(path), "tenant/app/env/name");
        }
        return ConfigKey.of(parts[0], parts[1], parts[2], parts[3]);
    }

    /** Everything in a namespace that the principal may read and that resolves for these labels. In memory. */
    public FetchedAll fetchAll(Principal principal, Namespace namespace, Labels labels) {
        ConfigView view = gate.view();
        var fetched = new ArrayList<Fetched>();
        MessageDigest digest = sha256();
        long second = System.currentTimeMillis() / 1000;
        for (ServedConfig config : view.namespace(namespace.toString())) {
            if (!authorizer.allows(principal, Action.READ, new Resource.OfConfig(config.key()))) {
                continue;
            }
            ServedVersion served = config.resolve(labels);
            if (served != null) {
                config.fetched(second);
                fetched.add(new Fetched(view.revision(), config, served));
                digest.update(config.key().name().getBytes(StandardCharsets.UTF_8));
                digest.update(served.etag().getBytes(StandardCharsets.UTF_8));
            }
        }
        if (fetched.isEmpty() && !authorizer.allows(principal, Action.LIST, new Resource.OfNamespace(namespace))) {
            throw ConfigDirectory.denied(Action.READ, namespace.toString());
        }
        String etag = "W/\"" + HexFormat.of().formatHex(digest.digest(), 0, 16) + '"';
        return new FetchedAll(view.revision(), fetched, etag);
    }

    /** The content, from memory or storage. Blocks. */
    public byte[] content(Fetched fetched) {
        byte[] cached = fetched.cachedContent();
        if (cached != null) {
            return cached;
        }
        return reader.content(fetched.config.configId(), fetched.versionId())
                .orElseThrow(() -> new ConfluxException(new ConfluxError.NotFound(
                        ErrorCode.VERSION_NOT_FOUND, "version " + fetched.versionId() + " of " + fetched.key())));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
