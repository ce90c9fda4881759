package dev.conflux.protocol.http;

import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand.Pin;
import dev.conflux.core.model.Text;
import dev.conflux.core.service.ScheduleService;
import dev.conflux.core.service.Written;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** {@code /api/v1/mgt/configs/{id}/schedules}: parses, calls a service, writes its answer. */
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
