package dev.conflux.protocol.http;

import dev.conflux.core.model.ApprovalSettings;
import dev.conflux.core.model.Command.RollbackMode;
import dev.conflux.core.model.CompatibilityPolicy;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.MetadataChange;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.Names;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Text;
import dev.conflux.core.service.ConfigService;
import dev.conflux.core.service.ContentFormats;
import dev.conflux.core.service.NewContent;
import dev.conflux.core.service.Page;
import dev.conflux.core.service.PublishService;
import dev.conflux.core.service.PublishService.Item;
import dev.conflux.core.service.PublishService.Plan;
import dev.conflux.core.service.PublishService.StrategyType;
import dev.conflux.core.service.PublishService.Target;
import dev.conflux.core.service.ReleaseService;
import dev.conflux.core.service.ReleaseSpec;
import dev.conflux.core.service.TrashService;
import dev.conflux.core.service.VersionService;
import dev.conflux.core.service.Written;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code /api/v1/mgt}: parses, calls a service, writes its answer. */
final class ManagementEndpoints {

    private final HttpServices services;

    ManagementEndpoints(HttpServices services) {
        this.services = services;
    }

    // ---- configs

    Reply createConfig(Request request) {
        request.allowQuery(false);
        refuseServerSideEncryption(request);
        JsonBody body = request.json();
        ConfigKey key =
                ConfigKey.of(body.string("tenant"), body.string("app"), body.string("env"), body.string("name"));
        String description = body.string("description", "");
        var metadata = new Metadata(
                description,
                body.optionalSchema("schema"),
                RetentionJson.read(body),
                new TreeMap<>(body.strings("custom_attrs")),
                body.bool("cas_required", false),
                body.bool("metadata_cas_required", false),
                approval(body, ApprovalSettings.NONE),
                Objects.requireNonNullElse(compatibility(body), CompatibilityPolicy.NONE));
        NewContent initial = ContentEnvelope.read(body, description, null);
        List<ReleaseSpec> releases = body.optionalObjects("releases", ManagementEndpoints::releaseSpec);
        var config = new ConfigService.NewConfig(
                key,
                metadata,
                initial,
                releases == null ? List.of() : releases,
                body.bool("publish_initial", false),
                body.string("comment", ""));
        body.end();
        Written<Result.ConfigCreated> written = services.configs().create(request.caller(), config);
        ObjectNode json = Json.object();
        json.set("config", Wire.config(written.value().config()));
        json.set("version", Wire.version(written.value().version()));
        return written(201, written, json)
                .with(
                        "Location",
                        "/api/v1/mgt/configs/" + written.value().config().id());
    }

    Reply listConfigs(Request request) {
        request.allowQuery(false, "tenant", "app", "env", "name", "limit", "cursor");
        var filter = new ConfigService.Filter(
                name(request, "tenant"),
                name(request, "app"),
                name(request, "env"),
                name(request, "name"),
                Cursor.key(request),
                request.limit());
        Page<Config> page = services.configs().list(request.who(), filter);
        return page(page, Wire::config, config -> Cursor.of(config.key()));
    }

    private static @Nullable String name(Request request, String field) {
        String value = request.query(field);
        return value == null ? null : Names.check(field, value);
    }

    Reply getConfig(Request request) {
        request.allowQuery(false);
        return Reply.json(200, Wire.config(services.configs().get(request.who(), request.number("id"))))
                .local();
    }

    Reply patchConfig(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        var attributes = new TreeMap<String, String>();
        var removed = new ArrayList<String>();
        body.stringsOrNulls("custom_attrs").forEach((name, value) -> {
            if (value == null) {
                removed.add(name);
            } else {
                attributes.put(name, value);
            }
        });
        String schema = body.optionalSchema("schema");
        var patch = new MetadataPatch(
                body.optionalString("description"),
                schema,
                schema == null && body.has("schema"),
                body.has("retention_policy") ? RetentionJson.read(body) : null,
                attributes,
                removed,
                body.optionalBool("cas_required"),
                body.optionalBool("metadata_cas_required"),
                body.has("approval_settings") ? approval(body, ApprovalSettings.NONE) : null,
                compatibility(body));
        ConfigService.SchemaCheck check = schemaCheck(body);
        Long cas = body.optionalLong("cas_metadata");
        body.end();
        Written<ConfigService.Patched> written =
                services.configs().patch(request.caller(), request.number("id"), patch, cas, check);
        return written(
                200,
                written,
                warned(Wire.config(written.value().config()), written.value().warnings(), null));
    }

