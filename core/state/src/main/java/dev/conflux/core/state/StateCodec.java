package dev.conflux.core.state;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;
import com.google.protobuf.UnsafeByteOperations;
import dev.conflux.core.model.ApprovalSettings;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.CompatibilityPolicy;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.MetadataChange;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.state.proto.StateProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Model values to stored messages and back. */
final class StateCodec {

    private StateCodec() {}

    /** Parses stored bytes; damage is a store failure, for it cannot come from a command. */
    static <T> T parse(Parser<T> parser, byte[] bytes) {
        try {
            return parser.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new StateStoreException("a stored value cannot be read", e);
        }
    }

    static Config config(byte[] bytes) {
        return config(parse(StateProto.ConfigValue.parser(), bytes));
    }

    static ConfigVersion version(byte[] bytes) {
        return version(parse(StateProto.VersionValue.parser(), bytes));
    }

    static StateProto.Key key(ConfigKey key) {
        return StateProto.Key.newBuilder()
                .setTenant(key.namespace().tenant())
                .setApp(key.namespace().app())
                .setEnv(key.namespace().env())
                .setName(key.name())
                .build();
    }

    static ConfigKey key(StateProto.Key key) {
        return ConfigKey.of(key.getTenant(), key.getApp(), key.getEnv(), key.getName());
    }

    static StateProto.ConfigValue config(Config config) {
        var value = StateProto.ConfigValue.newBuilder()
                .setId(config.id())
                .setKey(key(config.key()))
                .setLatestVersionId(config.latestVersionId())
                .setMetadataVersion(config.metadataVersion())
                .setReleasesRevision(config.releasesRevision())
                .setMetadata(metadata(config.metadata()))
                .setCreatedAtMillis(config.createdAtMillis())
                .setUpdatedAtMillis(config.updatedAtMillis());
        for (Release release : config.releases()) {
            value.addReleases(rule(release));
        }
        return value.build();
    }

    static Config config(StateProto.ConfigValue value) {
        return new Config(
                value.getId(),
                key(value.getKey()),
                value.getLatestVersionId(),
                value.getMetadataVersion(),
                value.getReleasesRevision(),
                rules(value.getReleasesList()),
                metadata(value.getMetadata()),
                value.getCreatedAtMillis(),
                value.getUpdatedAtMillis());
    }

    static StateProto.VersionValue version(ConfigVersion version) {
        var value = StateProto.VersionValue.newBuilder()
                .setConfigId(version.configId())
                .setId(version.id())
                .setHash(version.hash())
                .setSizeBytes(version.sizeBytes())
                .setFormat(version.format().name())
                .setDescription(version.description())
                .setCreatedBy(version.createdBy())
                .setCreatedAtMillis(version.createdAtMillis());
        if (version.encryption() != null) {
            value.setEncryption(encryption(version.encryption()));
        }
        if (version.schema() != null) {
            value.setSchema(version.schema());
        }
        return value.build();
    }

    static ConfigVersion version(StateProto.VersionValue value) {
        return new ConfigVersion(
                value.getConfigId(),
                value.getId(),
                value.getHash(),
                value.getSizeBytes(),
                format(value.getFormat()),
                value.hasEncryption() ? encryption(value.getEncryption()) : null,
                value.hasSchema() ? value.getSchema() : null,
                value.getDescription(),
                value.getCreatedBy(),
                value.getCreatedAtMillis());
    }

    static Format format(String name) {
        // The usual ones without a new object each.
        return Format.named(name).orElseGet(() -> new Format(name));
    }

    static StateProto.EncryptionValue encryption(Encryption encryption) {
        return StateProto.EncryptionValue.newBuilder()
                .setAlgorithm(encryption.algorithm())
                .setWrappedDek(wrap(encryption.wrappedDek()))
                .setKekId(encryption.kekId())
                .setNonce(wrap(encryption.nonce()))
                .build();
    }

    static Encryption encryption(StateProto.EncryptionValue value) {
        return new Encryption(
                value.getAlgorithm(),
                value.getWrappedDek().toByteArray(),
                value.getKekId(),
                value.getNonce().toByteArray());
    }

