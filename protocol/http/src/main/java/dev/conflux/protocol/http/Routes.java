package dev.conflux.protocol.http;

import dev.conflux.core.model.RolloutCommand.Direction;
import dev.conflux.core.service.Action;
import dev.conflux.protocol.http.Route.Endpoint;
import io.vertx.core.http.HttpMethod;
import java.util.function.Function;

/** Every path this module serves, with who may call it. A new endpoint is a line here (docs/recipes.md). */
final class Routes {

    private static final Access PUBLIC = new Access.Public();
    private static final Access SELF = new Access.Authenticated();
    private static final Access READ = new Access.Requires(Action.READ);
    private static final Access WRITE = new Access.Requires(Action.WRITE);
    private static final Access DELETE = new Access.Requires(Action.DELETE);
    private static final Access LIST = new Access.Requires(Action.LIST);
    private static final Access PUBLISH = new Access.Requires(Action.PUBLISH);
    private static final Access ADMIN = new Access.Requires(Action.ADMIN);
    private static final Access LOCAL = new Access.Local();

    private final Route.Table table = new Route.Table();

    private Routes() {}

    /** The client port. */
    static Route.Table client(HttpServices services, FetchHandler fetch, WatchStreams watch, boolean withOps) {
        var routes = new Routes();
        routes.platform(new PlatformEndpoints(services));
        routes.management(new ManagementEndpoints(services));
        routes.trash(new TrashEndpoints(services.trash()));
        routes.get("/api/v1/mgt/search", LIST, new SearchEndpoint(services.search())::handle);
        routes.deliveries(new DeliveryEndpoints(services));
        // The hot path answers this one before the table is asked; the entry gives 405 and the inventory.
        routes.stream(HttpMethod.GET, FetchHandler.PREFIX + "{tenant}/{app}/{env}/{name}", READ, fetch::handleRouted);
        routes.get("/api/v1/fetch/configs/{tenant}/{app}/{env}", READ, new FetchAllEndpoint(services)::handle);
        routes.stream(HttpMethod.GET, "/api/v1/watch", READ, watch::open);
        if (withOps) {
            routes.operations(new PlatformEndpoints(services), ADMIN);
            routes.gc(new GcEndpoints(services.gc()), ADMIN);
        }
        return routes.table;
    }

    /**
     * The ops port.
     *
     * @param loopback only this machine reaches it
     */
    static Route.Table operations(HttpServices services, boolean loopback) {
        var routes = new Routes();
        routes.health(new PlatformEndpoints(services));
        routes.operations(new PlatformEndpoints(services), loopback ? LOCAL : ADMIN);
        routes.gc(new GcEndpoints(services.gc()), loopback ? LOCAL : ADMIN);
        return routes.table;
    }

    private void platform(PlatformEndpoints platform) {
        health(platform);
        get("/", PUBLIC, platform::landing);
        post("/api/v1/auth/login", PUBLIC, platform::login);
        post("/api/v1/auth/refresh", PUBLIC, platform::refresh);
        post("/api/v1/auth/logout", SELF, platform::logout);
        get("/api/v1/auth/me", SELF, platform::me);
        post("/api/v1/auth/check", SELF, platform::check);
    }

    private void health(PlatformEndpoints platform) {
        get("/health", PUBLIC, platform::health);
        get("/ready", PUBLIC, platform::ready);
        get("/metrics", PUBLIC, platform::metrics);
    }