    Reply deleteConfig(Request request) {
        request.allowQuery(false, "force");
        Written<Result.ConfigDeleted> written = services.trash()
                .delete(request.caller(), request.number("id"), TrashService.Force.of(request.queryFlag("force")));
        return marked(Reply.empty(204), written);
    }

    Reply metadataHistory(Request request) {
        request.allowQuery(false, "limit", "cursor");
        Page<MetadataChange> page = services.configs()
                .metadataHistory(request.who(), request.number("id"), Cursor.number(request), request.limit());
        return page(page, Wire::metadataChange, change -> Cursor.of(change.metadataVersion()));
    }

    private static @Nullable CompatibilityPolicy compatibility(JsonBody body) {
        String name = body.optionalString("compatibility");
        if (name == null) {
            return null;
        }
        for (CompatibilityPolicy policy : CompatibilityPolicy.values()) {
            if (policy.wireName().equals(name)) {
                return policy;
            }
        }
        throw body.refusal("compatibility", Text.excerpt(name), "none, warn or refuse");
    }

    private static ConfigService.SchemaCheck schemaCheck(JsonBody body) {
        String name = body.string("schema_check", "refuse");
        return switch (name) {
            case "refuse" -> ConfigService.SchemaCheck.REFUSE;
            case "warn" -> ConfigService.SchemaCheck.WARN;
            default -> throw body.refusal("schema_check", Text.excerpt(name), "refuse or warn");
        };
    }

    /** Says what the author should know, if there is anything. */
    private static ObjectNode warned(ObjectNode json, List<String> warnings, @Nullable Long duplicateOf) {
        if (duplicateOf != null) {
            json.put("duplicate_of", duplicateOf);
        }
        if (!warnings.isEmpty()) {
            json.set("warnings", Wire.strings(warnings));
        }
        return json;
    }

    private static ApprovalSettings approval(JsonBody body, ApprovalSettings absent) {
        JsonBody settings = body.optionalObject("approval_settings");
        if (settings == null) {
            return absent;
        }
        boolean required = settings.bool("required", false);
        if (required) {
            throw settings.refusal("required", "not available yet", "false");
        }
        String webhook = settings.optionalString("webhook_id");
        if (webhook != null) {
            throw settings.refusal("webhook_id", "not available yet", "this field to be absent");
        }
        settings.end();
        return ApprovalSettings.NONE;
    }

    // ---- versions

    Reply createVersion(Request request) {
        refuseServerSideEncryption(request);
        long id = request.number("id");
        String type = request.mediaType();
        NewContent content;
        Long cas;
        boolean validateOnly;
        if (ContentEnvelope.MEDIA_TYPE.equals(type)) {
            request.allowQuery(false);
            JsonBody body = request.json();
            content = ContentEnvelope.read(body, body.string("description", ""), body.optionalSchema("schema"));
            cas = body.optionalLong("cas");
            validateOnly = body.bool("validate_only", false);
            body.end();
        } else {
            request.allowQuery(false, "description", "cas", "validate_only");
            String description = request.query("description");
            content =
                    new NewContent(request.body(), rawFormat(type), description == null ? "" : description, null, null);
            cas = request.queryNumber("cas");
            validateOnly = request.queryFlag("validate_only");
        }
        if (validateOnly) {
            VersionService.Valid valid = services.versions().validate(request.caller(), id, content);
            return Reply.json(
                    200,
                    warned(
                            Json.object()
                                    .put("valid", true)
                                    .put("hash", "sha256:" + valid.hash())
                                    .put("size_bytes", valid.sizeBytes())
                                    .put("format", valid.format().name())
                                    .put("version_id", valid.versionId()),
                            valid.warnings(),
                            valid.duplicateOf()));
        }
        Written<VersionService.Created> written = services.versions().create(request.caller(), id, content, cas);
        VersionService.Created made = written.value();
        return written(201, written, warned(Wire.version(made.version()), made.warnings(), made.duplicateOf()))
                .with(
                        "Location",
                        "/api/v1/mgt/configs/" + id + "/versions/"
                                + made.version().id());
    }