    static StateProto.Rule rule(Release release) {
        var value = StateProto.Rule.newBuilder()
                .setVersionId(release.versionId())
                .setPriority(release.priority())
                .setBucketBy(release.bucketBy())
                .setSalt(release.salt());
        if (release.percentage() != null) {
            value.setPercentage(release.percentage());
        }
        for (Map.Entry<String, String> label : release.labels().entrySet()) {
            value.addLabels(pair(label));
        }
        return value.build();
    }

    static Release rule(StateProto.Rule value) {
        return new Release(
                pairs(value.getLabelsList()),
                value.getVersionId(),
                value.getPriority(),
                value.hasPercentage() ? value.getPercentage() : null,
                value.getBucketBy(),
                value.getSalt());
    }

    static List<Release> rules(List<StateProto.Rule> values) {
        var rules = new ArrayList<Release>(values.size());
        for (StateProto.Rule value : values) {
            rules.add(rule(value));
        }
        return rules;
    }

    static StateProto.Pair pair(Map.Entry<String, String> entry) {
        return StateProto.Pair.newBuilder()
                .setKey(entry.getKey())
                .setValue(entry.getValue())
                .build();
    }

    static SortedMap<String, String> pairs(List<StateProto.Pair> pairs) {
        var map = new TreeMap<String, String>();
        for (StateProto.Pair pair : pairs) {
            map.put(pair.getKey(), pair.getValue());
        }
        return map;
    }

    static StateProto.Retention retention(RetentionPolicy retention) {
        var value = StateProto.Retention.newBuilder();
        if (retention.days() != null) {
            value.setDays(retention.days());
        }
        if (retention.count() != null) {
            value.setCount(retention.count());
        }
        return value.setStrategy(
                        switch (retention.strategy()) {
                            case OR -> 0;
                            case AND -> 1;
                            case KEEP_ALL -> 2;
                        })
                .build();
    }

    static RetentionPolicy retention(StateProto.Retention value) {
        return new RetentionPolicy(
                value.hasDays() ? value.getDays() : null,
                value.hasCount() ? value.getCount() : null,
                switch (value.getStrategy()) {
                    case 0 -> RetentionPolicy.Strategy.OR;
                    case 1 -> RetentionPolicy.Strategy.AND;
                    case 2 -> RetentionPolicy.Strategy.KEEP_ALL;
                    default -> throw new UnknownCommandException("retention strategy: " + value.getStrategy());
                });
    }

    static StateProto.Approval approval(ApprovalSettings approval) {
        var value = StateProto.Approval.newBuilder().setRequired(approval.required());
        if (approval.webhookId() != null) {
            value.setWebhookId(approval.webhookId());
        }
        return value.build();
    }

    static ApprovalSettings approval(StateProto.Approval value) {
        return value.getRequired() || value.hasWebhookId()
                ? new ApprovalSettings(value.getRequired(), value.hasWebhookId() ? value.getWebhookId() : null)
                : ApprovalSettings.NONE;
    }

    static StateProto.MetadataValue metadata(Metadata metadata) {
        var value = StateProto.MetadataValue.newBuilder()
                .setDescription(metadata.description())
                .setRetention(retention(metadata.retention()))
                .setCasRequired(metadata.casRequired())
                .setMetadataCasRequired(metadata.metadataCasRequired())
                .setApproval(approval(metadata.approval()))
                .setCompatibility(metadata.compatibility().number());
        if (metadata.schema() != null) {
            value.setSchema(metadata.schema());
        }
        for (Map.Entry<String, String> attribute : metadata.customAttrs().entrySet()) {
            value.addCustomAttrs(pair(attribute));
        }
        return value.build();
    }

    static Metadata metadata(StateProto.MetadataValue value) {
        return new Metadata(
                value.getDescription(),
                value.hasSchema() ? value.getSchema() : null,
                retention(value.getRetention()),
                pairs(value.getCustomAttrsList()),
                value.getCasRequired(),
                value.getMetadataCasRequired(),
                approval(value.getApproval()),
                compatibility(value.getCompatibility()));
    }

    static CompatibilityPolicy compatibility(int number) {
        for (CompatibilityPolicy policy : CompatibilityPolicy.values()) {
            if (policy.number() == number) {
                return policy;
            }
        }
        throw new UnknownCommandException("compatibility: " + number + " (not known to this version)");
    }

