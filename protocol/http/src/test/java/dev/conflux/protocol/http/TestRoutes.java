package dev.conflux.protocol.http;

import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

/** The inventory of routes. */
final class TestRoutes {

    private static final String CONFIG =
            "\"tenant\":\"a\",\"app\":\"b\",\"env\":\"c\",\"name\":\"d\",\"content\":\"x\"";

    private TestRoutes() {}

    static List<Route> all(HttpServices services) {
        Vertx vertx = Vertx.vertx();
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            var responder = new Responder(services.gate());
            var blocking = new Blocking(vertx, executor, new Semaphore(1));
            return Routes.client(
                            services,
                            new FetchHandler(services, responder, blocking),
                            new WatchStreams(vertx, services, responder, blocking),
                            true)
                    .all();
        } finally {
            vertx.close();
        }
    }

    /** A body that passes parsing, so that what remains is the question of rights. */
    static byte[] body(Route route) {
        String body = switch (route.method() + " " + route.template()) {
            case "POST /api/v1/mgt/configs" -> "{" + CONFIG + "}";
            case "POST /api/v1/mgt/publish-batch" -> "{\"items\":[{" + CONFIG + "}]}";
            case "PUT /api/v1/mgt/configs/{id}/releases" -> "{\"releases\":[]}";
            case "POST /api/v1/mgt/configs/{id}/rollouts" -> "{\"version_id\":1,\"stages\":[{\"percentage\":5}]}";
            case "POST /api/v1/mgt/configs/{id}/schedules" -> "{\"version_id\":1,\"due_at\":\"2100-01-01T00:00:00Z\"}";
            case "POST /api/v1/mgt/configs/{id}/publish" -> "{\"content\":\"x\"}";
            case "POST /api/v1/mgt/configs/{id}/rollback" -> "{\"version_id\":1}";
            case "POST /api/v1/mgt/configs/{id}/versions", "PATCH /api/v1/mgt/configs/{id}" -> "{}";
            case "POST /_cluster/nodes" -> "{\"node_id\":4,\"raft_address\":\"n4:9090\",\"api_address\":\"n4:8080\"}";
            case "POST /_cluster/feature-level" -> "{\"feature_level\":2}";
            case "PUT /_cluster/gc/policy" -> "{}";
            default -> "";
        };
        return body.getBytes(StandardCharsets.UTF_8);
    }
}
