package dev.conflux.protocol.http;

import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.RolloutCommand.Direction;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand.Pin;
import dev.conflux.core.model.Text;
import dev.conflux.core.service.RolloutService;
import dev.conflux.core.service.ScheduleService;
import dev.conflux.core.service.Written;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code /api/v1/mgt/configs/{id}/schedules} and {@code …/rollouts}: parses, calls a service, writes its answer. */
final class DeliveryEndpoints {

    private final HttpServices services;

    DeliveryEndpoints(HttpServices services) {
        this.services = services;
    }

    Reply createSchedule(Request request) {
        request.allowQuery(false);
        long id = request.number("id");
        JsonBody body = request.json();
        Long version = body.optionalLong("version_id");
        String pin = body.string("pin", "releases");
        var schedule = new ScheduleService.NewSchedule(
                version == null ? 0 : version,
                body.optionalString("version_hash"),
                ManagementEndpoints.plan(body),
                switch (pin) {
                    case "releases" -> Pin.RELEASES;
                    case "version" -> Pin.VERSION;
                    default -> throw body.refusal("pin", Text.excerpt(pin), "releases or version");
                },
                time(body, "due_at"),
                body.string("comment", ""),
                body.optionalLong("cas_releases"));
        body.end();
        Written<Schedule> written = services.schedules().create(request.caller(), id, schedule);
        return ManagementEndpoints.written(201, written, schedule(written.value()))
                .with(
                        "Location",
                        "/api/v1/mgt/configs/" + id + "/schedules/"
                                + written.value().id());
    }

    private static long time(JsonBody body, String name) {
        String text = body.string(name);
        try {
            return OffsetDateTime.parse(text).toInstant().toEpochMilli();
        } catch (DateTimeException | ArithmeticException e) {
            throw body.refusal(name, Text.excerpt(text), "a time with its offset, as 2030-01-31T09:00:00Z");
        }
    }

    Reply listSchedules(Request request) {
        request.allowQuery(false, "limit", "cursor");
        return ManagementEndpoints.page(
                services.schedules().list(request.who(), request.number("id"), Cursor.number(request), request.limit()),
                DeliveryEndpoints::schedule,
                schedule -> Cursor.of(schedule.id()));
    }

    Reply getSchedule(Request request) {
        request.allowQuery(false);
        return Reply.json(
                        200,
                        schedule(services.schedules()
                                .get(request.who(), request.number("id"), request.number("schedule"))))
                .local();
    }

    Reply cancelSchedule(Request request) {
        request.allowQuery(false, "comment");
        String comment = request.query("comment");
        Written<Schedule> written = services.schedules()
                .cancel(
                        request.caller(),
                        request.number("id"),
                        request.number("schedule"),
                        comment == null ? "" : comment);
        return ManagementEndpoints.written(200, written, schedule(written.value()));
    }

    // ---- rollouts

    Reply startRollout(Request request) {
        request.allowQuery(false);
        long id = request.number("id");
        JsonBody body = request.json();
        boolean content = body.has("content") || body.has("content_base64");
        List<RolloutService.StageSpec> stages = body.optionalObjects("stages", DeliveryEndpoints::stage);
        if (stages == null) {
            throw body.refusal("stages", "missing", "a list of stages");
        }
        var rollout = new RolloutService.NewRollout(
                content
                        ? ContentEnvelope.read(body, body.string("description", ""), body.optionalSchema("schema"))
                        : null,
                body.optionalLong("version_id"),
                stages,
                body.optionalString("bucket_by"),
                body.string("comment", ""),
                body.optionalLong("cas"),
                body.optionalLong("cas_releases"));
        body.end();
        Written<RolloutService.Changed> written = services.rollouts().start(request.caller(), id, rollout);
        return ManagementEndpoints.written(201, written, changed(written.value()))
                .with(
                        "Location",
                        "/api/v1/mgt/configs/" + id + "/rollouts/"
                                + written.value().rollout().id());
    }

    private static RolloutService.StageSpec stage(JsonBody body) {
        Long bake = body.optionalLong("bake_seconds");
        List<Gate> gates = body.optionalObjects("gates", DeliveryEndpoints::gate);
        return new RolloutService.StageSpec(
                body.strings("labels"),
                body.optionalDecimal("percentage"),
                bake == null ? 0 : bake,
                gates == null ? List.of() : gates);
    }

    private static Gate gate(JsonBody body) {
        String type = body.string("type");
        return switch (type) {
            case "manual" -> new Gate.Manual();
            case "webhook" -> new Gate.Webhook(body.string("url"));
            case "prometheus" -> {
                BigDecimal threshold = body.optionalDecimal("threshold");
                if (threshold == null) {
                    throw body.refusal("threshold", "missing", "a number");
                }
                yield new Gate.Prometheus(
                        body.string("url"), body.string("query"), comparison(body), threshold.doubleValue());
            }
            case "client_acks" ->
                throw body.refusal("type", type, "another gate: clients cannot acknowledge what they got yet");
            default -> throw body.refusal("type", Text.excerpt(type), "manual, prometheus or webhook");
        };
    }

    private static Gate.Comparison comparison(JsonBody body) {
        String sign = body.string("pass_if");
        for (Gate.Comparison comparison : Gate.Comparison.values()) {
            if (comparison.sign().equals(sign)) {
                return comparison;
            }
        }
        throw body.refusal("pass_if", Text.excerpt(sign), "<, <=, > or >=");
    }