    private static @Nullable Format rawFormat(@Nullable String mediaType) {
        return mediaType == null
                ? null
                : ContentFormats.ofMediaType(mediaType)
                        .orElseThrow(() -> Request.refusal(
                                "Content-Type",
                                mediaType,
                                ContentEnvelope.MEDIA_TYPE + " or the media type of one of " + ContentFormats.names()));
    }

    Reply listVersions(Request request) {
        request.allowQuery(false, "limit", "cursor");
        Page<ConfigVersion> page =
                services.versions().list(request.who(), request.number("id"), Cursor.number(request), request.limit());
        return page(page, Wire::version, version -> Cursor.of(version.id()));
    }

    Reply getVersion(Request request) {
        request.allowQuery(false);
        ConfigVersion version = services.versions().get(request.who(), request.number("id"), request.number("version"));
        return Reply.json(200, Wire.version(version)).local();
    }

    Reply getContent(Request request) {
        request.allowQuery(false);
        VersionService.Content content =
                services.versions().content(request.who(), request.number("id"), request.number("version"));
        ConfigVersion version = content.version();
        Reply reply = Reply.text(200, ContentFormats.mediaType(version.format()), content.bytes())
                .local()
                .with("X-Config-Version", Long.toString(version.id()))
                .with("X-Config-Hash", "sha256:" + version.hash())
                .with("X-Config-Format", version.format().name());
        return version.encryption() == null
                ? reply
                : reply.with("X-Config-Encrypted", version.encryption().algorithm())
                        .with(
                                "X-Config-Wrapped-Dek",
                                Wire.base64(version.encryption().wrappedDek()))
                        .with("X-Config-Kek-Id", version.encryption().kekId())
                        .with("X-Config-Nonce", Wire.base64(version.encryption().nonce()));
    }

    Reply diff(Request request) {
        request.allowQuery(false, "from", "to");
        VersionService.Diff diff = services.versions()
                .diff(request.who(), request.number("id"), version(request, "from"), version(request, "to"));
        ObjectNode json = Json.object().put("unified", diff.unified());
        ArrayNode changes = json.putArray("changes");
        for (VersionService.Change change : diff.changes()) {
            ObjectNode item = changes.addObject().put("path", change.path()).put("op", change.op());
            if (change.before() != null) {
                item.set("old", Json.trusted(change.before()));
            }
            if (change.after() != null) {
                item.set("new", Json.trusted(change.after()));
            }
        }
        return Reply.json(200, json).local();
    }

    private static long version(Request request, String name) {
        String value = request.query(name);
        if (value == null) {
            throw Request.refusal(name, "missing", "a version number from 1");
        }
        return Request.positive(name, value);
    }

    // ---- releases

    Reply getReleases(Request request) {
        request.allowQuery(false);
        ReleaseService.Rules rules = services.releases().get(request.who(), request.number("id"));
        return Reply.json(200, rules(Json.object(), rules.config(), rules.warnings()))
                .local();
    }

    Reply putReleases(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        List<ReleaseSpec> releases = releaseSpecs(body);
        if (releases == null) {
            throw body.refusal("releases", "missing", "a list of rules");
        }
        String comment = body.string("comment", "");
        Long cas = body.optionalLong("cas_releases");
        body.end();
        Written<ReleaseService.Rules> written =
                services.releases().put(request.caller(), request.number("id"), releases, comment, cas);
        return written(
                200,
                written,
                rules(Json.object(), written.value().config(), written.value().warnings())
                        .put("revision", written.revision()));
    }

