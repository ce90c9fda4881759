package dev.conflux.core.state;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import dev.conflux.consensus.api.RequestId;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.state.proto.LogProto;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The log's encoding: protobuf with explicit tags, so that every version ever released stays readable. What cannot be
 * read is an {@link UnknownCommandException}, never a guess.
 */
public final class CommandCodec {

    /** Moves only when old nodes must not read what new nodes write; a new optional field does not move it. */
    static final int FORMAT_VERSION = 1;

    private static final int EMERGENCY = 1;
    private static final int STABLE_ONLY = 2;

    private CommandCodec() {}

    public static byte[] encode(CommandEnvelope envelope) {
        var log = LogProto.Envelope.newBuilder()
                .setFormatVersion(FORMAT_VERSION)
                .setAuthor(envelope.author())
                .setAuthorId(envelope.authorId())
                .setTraceId(envelope.traceId())
                .setTraceSpan(envelope.traceSpan());
        switch (envelope.dedupKey()) {
            case CommandEnvelope.IdempotencyKey key ->
                log.setIdempotency(LogProto.Idempotency.newBuilder()
                        .setScope(key.scope())
                        .setKey(key.key())
                        .setRequestHash(StateCodec.wrap(key.requestHash())));
            case CommandEnvelope.RequestKey key ->
                log.setRequest(LogProto.Request.newBuilder()
                        .setIdHigh(key.id().high())
                        .setIdLow(key.id().low())
                        .setAfterIndex(key.afterIndex()));
            case null -> {}
        }
        switch (envelope.command()) {
            case Command.CreateConfig command -> {
                var value = LogProto.CreateConfig.newBuilder()
                        .setKey(StateCodec.key(command.key()))
                        .setMetadata(StateCodec.metadata(command.metadata()))
                        .setInitial(newVersion(command.initial()))
                        .setComment(command.comment());
                command.releases().forEach(rule -> value.addReleases(planned(rule)));
                log.setCreateConfig(value);
            }
            case Command.CreateVersion command -> {
                var value = LogProto.CreateVersion.newBuilder()
                        .setConfigId(command.configId())
                        .setVersion(newVersion(command.version()));
                if (command.casContent() != null) {
                    value.setCasContent(command.casContent());
                }
                log.setCreateVersion(value);
            }
            case Command.UpdateMetadata command -> {
                var value = LogProto.UpdateMetadata.newBuilder()
                        .setConfigId(command.configId())
                        .setPatch(patch(command.patch()));
                if (command.casMetadata() != null) {
                    value.setCasMetadata(command.casMetadata());
                }
                log.setUpdateMetadata(value);
            }
            case Command.UpdateReleases command -> {
                var value = LogProto.UpdateReleases.newBuilder()
                        .setConfigId(command.configId())
                        .setComment(command.comment());
                command.releases().forEach(rule -> value.addReleases(planned(rule)));
                if (command.casReleases() != null) {
                    value.setCasReleases(command.casReleases());
                }
                log.setUpdateReleases(value);
            }
            case Command.Publish command -> {
                var value = LogProto.Publish.newBuilder().setComment(command.comment());
                command.items().forEach(item -> value.addItems(item(item)));
                log.setPublish(value);
            }
            case Command.Rollback command -> {
                var value = LogProto.Rollback.newBuilder()
                        .setConfigId(command.configId())
                        .setTargetVersionId(command.targetVersionId())
                        .setMode(
                                switch (command.mode()) {
                                    case EMERGENCY -> EMERGENCY;
                                    case STABLE_ONLY -> STABLE_ONLY;
                                })
                        .setComment(command.comment());
                if (command.casReleases() != null) {
                    value.setCasReleases(command.casReleases());
                }
                log.setRollback(value);
            }
            case Command.DeleteConfig command ->
                log.setDeleteConfig(LogProto.DeleteConfig.newBuilder().setConfigId(command.configId()));
            case Command.PruneVersions command -> log.setPruneVersions(GcCodec.prune(command));
            case Command.Gc command -> log.setGc(GcCodec.gc(command));
            case Command.Trash command -> log.setTrash(GcCodec.trash(command));
            case RolloutCommand.StartRollout command -> log.setStartRollout(DeliveryCodec.start(command));
            case Command.Delivery command -> log.setDelivery(DeliveryCodec.command(command));
        }
        return log.build().toByteArray();
    }