    Reply listRollouts(Request request) {
        request.allowQuery(false, "limit", "cursor");
        return ManagementEndpoints.page(
                services.rollouts().list(request.who(), request.number("id"), Cursor.number(request), request.limit()),
                DeliveryEndpoints::rollout,
                rollout -> Cursor.of(rollout.id()));
    }

    Reply getRollout(Request request) {
        request.allowQuery(false);
        return Reply.json(
                        200,
                        rollout(services.rollouts()
                                .get(request.who(), request.number("id"), request.number("rollout"))))
                .local();
    }

    /** Without a body: at whatever stage it is. */
    Reply steerRollout(Request request, Direction direction) {
        request.allowQuery(false);
        Integer stage = null;
        String comment = "";
        if (request.body().length > 0) {
            JsonBody body = request.json();
            stage = body.optionalInt("stage");
            comment = body.string("comment", "");
            body.end();
        }
        Written<RolloutService.Changed> written = services.rollouts()
                .steer(request.caller(), request.number("id"), request.number("rollout"), direction, stage, comment);
        return ManagementEndpoints.written(200, written, changed(written.value()));
    }

    private static ObjectNode changed(RolloutService.Changed changed) {
        ObjectNode json = rollout(changed.rollout());
        json.set("releases", Wire.releases(changed.config().releases()));
        json.put("releases_revision", changed.config().releasesRevision());
        json.set("warnings", Wire.strings(changed.warnings()));
        return json;
    }

    static ObjectNode rollout(Rollout rollout) {
        ObjectNode json = Json.object()
                .put("id", rollout.id())
                .put("config_id", rollout.configId())
                .put("version_id", rollout.versionId())
                .put("state", rollout.state().wireName())
                .put("stage", rollout.stage() + 1)
                .put("stage_entered_at", Wire.time(rollout.enteredAtMillis()));
        if (rollout.state() == Rollout.State.RUNNING) {
            json.put("bake_ends_at", Wire.time(rollout.dueAtMillis()));
        }
        json.put("bucket_by", rollout.bucketBy())
                .put("salt", rollout.salt())
                .put("comment", rollout.comment())
                .put("created_by", rollout.createdBy());
        ArrayNode stages = json.putArray("stages");
        rollout.stages().forEach(stage -> stages.add(stage(stage)));
        json.set("base_releases", Wire.releases(rollout.base()));
        ArrayNode history = json.putArray("history");
        for (Rollout.Step step : rollout.history()) {
            history.addObject()
                    .put("at", Wire.time(step.atMillis()))
                    .put("revision", step.revision())
                    .put("by", step.by())
                    .put("action", step.action())
                    .put("stage", step.stage() + 1)
                    .put("reason", step.reason());
        }
        return json;
    }

    private static ObjectNode stage(Rollout.Stage stage) {
        ObjectNode json = Json.object();
        if (stage.percentage() != null) {
            json.put("percentage", Wire.percent(stage.percentage()));
        }
        ObjectNode labels = json.putObject("labels");
        stage.labels().forEach(labels::put);
        json.put("bake_seconds", stage.bakeMillis() / 1000);
        ArrayNode gates = json.putArray("gates");
        for (Gate gate : stage.gates()) {
            gates.add(
                    switch (gate) {
                        case Gate.Manual() -> Json.object().put("type", "manual");
                        case Gate.Webhook(String url) ->
                            Json.object().put("type", "webhook").put("url", url);
                        case Gate.Prometheus prometheus ->
                            Json.object()
                                    .put("type", "prometheus")
                                    .put("url", prometheus.url())
                                    .put("query", prometheus.query())
                                    .put("pass_if", prometheus.comparison().sign())
                                    .put("threshold", prometheus.threshold());
                    });
        }
        return json;
    }

    static ObjectNode schedule(Schedule schedule) {
        ObjectNode json = Json.object()
                .put("id", schedule.id())
                .put("config_id", schedule.configId())
                .put("kind", schedule.isPromotion() ? "promote" : "publish")
                .put("version_id", schedule.versionId())
                .put("version_hash", "sha256:" + schedule.versionHash());
        switch (schedule.plan()) {
            case ReleasePlan.MakeDefault() -> {}
            case ReleasePlan.Replace(List<PlannedRelease> releases) ->
                json.set(
                        "releases",
                        Wire.releases(
                                releases.stream().map(PlannedRelease::rule).toList()));
            case ReleasePlan.AddRule(PlannedRelease added) -> {
                Release rule = added.rule();
                json.set("rule", Wire.release(rule));
            }
        }
        json.put("pin", schedule.pinnedReleases() == null ? "version" : "releases")
                .put("pinned_releases_revision", schedule.pinnedReleases())
                .put("due_at", Wire.time(schedule.dueAtMillis()))
                .put("comment", schedule.comment())
                .put("created_by", schedule.createdBy())
                .put("created_at", Wire.time(schedule.createdAtMillis()))
                .put("state", schedule.state().wireName());
        if (schedule.state() != Schedule.State.PENDING) {
            json.put("reason", schedule.reason())
                    .put("ended_by", schedule.endedBy())
                    .put("ended_revision", schedule.endedRevision())
                    .put("ended_at", Wire.time(schedule.endedAtMillis()));
        }
        return json;
    }
}
