package dev.conflux.core.service;

import dev.conflux.core.format.ContentSchemas;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxError.Violation;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.MetadataChange;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.Namespace;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.state.StateReader;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Life of a config, except its content and its rules. Blocks: virtual threads only. */
public final class ConfigService {

    /**
     * A config to create, with its version 1.
     *
     * @param releases rules to start with; a rule without a version id means version 1
     * @param publishInitial true: version 1 is served to everybody at once; only without {@code releases}
     */
    public record NewConfig(
            ConfigKey key,
            Metadata metadata,
            NewContent initial,
            List<ReleaseSpec> releases,
            boolean publishInitial,
            String comment) {}

    /** Which configs to list; null = all. {@code after} is exclusive. */
    public record Filter(
            @Nullable String tenant,
            @Nullable String app,
            @Nullable String env,
            @Nullable String name,
            @Nullable ConfigKey after,
            int limit) {}

    /** What a change of metadata does about versions that the new schema does not accept. */
    public enum SchemaCheck {
        REFUSE,
        WARN
    }

    /** A config after a change of its metadata. */
    public record Patched(Config config, List<String> warnings) {}

    private final CommandLog log;
    private final ConfigDirectory configs;
    private final ContentJudge judge;

    public ConfigService(CommandLog log, StateReader reader, Authorizer authorizer, ReadGate gate) {
        this.log = log;
        this.configs = new ConfigDirectory(reader, authorizer, gate);
        this.judge = new ContentJudge(reader, log);
    }

    public Written<Result.ConfigCreated> create(Caller caller, NewConfig request) {
        var resource = new Resource.OfConfig(request.key());
        configs.authorizer().authorize(caller.principal(), Action.WRITE, resource);
        boolean releases = request.publishInitial() || !request.releases().isEmpty();
        if (releases) {
            configs.authorizer().authorize(caller.principal(), Action.PUBLISH, resource);
        }
        if (request.publishInitial() && !request.releases().isEmpty()) {
            throw Limits.refusal("publish_initial", "true", "false when releases are given");
        }
        checkMetadata(request.metadata());
        NewVersion initial = judge.first(caller, request.metadata().schema(), request.initial());
        List<PlannedRelease> planned = request.publishInitial()
                ? List.of(new PlannedRelease(Release.defaultTo(1), true))
                : ReleaseSpec.checkedAll(request.releases(), false);
        Outcome.Accepted accepted = log.submit(
                caller,
                new Command.CreateConfig(
                        request.key(),
                        request.metadata(),
                        initial,
                        planned,
                        Limits.text("comment", request.comment())));
        return new Written<>(accepted.revision(), accepted.replayed(), (Result.ConfigCreated) accepted.result());
    }

    public Config get(Principal principal, long id) {
        return configs.require(principal, Action.READ, id);
    }

    /** In the order of their full names; only what the principal may list. */
    public Page<Config> list(Principal principal, Filter filter) {
        int limit = Limits.pageSize(filter.limit());
        Resource resource = filter.tenant() != null && filter.app() != null && filter.env() != null
                ? new Resource.OfNamespace(new Namespace(filter.tenant(), filter.app(), filter.env()))
                : new Resource.Everything();
        configs.authorizer().authorize(principal, Action.LIST, resource);
        return Page.cut(
                configs.reader()
                        .configs(
                                filter.tenant(),
                                filter.app(),
                                filter.env(),
                                filter.name(),
                                filter.after(),
                                Page.reading(limit)),
                limit);
    }

    /** A new schema must fit the live versions: the newest, and those that rules serve. */
    public Written<Patched> patch(
            Caller caller, long id, MetadataPatch patch, @Nullable Long casMetadata, SchemaCheck check) {
        Optional<Config> config = configs.requireForWrite(caller, Action.WRITE, id);
        if (patch.description() != null) {
            Limits.text("description", patch.description());
        }
        if (patch.schema() != null) {
            Limits.schema(patch.schema());
            ContentSchemas.compiled(patch.schema());
        }
        List<String> warnings = List.of();
        if (patch.schema() != null && config.isPresent() && !log.remembers(caller)) {
            warnings = checkLiveVersions(config.get(), patch.schema(), check);
        }
        if (patch.retention() != null) {
            checkRetention(patch.retention());
        }
        Limits.attributes(patch.customAttrs());
        Limits.atMost("custom_attrs", Limits.MAX_ATTRIBUTES, patch.removedAttrs())
                .forEach(Limits::attributeName);
        Outcome.Accepted accepted = log.submit(caller, new Command.UpdateMetadata(id, patch, casMetadata));
        Config changed = ((Result.MetadataUpdated) accepted.result()).config();
        return new Written<>(accepted.revision(), accepted.replayed(), new Patched(changed, warnings));
    }

    private List<String> checkLiveVersions(Config config, String schema, SchemaCheck check) {
        List<Violation> violations = judge.violations(config, schema);
        if (violations.isEmpty()) {
            return List.of();
        }
        if (check == SchemaCheck.REFUSE) {
            throw new ConfluxException(new ConfluxError.InvalidContent(ErrorCode.SCHEMA_VIOLATION, violations));
        }
        return violations.stream()
                .map(violation -> "schema: " + ContentJudge.line(violation))
                .toList();
    }

    /** Newest first; {@code before} is exclusive. */
    public Page<MetadataChange> metadataHistory(Principal principal, long id, long before, int limit) {
        configs.require(principal, Action.READ, id);
        return Page.cut(configs.reader().metadataHistory(id, before, Page.reading(Limits.pageSize(limit))), limit);
    }

    private static void checkMetadata(Metadata metadata) {
        Limits.text("description", metadata.description());
        if (metadata.schema() != null) {
            Limits.schema(metadata.schema());
            ContentSchemas.compiled(metadata.schema());
        }
        checkRetention(metadata.retention());
        Limits.attributes(metadata.customAttrs());
    }

    static void checkRetention(RetentionPolicy policy) {
        checkLimit("retention_policy.days", policy.days(), RetentionPolicy.MAX_DAYS);
        checkLimit("retention_policy.count", policy.count(), RetentionPolicy.MAX_COUNT);
    }

    private static void checkLimit(String field, @Nullable Integer value, int max) {
        if (value != null && (value < 1 || value > max)) {
            throw Limits.refusal(field, value.toString(), "1 to " + max);
        }
    }
}
