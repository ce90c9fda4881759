package dev.conflux.protocol.http;

import dev.conflux.base.observe.Metrics;
import dev.conflux.core.service.AuthSettings;
import dev.conflux.core.service.Authentication;
import dev.conflux.core.service.Authorizer;
import dev.conflux.core.service.ClusterService;
import dev.conflux.core.service.CommandLog;
import dev.conflux.core.service.ConfigService;
import dev.conflux.core.service.DeliveryRunner;
import dev.conflux.core.service.DirectoryArchive;
import dev.conflux.core.service.FetchService;
import dev.conflux.core.service.GarbageCollector;
import dev.conflux.core.service.GcService;
import dev.conflux.core.service.InMemoryMetadataStore;
import dev.conflux.core.service.MetadataStore;
import dev.conflux.core.service.PublishService;
import dev.conflux.core.service.ReadGate;
import dev.conflux.core.service.ReleaseService;
import dev.conflux.core.service.RolloutService;
import dev.conflux.core.service.ScheduleService;
import dev.conflux.core.service.ScriptedGates;
import dev.conflux.core.service.SearchService;
import dev.conflux.core.service.SingleNodeConsensus;
import dev.conflux.core.service.TrashService;
import dev.conflux.core.service.VersionService;
import dev.conflux.core.service.WatchService;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.InMemoryStateStore;
import io.vertx.core.Vertx;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A whole node but for storage, consensus and PostgreSQL, with a client. */
final class TestNode implements AutoCloseable {

    static final String PASSWORD = "correct horse battery staple 1";

    private static final JsonMapper MAPPER = new JsonMapper();

    final SingleNodeConsensus consensus;
    final InMemoryMetadataStore metadata = new InMemoryMetadataStore();
    final HttpServices services;
    final HttpProtocol http;
    final String admin;
    final String nobody;
    private final ConfigState state;
    private final DeliveryRunner runner;
    final ScriptedGates gates = new ScriptedGates();
    private final Vertx vertx = Vertx.vertx();
    private final Authentication authentication;
    private final GarbageCollector collector;
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    TestNode(Path directory) throws Exception {
        state = new ConfigState(new InMemoryStateStore(), "test");
        consensus = new SingleNodeConsensus(state);
        var authorizer = new Authorizer();
        ReadGate gate = ReadGate.on(consensus, state, Duration.ofMillis(500));
        WatchService watch = WatchService.on(state, gate, authorizer, Duration.ofMillis(200));
        var log = new CommandLog(consensus, state, CommandLog.DEFAULT_TIMEOUT);
        authentication = new Authentication(metadata, AuthSettings.defaults(directory, PASSWORD), Clock.systemUTC());
        authentication.ready().get(20, TimeUnit.SECONDS);
        MetadataStore.User root = metadata.findUser("admin").orElseThrow();
        metadata.put(new MetadataStore.User(4711, "nobody", root.passwordHash(), true, false, root.createdAt()));
        collector = GarbageCollector.start(
                consensus,
                state,
                log,
                Optional.of(new DirectoryArchive(directory.resolve("archive"))),
                GarbageCollector.Settings.DEFAULT,
                Clock.systemUTC());
        services = new HttpServices(
                authentication.authenticator(),
                authentication.service(),
                authorizer,
                gate,
                new FetchService(gate, state.reader(), authorizer),
                new ConfigService(log, state.reader(), authorizer, gate),
                new VersionService(log, state.reader(), authorizer, gate),
                new ReleaseService(log, state.reader(), authorizer, gate),
                new PublishService(log, state.reader(), authorizer, gate),
                new ScheduleService(log, state.reader(), authorizer, gate),
                new RolloutService(log, state.reader(), authorizer, gate, gates),
                watch,
                new ClusterService(consensus, gate, authorizer),
                new GcService(log, state, collector, gate, authorizer, Clock.systemUTC()),
                new TrashService(
                        consensus, log, state, authorizer, gate, TrashService.DEFAULT_PROTECTION, Clock.systemUTC()),
                new SearchService(state.reader(), authorizer),
                new Metrics());
        runner = DeliveryRunner.start(state, consensus, log, gates, Duration.ofMillis(50), Clock.systemUTC());
        http = HttpProtocol.start(vertx, HttpServerConfig.plaintext("127.0.0.1", 0, "127.0.0.1", 0, true), services);
        admin = services.auth().login("admin", PASSWORD).accessToken();
        nobody = services.auth().login("nobody", PASSWORD).accessToken();
    }

    /** What a request came to. */
    record Answer(HttpResponse<byte[]> response) {
        int status() {
            return response.statusCode();
        }

        String text() {
            return new String(response.body(), StandardCharsets.UTF_8);
        }

        JsonNode json() {
            return MAPPER.readTree(response.body());
        }

        String code() {
            return json().path("code").asString();
        }

        String header(String name) {
            return response.headers().firstValue(name).orElse("");
        }

        long revision() {
            return Long.parseLong(header("X-Conflux-Revision"));
        }
    }

    Answer get(String path, String... headers) throws Exception {
        return send("GET", path, new byte[0], headers);
    }

    Answer json(String method, String path, String body, String... headers) throws Exception {
        var all = new ArrayList<>(List.of("Content-Type", "application/json"));
        all.addAll(List.of(headers));
        return send(method, path, body.getBytes(StandardCharsets.UTF_8), all.toArray(String[]::new));
    }

    Answer send(String method, String path, byte[] body, String... headers) throws Exception {
        return send(admin, method, path, body, headers);
    }

    /** With another token; empty for none. */
    Answer send(String token, String method, String path, byte[] body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path))
                .timeout(Duration.ofSeconds(20))
                .method(method, body.length == 0 ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return new Answer(client.send(request.build(), BodyHandlers.ofByteArray()));
    }

    HttpClient client() {
        return client;
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + http.port() + path);
    }

    /** Creates a config whose version 1 everybody gets; its id. */
    long published(String tenant, String name, String content) throws Exception {
        Answer answer = json("POST", "/api/v1/mgt/configs", """
                {"tenant":"%s","app":"app","env":"prod","name":"%s","format":"text","content":"%s","publish_initial":true}""".formatted(tenant, name, content));
        if (answer.status() != 201) {
            throw new AssertionError(answer.text());
        }
        return answer.json().at("/config/id").asLong();
    }

    @Override
    public void close() {
        http.close();
        collector.close();
        runner.close();
        services.watch().close();
        authentication.close();
        consensus.close();
        services.metrics().close();
        vertx.close().toCompletionStage().toCompletableFuture().join();
        client.close();
        state.close();
    }
}