    static byte[] releaseChange(ReleaseChange change) {
        var value = StateProto.ReleaseChangeValue.newBuilder()
                .setConfigId(change.configId())
                .setReleasesRevision(change.releasesRevision())
                .setRevision(change.revision())
                .setComment(change.comment())
                .setChangedBy(change.changedBy())
                .setAction(change.action())
                .setChangedAtMillis(change.changedAtMillis());
        change.before().forEach(rule -> value.addBefore(rule(rule)));
        change.after().forEach(rule -> value.addAfter(rule(rule)));
        return value.build().toByteArray();
    }

    static ReleaseChange releaseChange(byte[] bytes) {
        var value = parse(StateProto.ReleaseChangeValue.parser(), bytes);
        return new ReleaseChange(
                value.getConfigId(),
                value.getReleasesRevision(),
                value.getRevision(),
                rules(value.getBeforeList()),
                rules(value.getAfterList()),
                value.getComment(),
                value.getChangedBy(),
                value.getAction(),
                value.getChangedAtMillis());
    }

    static byte[] metadataChange(MetadataChange change) {
        return StateProto.MetadataChangeValue.newBuilder()
                .setConfigId(change.configId())
                .setMetadataVersion(change.metadataVersion())
                .setRevision(change.revision())
                .setMetadata(metadata(change.metadata()))
                .setChangedBy(change.changedBy())
                .setChangedAtMillis(change.changedAtMillis())
                .build()
                .toByteArray();
    }

    static MetadataChange metadataChange(byte[] bytes) {
        var value = parse(StateProto.MetadataChangeValue.parser(), bytes);
        return new MetadataChange(
                value.getConfigId(),
                value.getMetadataVersion(),
                value.getRevision(),
                metadata(value.getMetadata()),
                value.getChangedBy(),
                value.getChangedAtMillis());
    }

    static byte[] usage(TenantUsage usage) {
        return StateProto.TenantValue.newBuilder()
                .setConfigs(usage.configs())
                .setVersions(usage.versions())
                .setContentBytes(usage.contentBytes())
                .build()
                .toByteArray();
    }

    static TenantUsage usage(byte[] bytes) {
        var value = parse(StateProto.TenantValue.parser(), bytes);
        return new TenantUsage(value.getConfigs(), value.getVersions(), value.getContentBytes());
    }

    static byte[] event(ChangeEvent event) {
        var value = StateProto.EventValue.newBuilder()
                .setRevision(event.revision())
                .setConfigId(event.configId())
                .setKey(key(event.key()))
                .setDeleted(event.deleted())
                .setTimestampMillis(event.timestampMillis());
        event.before().forEach(rule -> value.addBefore(rule(rule)));
        event.after().forEach(rule -> value.addAfter(rule(rule)));
        for (Map.Entry<Long, ChangeEvent.VersionSummary> version :
                event.versions().entrySet()) {
            var summary = StateProto.VersionSummaryValue.newBuilder()
                    .setId(version.getKey())
                    .setHash(version.getValue().hash());
            if (version.getValue().description() != null) {
                summary.setDescription(version.getValue().description());
            }
            value.addVersions(summary);
        }
        return value.build().toByteArray();
    }

    static ChangeEvent event(byte[] bytes) {
        var value = parse(StateProto.EventValue.parser(), bytes);
        var versions = new TreeMap<Long, ChangeEvent.VersionSummary>();
        for (StateProto.VersionSummaryValue version : value.getVersionsList()) {
            versions.put(
                    version.getId(),
                    new ChangeEvent.VersionSummary(
                            version.getHash(), version.hasDescription() ? version.getDescription() : null));
        }
        return new ChangeEvent(
                value.getRevision(),
                value.getConfigId(),
                key(value.getKey()),
                rules(value.getBeforeList()),
                rules(value.getAfterList()),
                versions,
                value.getDeleted(),
                value.getTimestampMillis());
    }

    /** No copy: the arrays of commands and values are never modified. */
    static ByteString wrap(byte[] bytes) {
        return UnsafeByteOperations.unsafeWrap(bytes);
    }
}
