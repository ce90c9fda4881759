package dev.conflux.protocol.http;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.GcCycle;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.VersionFate;
import dev.conflux.core.service.GcService;
import dev.conflux.core.service.Written;
import java.util.Locale;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code /_cluster/gc}: what goes, what went, and when. */
final class GcEndpoints {

    private final GcService gc;

    GcEndpoints(GcService gc) {
        this.gc = gc;
    }

    Reply status(Request request) {
        request.allowQuery(false);
        GcService.Status status = gc.status(request.who());
        return Reply.json(200, status(status.state(), status.nextAtMillis())).local();
    }

    private static ObjectNode status(GcState state, OptionalLong nextAtMillis) {
        GcCycle running = state.running();
        ObjectNode json = Json.object().put("service_status", running == null ? "IDLE" : "RUNNING");
        json.set("running", running == null ? null : cycle(running));
        json.set("last_run", state.last() == null ? null : cycle(state.last()));
        json.put("next_run_scheduled_at", nextAtMillis.isEmpty() ? null : Wire.time(nextAtMillis.getAsLong()));
        json.put("requested_at", time(state.requestedAtMillis()));
        return settings(json, state.settings());
    }

    private static ObjectNode cycle(GcCycle cycle) {
        ObjectNode json = Json.object()
                .put("timestamp", Wire.time(cycle.startedAtMillis()))
                .put("versions_deleted", cycle.versions())
                .put("bytes_reclaimed", cycle.contentBytes())
                .put("history_entries_deleted", cycle.historyEntries());
        if (cycle.running()) {
            return json.put("cursor", cycle.cursor());
        }
        return json.put("ended_at", Wire.time(cycle.endedAtMillis()))
                .put("duration_seconds", Math.max(0, cycle.endedAtMillis() - cycle.startedAtMillis()) / 1000.0)
                .put("result", cycle.problem().isEmpty() ? "COMPLETE" : "INCOMPLETE")
                .put("problem", cycle.problem().isEmpty() ? null : cycle.problem());
    }

    private static @Nullable String time(long millis) {
        return millis == 0 ? null : Wire.time(millis);
    }

    Reply policy(Request request) {
        request.allowQuery(false);
        return Reply.json(
                        200,
                        settings(Json.object(), gc.status(request.who()).state().settings()))
                .local();
    }

    Reply putPolicy(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        var retention = RetentionJson.read(body);
        Integer releases = body.optionalInt("release_history");
        Integer metadata = body.optionalInt("metadata_history");
        Integer trashDays = body.optionalInt("trash_days");
        body.end();
        Written<GcSettings> written = gc.configure(
                request.caller(),
                new GcSettings(
                        retention,
                        releases == null ? GcSettings.DEFAULT.releaseHistory() : releases,
                        metadata == null ? GcSettings.DEFAULT.metadataHistory() : metadata,
                        trashDays == null ? GcSettings.DEFAULT.trashDays() : trashDays));
        return ManagementEndpoints.written(200, written, settings(Json.object(), written.value()));
    }

    private static ObjectNode settings(ObjectNode json, GcSettings settings) {
        json.set("retention_policy", RetentionJson.write(settings.retention()));
        return json.put("release_history", settings.releaseHistory())
                .put("metadata_history", settings.metadataHistory())
                .put("trash_days", settings.trashDays());
    }

    Reply preview(Request request) {
        request.allowQuery(false, "limit", "cursor");
        long after = request.query("cursor") == null ? 0 : Cursor.number(request);
        GcService.Preview preview = gc.preview(request.who(), request.number("id"), after, request.limit());
        ObjectNode json = config(preview.config());
        json.set("retention_policy", RetentionJson.write(preview.policy()));
        json.put("policy_source", preview.config().metadata().retention().inherits() ? "cluster" : "config");
        ArrayNode goes = json.putArray("versions_to_be_deleted");
        ArrayNode stays = json.putArray("versions_to_be_kept");
        for (GcService.Judged judged : preview.versions().items()) {
            ObjectNode version = (judged.fate() == VersionFate.GOES ? goes : stays)
                    .addObject()
                    .put("version_id", judged.version().id())
                    .put("size_bytes", judged.version().sizeBytes())
                    .put("created_at", Wire.time(judged.version().createdAtMillis()));
            if (judged.fate() != VersionFate.GOES) {
                version.put("reason", judged.fate().name().toLowerCase(Locale.ROOT));
            }
        }
        json.put("release_changes_to_be_deleted_through", preview.releaseChangesThrough());
        json.put("metadata_changes_to_be_deleted_through", preview.metadataChangesThrough());
        if (preview.versions().more()) {
            json.put(
                    "next_cursor",
                    Cursor.of(preview.versions().items().getLast().version().id()));
        }
        return Reply.json(200, json).local();
    }

    private static ObjectNode config(Config config) {
        return Json.object()
                .put("config_id", config.id())
                .put("config", config.key().toString());
    }

    Reply run(Request request) {
        request.allowQuery(false);
        boolean dryRun = false;
        if (request.body().length > 0) {
            JsonBody body = request.json();
            dryRun = body.bool("dry_run", false);
            body.end();
        }
        if (dryRun) {
            return Reply.json(200, dryRun(gc.dryRun(request.who()))).local();
        }
        GcService.Requested requested = gc.request(request.caller());
        return Reply.json(requested.done() ? 200 : 202, status(requested.state(), OptionalLong.empty()))
                .at(requested.revision());
    }

    private static ObjectNode dryRun(GcService.DryRun found) {
        ObjectNode json = Json.object()
                .put("dry_run", true)
                .put("configs", found.configs())
                .put("versions", found.versions())
                .put("bytes", found.contentBytes())
                .put("history_entries", found.historyEntries());
        ArrayNode parts = json.putArray("items");
        for (GcService.Part part : found.parts()) {
            parts.add(config(part.config())
                    .put("versions", part.versions())
                    .put("bytes", part.contentBytes())
                    .put("history_entries", part.historyEntries()));
        }
        return json;
    }
}
