package dev.conflux.tool.local;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** A thin client of the HTTP contract: enough for the demo, the tests and the benchmarks. Thread-safe. */
public final class NodeClient {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2))
            .build();
    private static final Duration TIMEOUT = Duration.ofSeconds(15);

    private final URI url;
    private final String token;

    private NodeClient(URI url, String token) {
        this.url = url;
        this.token = token;
    }

    /** An answer, whatever its status. */
    public record Answer(int status, Map<String, java.util.List<String>> headers, String body) {

        /** The body as a tree. */
        public JsonNode json() {
            return JSON.readTree(body);
        }

        public String header(String name) {
            return headers.entrySet().stream()
                    .filter(entry -> entry.getKey().equalsIgnoreCase(name))
                    .map(entry -> entry.getValue().getFirst())
                    .findFirst()
                    .orElse("");
        }

        /** The cluster revision that the answer reflects. */
        public long revision() {
            return Long.parseLong(header("X-Conflux-Revision"));
        }

        /** This answer, if its status is the expected one. */
        public Answer expect(int expected) {
            if (status != expected) {
                throw new LocalException("status " + status + " (expected: " + expected + "): " + body);
            }
            return this;
        }
    }

    public static NodeClient login(URI url, String username, String password) {
        String body = JSON.writeValueAsString(Map.of("username", username, "password", password));
        Answer answer = send(HttpRequest.newBuilder(url.resolve("/api/v1/auth/login"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)));
        return new NodeClient(url, answer.expect(200).json().get("access_token").asString());
    }

    /** The same token at another node. */
    public NodeClient at(NodeProcess node) {
        return new NodeClient(node.url(), token);
    }

    public String token() {
        return token;
    }

    public URI url() {
        return url;
    }

    /**
     * Reads.
     *
     * @param headers names and values in turn
     */
    public Answer get(String path, String... headers) {
        return send(request(path, headers).GET());
    }

    public Answer delete(String path, String... headers) {
        return send(request(path, headers).DELETE());
    }

    /** Sends a JSON body. */
    public Answer send(String method, String path, Object body, String... headers) {
        return send(request(path, headers)
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body))));
    }

    /** Sends bytes as they are. */
    public Answer sendRaw(String method, String path, String contentType, byte[] body, String... headers) {
        return send(request(path, headers)
                .header("Content-Type", contentType)
                .method(method, HttpRequest.BodyPublishers.ofByteArray(body)));
    }

    private HttpRequest.Builder request(String path, String... headers) {
        var builder = HttpRequest.newBuilder(url.resolve(path)).header("Authorization", "Bearer " + token);
        if (headers.length > 0) {
            builder.headers(headers);
        }
        return builder;
    }

    private static Answer send(HttpRequest.Builder builder) {
        HttpRequest request = builder.timeout(TIMEOUT).build();
        try {
            HttpResponse<String> response =
                    HTTP.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
            return new Answer(response.statusCode(), response.headers().map(), response.body());
        } catch (IOException e) {
            throw new LocalException(request.method() + " " + request.uri() + ": no answer", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalException("interrupted", e);
        }
    }
}