    /**
     * Reads {@link #encode}'s bytes.
     *
     * @throws UnknownCommandException when this version cannot
     */
    public static CommandEnvelope decode(byte[] bytes) {
        LogProto.Envelope log;
        try {
            log = LogProto.Envelope.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new UnknownCommandException("command: " + bytes.length + " bytes that are not a command", e);
        }
        if (log.getFormatVersion() != FORMAT_VERSION) {
            throw new UnknownCommandException("command format: " + log.getFormatVersion() + " (this version reads "
                    + FORMAT_VERSION + "; upgrade this node)");
        }
        try {
            return new CommandEnvelope(
                    log.getAuthor(),
                    log.getAuthorId(),
                    log.getTraceId(),
                    dedupKey(log),
                    command(log),
                    log.getTraceSpan());
        } catch (ConfluxException | IllegalArgumentException e) {
            throw new UnknownCommandException("command: a value that no command may hold", e);
        }
    }

    /**
     * Where spans about a command belong.
     *
     * @param traceId 32 hex digits
     * @param spanId 0 = nobody wants any
     */
    public record TraceParent(String traceId, long spanId) {

        private static final TraceParent NONE = new TraceParent("", 0);
    }

    /** Reads two fields of {@link #encode}'s bytes and skips the rest; {@code spanId} 0 when they cannot be read. */
    public static TraceParent traceParent(byte[] bytes) {
        String traceId = "";
        long spanId = 0;
        try {
            CodedInputStream in = CodedInputStream.newInstance(bytes);
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                switch (WireFormat.getTagFieldNumber(tag)) {
                    case LogProto.Envelope.TRACE_ID_FIELD_NUMBER -> traceId = in.readString();
                    case LogProto.Envelope.TRACE_SPAN_FIELD_NUMBER -> spanId = in.readFixed64();
                    default -> in.skipField(tag);
                }
            }
        } catch (IOException e) {
            return TraceParent.NONE; // Apply says what is wrong with it.
        }
        return spanId == 0 ? TraceParent.NONE : new TraceParent(traceId, spanId);
    }

    public static byte[] encodeOutcome(Outcome outcome) {
        var value = LogProto.OutcomeValue.newBuilder().setFormatVersion(FORMAT_VERSION);
        switch (outcome) {
            case Outcome.Accepted accepted -> {
                value.setRevision(accepted.revision()).setReplayed(accepted.replayed());
                switch (accepted.result()) {
                    case Result.ConfigCreated result ->
                        value.setConfigCreated(LogProto.ConfigCreated.newBuilder()
                                .setConfig(StateCodec.config(result.config()))
                                .setVersion(StateCodec.version(result.version())));
                    case Result.VersionCreated result ->
                        value.setVersionCreated(
                                LogProto.VersionCreated.newBuilder().setVersion(StateCodec.version(result.version())));
                    case Result.MetadataUpdated result ->
                        value.setMetadataUpdated(
                                LogProto.MetadataUpdated.newBuilder().setConfig(StateCodec.config(result.config())));
                    case Result.ReleasesUpdated result ->
                        value.setReleasesUpdated(
                                LogProto.ReleasesUpdated.newBuilder().setConfig(StateCodec.config(result.config())));
                    case Result.Published result -> {
                        var published = LogProto.Published.newBuilder();
                        for (Result.PublishedItem item : result.items()) {
                            var one = LogProto.PublishedItem.newBuilder()
                                    .setConfig(StateCodec.config(item.config()))
                                    .setVersion(StateCodec.version(item.version()));
                            if (item.promotion() != null) {
                                one.setPromotion(DeliveryCodec.schedule(item.promotion()));
                            }
                            published.addItems(one);
                        }
                        value.setPublished(published);
                    }
                    case Result.RolledBack result ->
                        value.setRolledBack(LogProto.RolledBack.newBuilder()
                                .setConfig(StateCodec.config(result.config()))
                                .setVersionId(result.versionId()));
                    case Result.VersionsPruned result ->
                        value.setVersionsPruned(LogProto.VersionsPruned.newBuilder()
                                .setConfigId(result.configId())
                                .setVersions(result.versions())
                                .setContentBytes(result.contentBytes())
                                .setHistoryEntries(result.historyEntries()));
                    case Result.ConfigRestored result ->
                        value.setConfigRestored(
                                LogProto.ConfigRestored.newBuilder().setConfig(StateCodec.config(result.config())));
                    case Result.TrashRemoved result ->
                        value.setTrashRemoved(LogProto.TrashRemoved.newBuilder()
                                .setConfigId(result.configId())
                                .setVersions(result.versions())
                                .setContentBytes(result.contentBytes())
                                .setComplete(result.complete()));
                    case Result.GcMoved result -> value.setGcMoved(GcCodec.state(result.state()));
                    case Result.ConfigDeleted result ->
                        value.setConfigDeleted(LogProto.ConfigDeleted.newBuilder()
                                .setConfigId(result.configId())
                                .setKey(StateCodec.key(result.key())));
                    case Result.ScheduleChanged result ->
                        value.setScheduleChanged(DeliveryCodec.schedule(result.schedule()));
                    case Result.RolloutChanged result ->
                        value.setRolloutChanged(LogProto.RolloutChanged.newBuilder()
                                .setRollout(DeliveryCodec.rollout(result.rollout()))
                                .setConfig(StateCodec.config(result.config())));
                }
            }
            case Outcome.Rejected rejected ->
                value.setRevision(rejected.revision())
                        .setReplayed(rejected.replayed())
                        .setRejected(ErrorCodec.encode(rejected.error()));
        }
        return value.build().toByteArray();
    }

    /**
     * Reads {@link #encodeOutcome}'s bytes.
     *
     * @throws UnknownCommandException when this version cannot
     */
    public static Outcome decodeOutcome(byte[] bytes) {
        LogProto.OutcomeValue value;
        try {
            value = LogProto.OutcomeValue.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new UnknownCommandException("outcome: " + bytes.length + " bytes that are not an outcome", e);
        }
        if (value.getFormatVersion() != FORMAT_VERSION) {
            throw new UnknownCommandException(
                    "outcome format: " + value.getFormatVersion() + " (this version reads " + FORMAT_VERSION + ")");
        }
        Result result = switch (value.getOutcomeCase()) {
            case REJECTED -> null;
            case CONFIG_CREATED ->
                new Result.ConfigCreated(
                        StateCodec.config(value.getConfigCreated().getConfig()),
                        StateCodec.version(value.getConfigCreated().getVersion()));
            case VERSION_CREATED ->
                new Result.VersionCreated(
                        StateCodec.version(value.getVersionCreated().getVersion()));
            case METADATA_UPDATED ->
                new Result.MetadataUpdated(
                        StateCodec.config(value.getMetadataUpdated().getConfig()));
            case RELEASES_UPDATED ->
                new Result.ReleasesUpdated(
                        StateCodec.config(value.getReleasesUpdated().getConfig()));
            case PUBLISHED ->
                new Result.Published(value.getPublished().getItemsList().stream()
                        .map(item -> new Result.PublishedItem(
                                StateCodec.config(item.getConfig()),
                                StateCodec.version(item.getVersion()),
                                item.hasPromotion() ? DeliveryCodec.schedule(item.getPromotion()) : null))
                        .toList());
            case ROLLED_BACK ->
                new Result.RolledBack(
                        StateCodec.config(value.getRolledBack().getConfig()),
                        value.getRolledBack().getVersionId());
            case CONFIG_DELETED ->
                new Result.ConfigDeleted(
                        value.getConfigDeleted().getConfigId(),
                        StateCodec.key(value.getConfigDeleted().getKey()));
            case VERSIONS_PRUNED ->
                new Result.VersionsPruned(
                        value.getVersionsPruned().getConfigId(),
                        value.getVersionsPruned().getVersions(),
                        value.getVersionsPruned().getContentBytes(),
                        value.getVersionsPruned().getHistoryEntries());
            case CONFIG_RESTORED ->
                new Result.ConfigRestored(
                        StateCodec.config(value.getConfigRestored().getConfig()));
            case TRASH_REMOVED ->
                new Result.TrashRemoved(
                        value.getTrashRemoved().getConfigId(),
                        value.getTrashRemoved().getVersions(),
                        value.getTrashRemoved().getContentBytes(),
                        value.getTrashRemoved().getComplete());
            case GC_MOVED -> new Result.GcMoved(GcCodec.state(value.getGcMoved()));
            case ROLLOUT_CHANGED ->
                new Result.RolloutChanged(
                        DeliveryCodec.rollout(value.getRolloutChanged().getRollout()),
                        StateCodec.config(value.getRolloutChanged().getConfig()));
            case SCHEDULE_CHANGED -> new Result.ScheduleChanged(DeliveryCodec.schedule(value.getScheduleChanged()));
            case OUTCOME_NOT_SET ->
                throw new UnknownCommandException("outcome: of a kind that this version does not know");
        };
        return result == null
                ? new Outcome.Rejected(value.getRevision(), ErrorCodec.decode(value.getRejected()), value.getReplayed())
                : new Outcome.Accepted(value.getRevision(), result, value.getReplayed());
    }

    private static CommandEnvelope.@Nullable DedupKey dedupKey(LogProto.Envelope log) {
        if (log.hasIdempotency()) {
            LogProto.Idempotency value = log.getIdempotency();
            return new CommandEnvelope.IdempotencyKey(
                    value.getScope(), value.getKey(), value.getRequestHash().toByteArray());
        }
        if (log.hasRequest()) {
            LogProto.Request value = log.getRequest();
            return new CommandEnvelope.RequestKey(
                    new RequestId(value.getIdHigh(), value.getIdLow()), value.getAfterIndex());
        }
        return null;
    }

    private static Command command(LogProto.Envelope log) {
        return switch (log.getCommandCase()) {
            case CREATE_CONFIG -> {
                LogProto.CreateConfig value = log.getCreateConfig();
                yield new Command.CreateConfig(
                        StateCodec.key(value.getKey()),
                        StateCodec.metadata(value.getMetadata()),
                        newVersion(value.getInitial()),
                        planned(value.getReleasesList()),
                        value.getComment());
            }
            case CREATE_VERSION -> {
                LogProto.CreateVersion value = log.getCreateVersion();
                yield new Command.CreateVersion(
                        value.getConfigId(),
                        newVersion(value.getVersion()),
                        value.hasCasContent() ? value.getCasContent() : null);
            }
            case UPDATE_METADATA -> {
                LogProto.UpdateMetadata value = log.getUpdateMetadata();
                yield new Command.UpdateMetadata(
                        value.getConfigId(),
                        patch(value.getPatch()),
                        value.hasCasMetadata() ? value.getCasMetadata() : null);
            }
            case UPDATE_RELEASES -> {
                LogProto.UpdateReleases value = log.getUpdateReleases();
                yield new Command.UpdateReleases(
                        value.getConfigId(),
                        planned(value.getReleasesList()),
                        value.getComment(),
                        value.hasCasReleases() ? value.getCasReleases() : null);
            }
            case PUBLISH -> {
                var items = new ArrayList<Command.PublishItem>(log.getPublish().getItemsCount());
                for (LogProto.PublishItem item : log.getPublish().getItemsList()) {
                    items.add(item(item));
                }
                yield new Command.Publish(items, log.getPublish().getComment());
            }
            case ROLLBACK -> {
                LogProto.Rollback value = log.getRollback();
                yield new Command.Rollback(
                        value.getConfigId(),
                        value.getTargetVersionId(),
                        switch (value.getMode()) {
                            case EMERGENCY -> Command.RollbackMode.EMERGENCY;
                            case STABLE_ONLY -> Command.RollbackMode.STABLE_ONLY;
                            default -> throw new UnknownCommandException("rollback mode: " + value.getMode());
                        },
                        value.getComment(),
                        value.hasCasReleases() ? value.getCasReleases() : null);
            }
            case DELETE_CONFIG -> new Command.DeleteConfig(log.getDeleteConfig().getConfigId());
            case PRUNE_VERSIONS -> GcCodec.prune(log.getPruneVersions());
            case GC -> GcCodec.gc(log.getGc());
            case TRASH -> GcCodec.trash(log.getTrash());
            case START_ROLLOUT -> DeliveryCodec.start(log.getStartRollout());
            case DELIVERY -> DeliveryCodec.command(log.getDelivery());
            case COMMAND_NOT_SET ->
                throw new UnknownCommandException("command: of a kind that this version does not know; fields "
                        + log.getUnknownFields().asMap().keySet() + " (upgrade this node)");
        };
    }

    static LogProto.NewVersionValue newVersion(NewVersion version) {
        var value = LogProto.NewVersionValue.newBuilder()
                .setContent(StateCodec.wrap(version.content()))
                .setHash(version.hash())
                .setFormat(version.format().name())
                .setDescription(version.description());
        if (version.schema() != null) {
            value.setSchema(version.schema());
        }
        if (version.encryption() != null) {
            value.setEncryption(StateCodec.encryption(version.encryption()));
        }
        return value.build();
    }

    static NewVersion newVersion(LogProto.NewVersionValue value) {
        return new NewVersion(
                value.getContent().toByteArray(),
                value.getHash(),
                StateCodec.format(value.getFormat()),
                value.getDescription(),
                value.hasSchema() ? value.getSchema() : null,
                value.hasEncryption() ? StateCodec.encryption(value.getEncryption()) : null);
    }

    private static LogProto.PlannedRule planned(Command.PlannedRelease planned) {
        return LogProto.PlannedRule.newBuilder()
                .setRule(StateCodec.rule(planned.rule()))
                .setNewVersion(planned.newVersion())
                .build();
    }

    private static Command.PlannedRelease planned(LogProto.PlannedRule value) {
        return new Command.PlannedRelease(StateCodec.rule(value.getRule()), value.getNewVersion());
    }

    private static List<Command.PlannedRelease> planned(List<LogProto.PlannedRule> values) {
        var rules = new ArrayList<Command.PlannedRelease>(values.size());
        for (LogProto.PlannedRule value : values) {
            rules.add(planned(value));
        }
        return rules;
    }

    private static LogProto.PublishItem item(Command.PublishItem item) {
        var value =
                LogProto.PublishItem.newBuilder().setConfigId(item.configId()).setVersion(newVersion(item.version()));
        switch (item.plan()) {
            case Command.ReleasePlan.MakeDefault() -> value.setMakeDefault(LogProto.MakeDefault.getDefaultInstance());
            case Command.ReleasePlan.Replace(List<Command.PlannedRelease> releases) -> {
                var replace = LogProto.Replace.newBuilder();
                releases.forEach(rule -> replace.addReleases(planned(rule)));
                value.setReplace(replace);
            }
            case Command.ReleasePlan.AddRule(Command.PlannedRelease rule) ->
                value.setAddRule(LogProto.AddRule.newBuilder().setRule(planned(rule)));
        }
        if (item.casContent() != null) {
            value.setCasContent(item.casContent());
        }
        if (item.casReleases() != null) {
            value.setCasReleases(item.casReleases());
        }
        if (item.makeDefaultAfterMinutes() != null) {
            value.setMakeDefaultAfterMinutes(item.makeDefaultAfterMinutes());
        }
        return value.build();
    }

    private static Command.PublishItem item(LogProto.PublishItem value) {
        Command.ReleasePlan plan = switch (value.getPlanCase()) {
            case MAKE_DEFAULT -> new Command.ReleasePlan.MakeDefault();
            case REPLACE ->
                new Command.ReleasePlan.Replace(planned(value.getReplace().getReleasesList()));
            case ADD_RULE ->
                new Command.ReleasePlan.AddRule(planned(value.getAddRule().getRule()));
            case PLAN_NOT_SET ->
                throw new UnknownCommandException("publish: a release plan of a kind that this version does not know");
        };
        return new Command.PublishItem(
                value.getConfigId(),
                newVersion(value.getVersion()),
                plan,
                value.hasCasContent() ? value.getCasContent() : null,
                value.hasCasReleases() ? value.getCasReleases() : null,
                value.hasMakeDefaultAfterMinutes() ? value.getMakeDefaultAfterMinutes() : null);
    }

    private static LogProto.MetadataPatchValue patch(MetadataPatch patch) {
        var value = LogProto.MetadataPatchValue.newBuilder()
                .setRemoveSchema(patch.removeSchema())
                .addAllRemovedAttrs(patch.removedAttrs());
        for (Map.Entry<String, String> attribute : patch.customAttrs().entrySet()) {
            value.addCustomAttrs(StateCodec.pair(attribute));
        }
        if (patch.description() != null) {
            value.setDescription(patch.description());
        }
        if (patch.schema() != null) {
            value.setSchema(patch.schema());
        }
        if (patch.retention() != null) {
            value.setRetention(StateCodec.retention(patch.retention()));
        }
        if (patch.casRequired() != null) {
            value.setCasRequired(patch.casRequired());
        }
        if (patch.metadataCasRequired() != null) {
            value.setMetadataCasRequired(patch.metadataCasRequired());
        }
        if (patch.approval() != null) {
            value.setApproval(StateCodec.approval(patch.approval()));
        }
        if (patch.compatibility() != null) {
            value.setCompatibility(patch.compatibility().number());
        }
        return value.build();
    }

    private static MetadataPatch patch(LogProto.MetadataPatchValue value) {
        @Nullable Boolean casRequired = value.hasCasRequired() ? value.getCasRequired() : null;
        @Nullable Boolean metadataCasRequired = value.hasMetadataCasRequired() ? value.getMetadataCasRequired() : null;
        return new MetadataPatch(
                value.hasDescription() ? value.getDescription() : null,
                value.hasSchema() ? value.getSchema() : null,
                value.getRemoveSchema(),
                value.hasRetention() ? StateCodec.retention(value.getRetention()) : null,
                StateCodec.pairs(value.getCustomAttrsList()),
                value.getRemovedAttrsList(),
                casRequired,
                metadataCasRequired,
                value.hasApproval() ? StateCodec.approval(value.getApproval()) : null,
                value.hasCompatibility() ? StateCodec.compatibility(value.getCompatibility()) : null);
    }
}