    private void management(ManagementEndpoints mgt) {
        String configs = "/api/v1/mgt/configs";
        String config = configs + "/{id}";
        post(configs, WRITE, mgt::createConfig);
        get(configs, LIST, mgt::listConfigs);
        get(config, READ, mgt::getConfig);
        add(HttpMethod.PATCH, config, WRITE, mgt::patchConfig);
        add(HttpMethod.DELETE, config, DELETE, mgt::deleteConfig);
        get(config + "/metadata-history", READ, mgt::metadataHistory);
        post(config + "/versions", WRITE, mgt::createVersion);
        get(config + "/versions", READ, mgt::listVersions);
        get(config + "/versions/{version}", READ, mgt::getVersion);
        get(config + "/versions/{version}/content", READ, mgt::getContent);
        get(config + "/diff", READ, mgt::diff);
        get(config + "/releases", READ, mgt::getReleases);
        add(HttpMethod.PUT, config + "/releases", PUBLISH, mgt::putReleases);
        get(config + "/release-history", READ, mgt::releaseHistory);
        get(config + "/resolve", READ, mgt::resolve);
        post(config + "/publish", PUBLISH, mgt::publish);
        post(config + "/rollback", PUBLISH, mgt::rollback);
        post("/api/v1/mgt/publish-batch", PUBLISH, mgt::publishBatch);
    }

    private void deliveries(DeliveryEndpoints deliveries) {
        String schedules = "/api/v1/mgt/configs/{id}/schedules";
        post(schedules, PUBLISH, deliveries::createSchedule);
        get(schedules, READ, deliveries::listSchedules);
        get(schedules + "/{schedule}", READ, deliveries::getSchedule);
        add(HttpMethod.DELETE, schedules + "/{schedule}", PUBLISH, deliveries::cancelSchedule);
        String rollouts = "/api/v1/mgt/configs/{id}/rollouts";
        post(rollouts, PUBLISH, deliveries::startRollout);
        get(rollouts, READ, deliveries::listRollouts);
        get(rollouts + "/{rollout}", READ, deliveries::getRollout);
        post(rollouts + "/{rollout}/advance", PUBLISH, request -> deliveries.steerRollout(request, Direction.ADVANCE));
        post(rollouts + "/{rollout}/pause", PUBLISH, request -> deliveries.steerRollout(request, Direction.PAUSE));
        post(rollouts + "/{rollout}/resume", PUBLISH, request -> deliveries.steerRollout(request, Direction.RESUME));
        post(rollouts + "/{rollout}/cancel", PUBLISH, request -> deliveries.steerRollout(request, Direction.CANCEL));
        post(
                rollouts + "/{rollout}/rollback",
                PUBLISH,
                request -> deliveries.steerRollout(request, Direction.ROLL_BACK));
    }

    private void operations(PlatformEndpoints platform, Access look) {
        get("/_cluster/status", look, platform::status);
        get("/_cluster/leader", look, platform::leader);
        post("/_cluster/leader/transfer", ADMIN, platform::transferLeader);
        post("/_cluster/nodes", ADMIN, platform::addNode);
        add(HttpMethod.DELETE, "/_cluster/nodes/{id}", ADMIN, platform::removeNode);
        post("/_cluster/feature-level", ADMIN, platform::raiseFeatureLevel);
        post("/_cluster/snapshot", ADMIN, platform::snapshot);
    }

    private void trash(TrashEndpoints trash) {
        get("/api/v1/mgt/trash", LIST, trash::list);
        post("/api/v1/mgt/trash/{id}/restore", WRITE, trash::restore);
        add(HttpMethod.DELETE, "/api/v1/mgt/trash/{id}", DELETE, trash::purge);
    }

    private void gc(GcEndpoints gc, Access look) {
        get("/_cluster/gc/status", look, gc::status);
        get("/_cluster/gc/policy", look, gc::policy);
        add(HttpMethod.PUT, "/_cluster/gc/policy", ADMIN, gc::putPolicy);
        get("/_cluster/gc/configs/{id}", look, gc::preview);
        post("/_cluster/gc", ADMIN, gc::run);
    }

    private void get(String template, Access access, Function<Request, Reply> handler) {
        add(HttpMethod.GET, template, access, handler);
    }

    private void post(String template, Access access, Function<Request, Reply> handler) {
        add(HttpMethod.POST, template, access, handler);
    }

    private void add(HttpMethod method, String template, Access access, Function<Request, Reply> handler) {
        table.add(new Route(method, template, access, new Endpoint.Blocking(handler)));
    }

    private void stream(HttpMethod method, String template, Access access, Route.StreamHandler handler) {
        table.add(new Route(method, template, access, new Endpoint.Streaming(handler)));
    }
}
