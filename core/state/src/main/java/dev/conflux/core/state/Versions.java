package dev.conflux.core.state;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Text;

/** What appliers that create versions share. */
final class Versions {

    private static final int SHA256_HEX_LENGTH = 64;

    private Versions() {}

    /** Writes the next version of {@code config}; the caller stores the config that names it as its latest. */
    static ConfigVersion create(Config config, NewVersion content, StateTransaction transaction) {
        checkHash(content.hash());
        var version = new ConfigVersion(
                config.id(),
                StateTransaction.next("latest_version_id", config.latestVersionId()),
                content.hash(),
                content.content().length,
                content.format(),
                content.encryption(),
                content.schema(),
                content.description(),
                transaction.author(),
                transaction.nowMillis());
        transaction.putVersion(config.key().tenant(), version, content.content());
        return version;
    }

    static Config withLatest(Config config, long versionId, StateTransaction transaction) {
        return new Config(
                config.id(),
                config.key(),
                versionId,
                config.metadataVersion(),
                config.releasesRevision(),
                config.releases(),
                config.metadata(),
                config.createdAtMillis(),
                transaction.nowMillis());
    }

    private static void checkHash(String hash) {
        boolean valid = hash.length() == SHA256_HEX_LENGTH;
        for (int i = 0; valid && i < hash.length(); i++) {
            char c = hash.charAt(i);
            valid = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        }
        if (!valid) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "hash", Text.excerpt(hash), "SHA-256 as " + SHA256_HEX_LENGTH + " lower-case hex digits"));
        }
    }
}