    Reply releaseHistory(Request request) {
        request.allowQuery(false, "limit", "cursor");
        Page<ReleaseChange> page = services.releases()
                .history(request.who(), request.number("id"), Cursor.number(request), request.limit());
        return page(page, Wire::releaseChange, change -> Cursor.of(change.releasesRevision()));
    }

    Reply resolve(Request request) {
        request.allowQuery(true);
        ReleaseService.Resolution resolution =
                services.releases().resolve(request.who(), request.number("id"), request.queryLabels());
        ObjectNode json = Json.object();
        ReleaseService.Tried matched = resolution.matched();
        if (matched == null) {
            json.putNull("version_id").putNull("matched_rule");
        } else {
            json.put("version_id", matched.rule().versionId())
                    .set("matched_rule", Wire.release(matched.rule()).put("index", matched.index()));
        }
        ArrayNode rules = json.putArray("rules");
        for (ReleaseService.Tried tried : resolution.tried()) {
            rules.add(Wire.release(tried.rule())
                    .put("index", tried.index())
                    .put("matched", tried.matched())
                    .put("reason", tried.reason()));
        }
        return Reply.json(200, json).local();
    }

    /** {@code rules} is accepted as another name. */
    private static @Nullable List<ReleaseSpec> releaseSpecs(JsonBody body) {
        List<ReleaseSpec> releases = body.optionalObjects("releases", ManagementEndpoints::releaseSpec);
        List<ReleaseSpec> rules = body.optionalObjects("rules", ManagementEndpoints::releaseSpec);
        if (releases != null && rules != null) {
            throw body.refusal("rules", "given beside releases", "only one of them");
        }
        return releases == null ? rules : releases;
    }

    private static ReleaseSpec releaseSpec(JsonBody body) {
        Integer priority = body.optionalInt("priority");
        return new ReleaseSpec(
                body.strings("labels"),
                body.optionalLong("version_id"),
                priority == null ? 0 : priority,
                body.optionalDecimal("percentage"),
                body.optionalString("bucket_by"),
                body.optionalString("salt"));
    }

    private static ObjectNode rules(ObjectNode json, Config config, List<String> warnings) {
        json.set("releases", Wire.releases(config.releases()));
        json.put("releases_revision", config.releasesRevision());
        json.set("warnings", Wire.strings(warnings));
        return json;
    }

    // ---- publish

    Reply publish(Request request) {
        request.allowQuery(false);
        refuseServerSideEncryption(request);
        JsonBody body = request.json();
        Item item = item(body, new Target.ById(request.number("id")));
        String comment = body.string("comment", "");
        body.end();
        Written<List<PublishService.Published>> written =
                services.publish().publish(request.caller(), List.of(item), comment);
        return written(200, written, published(written.value().getFirst()).put("revision", written.revision()));
    }

    Reply publishBatch(Request request) {
        request.allowQuery(false);
        refuseServerSideEncryption(request);
        JsonBody body = request.json();
        List<Item> items = body.optionalObjects("items", part -> item(part, target(part)));
        String comment = body.string("comment", "");
        body.end();
        if (items == null) {
            throw body.refusal("items", "missing", "a list of publishes");
        }
        Written<List<PublishService.Published>> written = services.publish().publish(request.caller(), items, comment);
        ObjectNode json = Json.object().put("revision", written.revision());
        ArrayNode answers = json.putArray("items");
        written.value().forEach(one -> answers.add(published(one)));
        return written(200, written, json);
    }

    private static ObjectNode published(PublishService.Published published) {
        ObjectNode json =
                Json.object().put("config_id", published.config().id()).put("version_id", published.versionId());
        if (published.duplicateOf() != null) {
            json.put("duplicate_of", published.duplicateOf());
        }
        if (published.promotion() != null) {
            json.set("promotion", DeliveryEndpoints.schedule(published.promotion()));
        }
        return rules(json, published.config(), published.warnings());
    }

