package dev.conflux.tool.local;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The operators' port of a local node, which is bound to loopback. */
public final class Ops {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient HTTP =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    private Ops() {}

    /** Looks; needs no token on loopback. */
    public static JsonNode get(NodeProcess node, String path) {
        return send(HttpRequest.newBuilder(node.opsUrl().resolve(path)).GET());
    }

    /** Changes something, as {@code admin}. */
    public static JsonNode post(NodeProcess node, NodeClient admin, String path, String body) {
        return send(HttpRequest.newBuilder(node.opsUrl().resolve(path))
                .header("Authorization", "Bearer " + admin.token())
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    /** Sets something, as {@code admin}. */
    public static JsonNode put(NodeProcess node, NodeClient admin, String path, String body) {
        return send(HttpRequest.newBuilder(node.opsUrl().resolve(path))
                .header("Authorization", "Bearer " + admin.token())
                .header("Content-Type", "application/json")
                .PUT(HttpRequest.BodyPublishers.ofString(body)));
    }

    /** Deletes something, as {@code admin}. */
    public static JsonNode delete(NodeProcess node, NodeClient admin, String path) {
        return send(HttpRequest.newBuilder(node.opsUrl().resolve(path))
                .header("Authorization", "Bearer " + admin.token())
                .DELETE());
    }

    private static JsonNode send(HttpRequest.Builder builder) {
        HttpRequest request = builder.timeout(Duration.ofSeconds(30)).build();
        URI uri = request.uri();
        try {
            return JSON.readTree(
                    HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body());
        } catch (IOException e) {
            return JSON.createObjectNode().put("error", uri + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalException("interrupted", e);
        }
    }
}
