package dev.conflux.core.service;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Encryption;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * An archive of two files per version, for the owner alone:
 *
 * <pre>
 * directory/tenant/app/env/name/config-17/v5.content   the bytes as published
 * directory/tenant/app/env/name/config-17/v5.json      everything else; written last, so its presence means complete
 * </pre>
 *
 * <p>Each leader writes into its own directory: operators who want one archive give all nodes the same shared one.
 */
public final class DirectoryArchive implements VersionArchive {

    private static final JsonMapper MAPPER = new JsonMapper();

    private final Path directory;

    public DirectoryArchive(Path directory) {
        this.directory = directory;
    }

    @Override
    public void store(List<Item> items) throws IOException {
        for (Item item : items) {
            store(item);
        }
    }

    private void store(Item item) throws IOException {
        // Names are letters, digits, '.', '_' and '-' and do not begin with a dot: none leads out of the directory.
        ConfigKey key = item.key();
        ConfigVersion version = item.version();
        Path home = directory
                .resolve(key.tenant())
                .resolve(key.namespace().app())
                .resolve(key.namespace().env())
                .resolve(key.name())
                .resolve("config-" + version.configId());
        Path description = home.resolve("v" + version.id() + ".json");
        if (Files.exists(description)) {
            return;
        }
        OwnerOnlyFile.write(home.resolve("v" + version.id() + ".content"), item.content());
        OwnerOnlyFile.write(description, MAPPER.writeValueAsString(describe(key, version)) + "\n");
    }

    private static ObjectNode describe(ConfigKey key, ConfigVersion version) {
        ObjectNode json = MAPPER.createObjectNode()
                .put("tenant", key.tenant())
                .put("app", key.namespace().app())
                .put("env", key.namespace().env())
                .put("name", key.name())
                .put("config_id", version.configId())
                .put("version_id", version.id())
                .put("hash", "sha256:" + version.hash())
                .put("size_bytes", version.sizeBytes())
                .put("format", version.format().name())
                .put("description", version.description())
                .put("schema", version.schema())
                .put("creator", version.createdBy())
                .put(
                        "created_at",
                        Instant.ofEpochMilli(version.createdAtMillis()).toString());
        Encryption encryption = version.encryption();
        if (encryption != null) {
            json.putObject("encryption")
                    .put("algorithm", encryption.algorithm())
                    .put("wrapped_dek", base64(encryption.wrappedDek()))
                    .put("kek_id", encryption.kekId())
                    .put("nonce", base64(encryption.nonce()));
        }
        return json;
    }

    private static String base64(byte[] bytes) {
        return new String(Base64.getEncoder().encode(bytes), StandardCharsets.US_ASCII);
    }
}
