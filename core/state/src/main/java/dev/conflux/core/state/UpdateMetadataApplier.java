package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.MetadataChange;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.Result;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

final class UpdateMetadataApplier implements Applier<Command.UpdateMetadata> {

    @Override
    public Result apply(Command.UpdateMetadata command, StateTransaction transaction) {
        Config config = transaction.config(command.configId());
        ReleaseRules.checkCas(
                ConfluxError.Counter.METADATA,
                command.casMetadata(),
                config.metadataVersion(),
                ReleaseRules.Requirement.of(config.metadata().metadataCasRequired()));
        Metadata metadata = patched(config.metadata(), command.patch());
        checkAttributes(metadata);
        var changed = new Config(
                config.id(),
                config.key(),
                config.latestVersionId(),
                StateTransaction.next("metadata_version", config.metadataVersion()),
                config.releasesRevision(),
                config.releases(),
                metadata,
                config.createdAtMillis(),
                transaction.nowMillis());
        transaction.putConfig(changed);
        transaction.putMetadataChange(new MetadataChange(
                config.id(),
                changed.metadataVersion(),
                transaction.revision(),
                metadata,
                transaction.author(),
                transaction.nowMillis()));
        return new Result.MetadataUpdated(changed);
    }

    private static Metadata patched(Metadata metadata, MetadataPatch patch) {
        var attributes = new TreeMap<>(metadata.customAttrs());
        patch.removedAttrs().forEach(attributes::remove);
        attributes.putAll(patch.customAttrs());
        @Nullable String schema = patch.schema() != null ? patch.schema() : metadata.schema();
        return new Metadata(
                patch.description() != null ? patch.description() : metadata.description(),
                patch.removeSchema() ? null : schema,
                patch.retention() != null ? patch.retention() : metadata.retention(),
                attributes,
                patch.casRequired() != null ? patch.casRequired() : metadata.casRequired(),
                patch.metadataCasRequired() != null ? patch.metadataCasRequired() : metadata.metadataCasRequired(),
                patch.approval() != null ? patch.approval() : metadata.approval(),
                patch.compatibility() != null ? patch.compatibility() : metadata.compatibility());
    }

    /** Depends on what is there already, so only apply can tell. */
    static void checkAttributes(Metadata metadata) {
        int count = metadata.customAttrs().size();
        if (count > StateLimits.MAX_CUSTOM_ATTRS) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "custom_attrs", Integer.toString(count), "at most " + StateLimits.MAX_CUSTOM_ATTRS));
        }
    }
}