    private static Target target(JsonBody body) {
        Long id = body.optionalLong("config_id");
        String tenant = body.optionalString("tenant");
        String app = body.optionalString("app");
        String env = body.optionalString("env");
        String name = body.optionalString("name");
        boolean named = tenant != null || app != null || env != null || name != null;
        if ((id == null) == !named || (named && (tenant == null || app == null || env == null || name == null))) {
            throw body.refusal("config_id", "not exactly one target", "either config_id, or tenant, app, env and name");
        }
        if (tenant != null && app != null && env != null && name != null) {
            return new Target.ByName(ConfigKey.of(tenant, app, env, name));
        }
        return new Target.ById(id == null ? 0 : id);
    }

    private static Item item(JsonBody body, Target target) {
        return new Item(
                target,
                ContentEnvelope.read(body, body.string("description", ""), body.optionalSchema("schema")),
                plan(body),
                body.optionalLong("cas"),
                body.optionalLong("cas_releases"),
                body.optionalInt("make_default_after_minutes"));
    }

    static Plan plan(JsonBody body) {
        List<ReleaseSpec> releases = releaseSpecs(body);
        JsonBody strategy = body.optionalObject("strategy");
        if (releases != null && strategy != null) {
            throw body.refusal("strategy", "given beside releases", "only one of them");
        }
        if (releases != null) {
            return new Plan.Rules(releases);
        }
        if (strategy == null) {
            return new Plan.MakeDefault();
        }
        String type = strategy.string("type");
        Map<String, String> labels = strategy.strings("labels");
        var plan = new Plan.Strategy(strategyType(strategy, type), labels, strategy.optionalDecimal("percentage"));
        strategy.end();
        return plan;
    }

    private static StrategyType strategyType(JsonBody body, String type) {
        return switch (type) {
            case "stable" -> StrategyType.STABLE;
            case "canary" -> StrategyType.CANARY;
            case "blue_green" -> StrategyType.BLUE_GREEN;
            case "percentage" -> StrategyType.PERCENTAGE;
            default -> throw body.refusal("type", Text.excerpt(type), "stable, canary, blue_green or percentage");
        };
    }

    Reply rollback(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        Long target = body.optionalLong("target_version_id");
        Long alias = body.optionalLong("version_id");
        if ((target == null) == (alias == null)) {
            throw body.refusal(
                    "target_version_id", target == null ? "missing" : "given beside version_id", "a version number");
        }
        String modeName = body.string("mode", "emergency");
        RollbackMode mode = switch (modeName) {
            case "emergency" -> RollbackMode.EMERGENCY;
            case "stable_only" -> RollbackMode.STABLE_ONLY;
            default -> throw body.refusal("mode", Text.excerpt(modeName), "emergency or stable_only");
        };
        String comment = body.string("comment", "");
        Long cas = body.optionalLong("cas_releases");
        body.end();
        long versionId = target != null ? target : alias == null ? 0 : alias;
        Written<PublishService.RolledBack> written =
                services.publish().rollback(request.caller(), request.number("id"), versionId, mode, comment, cas);
        ObjectNode json = Json.object().put("version_id", written.value().versionId());
        return written(
                200, written, rules(json, written.value().config(), List.of()).put("revision", written.revision()));
    }

    // ---- shared

    /** The publisher's SDK encrypts; the server cannot yet, and must not pretend. */
    private static void refuseServerSideEncryption(Request request) {
        String wanted = request.headers().get("X-Encrypt");
        if (wanted != null && !wanted.toLowerCase(Locale.ROOT).equals("false")) {
            throw Request.refusal("X-Encrypt", "not available yet", "content encrypted by the publisher");
        }
    }

    static Reply written(int status, Written<?> written, ObjectNode json) {
        return marked(Reply.json(status, json), written);
    }

    static Reply marked(Reply reply, Written<?> written) {
        Reply at = reply.at(written.revision());
        return written.replayed() ? at.with("X-Idempotent-Replay", "true") : at;
    }

    static <T> Reply page(Page<T> page, Function<T, ObjectNode> writer, Function<T, String> cursor) {
        ObjectNode json = Json.object();
        ArrayNode items = json.putArray("items");
        page.items().forEach(item -> items.add(writer.apply(item)));
        if (page.more()) {
            json.put("next_cursor", cursor.apply(page.items().getLast()));
        }
        return Reply.json(200, json).local();
    }
}
