package dev.conflux.protocol.http;

import dev.conflux.core.model.ApprovalSettings;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.MetadataChange;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.service.WatchFrame;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Our values as the JSON of the wire contract. */
final class Wire {

    private Wire() {}

    static ObjectNode config(Config config) {
        ObjectNode json = Json.object().put("id", config.id());
        key(json, config.key()).put("name", config.key().name());
        json.put("latest_version_id", config.latestVersionId())
                .put("metadata_version", config.metadataVersion())
                .put("releases_revision", config.releasesRevision())
                .set("releases", releases(config.releases()));
        metadata(json, config.metadata());
        return json.put("created_at", time(config.createdAtMillis())).put("updated_at", time(config.updatedAtMillis()));
    }

    private static ObjectNode key(ObjectNode json, ConfigKey key) {
        return json.put("tenant", key.tenant())
                .put("app", key.namespace().app())
                .put("env", key.namespace().env());
    }

    private static void metadata(ObjectNode json, Metadata metadata) {
        json.put("description", metadata.description())
                .put("schema", metadata.schema())
                .put("compatibility", metadata.compatibility().wireName());
        json.set("retention_policy", RetentionJson.write(metadata.retention()));
        ObjectNode attributes = json.putObject("custom_attrs");
        metadata.customAttrs().forEach(attributes::put);
        json.put("cas_required", metadata.casRequired()).put("metadata_cas_required", metadata.metadataCasRequired());
        ApprovalSettings approval = metadata.approval();
        json.putObject("approval_settings")
                .put("required", approval.required())
                .put("webhook_id", approval.webhookId());
    }

    static ObjectNode version(ConfigVersion version) {
        ObjectNode json = Json.object()
                .put("id", version.id())
                .put("version_id", version.id())
                .put("config_id", version.configId())
                .put("hash", "sha256:" + version.hash())
                .put("size_bytes", version.sizeBytes())
                .put("format", version.format().name())
                .put("description", version.description());
        if (version.schema() != null) {
            json.put("schema", version.schema());
        }
        if (version.encryption() != null) {
            json.set("encryption", encryption(version.encryption()));
        }
        return json.put("creator", version.createdBy()).put("created_at", time(version.createdAtMillis()));
    }

    static ObjectNode encryption(Encryption encryption) {
        return Json.object()
                .put("algorithm", encryption.algorithm())
                .put("wrapped_dek", base64(encryption.wrappedDek()))
                .put("kek_id", encryption.kekId())
                .put("nonce", base64(encryption.nonce()));
    }

    static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    static ArrayNode releases(List<Release> releases) {
        ArrayNode json = Json.array();
        releases.forEach(release -> json.add(release(release)));
        return json;
    }

    static ObjectNode release(Release release) {
        ObjectNode json = Json.object();
        ObjectNode labels = json.putObject("labels");
        release.labels().forEach(labels::put);
        json.put("version_id", release.versionId()).put("priority", release.priority());
        Integer share = release.percentage();
        if (share != null) {
            json.put("percentage", percent(share)).put("bucket_by", release.bucketBy());
        } else if (!release.bucketBy().equals(Release.DEFAULT_BUCKET_BY)) {
            json.put("bucket_by", release.bucketBy());
        }
        if (!release.salt().isEmpty()) {
            json.put("salt", release.salt());
        }
        return json;
    }

    /** Never in exponent notation: 10, not 1E+1. */
    static BigDecimal percent(int hundredths) {
        BigDecimal plain = BigDecimal.valueOf(hundredths, 2).stripTrailingZeros();
        return plain.scale() < 0 ? plain.setScale(0) : plain;
    }

    static ObjectNode releaseChange(ReleaseChange change) {
        ObjectNode json = Json.object()
                .put("releases_revision", change.releasesRevision())
                .put("revision", change.revision())
                .put("action", change.action());
        json.set("before", releases(change.before()));
        json.set("after", releases(change.after()));
        return json.put("comment", change.comment())
                .put("changed_by", change.changedBy())
                .put("changed_at", time(change.changedAtMillis()));
    }

    static ObjectNode metadataChange(MetadataChange change) {
        ObjectNode json =
                Json.object().put("metadata_version", change.metadataVersion()).put("revision", change.revision());
        metadata(json.putObject("metadata"), change.metadata());
        return json.put("changed_by", change.changedBy()).put("changed_at", time(change.changedAtMillis()));
    }

    static ArrayNode strings(List<String> strings) {
        ArrayNode json = Json.array();
        strings.forEach(json::add);
        return json;
    }

    static ObjectNode frame(String id, WatchFrame frame, String traceId) {
        return switch (frame) {
            case WatchFrame.Subscribed(long revision) -> frame("subscribed", id, revision);
            case WatchFrame.Progress(long revision) -> frame("progress", id, revision);
            case WatchFrame.Resync(long revision, String reason) ->
                frame("resync", id, revision).put("reason", reason);
            case WatchFrame.Change(long revision, List<WatchFrame.Item> items) -> {
                ObjectNode json = frame("change", id, revision);
                ArrayNode changes = json.putArray("changes");
                items.forEach(item -> changes.add(change(item)));
                yield json;
            }
            case WatchFrame.Failed failed -> {
                // RFC 9457 has a member "type" too; ours comes first by contract, so the problem's becomes a sibling.
                ObjectNode json = frame("error", id, failed.revision());
                ObjectNode problem = HttpErrorMapper.problem(failed.error(), traceId);
                problem.properties().forEach(member -> json.putIfAbsent(member.getKey(), member.getValue()));
                yield json;
            }
        };
    }

    private static ObjectNode frame(String type, String id, long revision) {
        return Json.object().put("type", type).put("id", id).put("revision", revision);
    }

    private static ObjectNode change(WatchFrame.Item item) {
        ObjectNode json = Json.object().put("event_type", item.deleted() ? "DELETE" : "UPSERT");
        key(json, item.key()).put("config_name", item.key().name());
        return json.put("new_version", item.newVersion())
                .put("hash", prefixed(item.hash()))
                .put("description", item.description())
                .put("timestamp", time(item.timestampMillis()));
    }

    private static @Nullable String prefixed(@Nullable String hash) {
        return hash == null ? null : "sha256:" + hash;
    }

    static String time(long millis) {
        return Instant.ofEpochMilli(millis).toString();
    }
}
