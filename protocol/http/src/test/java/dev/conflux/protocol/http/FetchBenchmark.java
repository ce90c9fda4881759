package dev.conflux.protocol.http;

import io.vertx.core.AbstractVerticle;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Files;
import java.util.Map;
import java.util.TreeMap;

/**
 * What does fetch cost over a bare server with the same bytes? Prints both addresses and waits; drive them with a load
 * generator, one after the other. Not a test: started by hand.
 */
public final class FetchBenchmark {

    private FetchBenchmark() {}

    public static void main(String[] args) throws Exception {
        try (var node = new TestNode(Files.createTempDirectory("fetch-benchmark"))) {
            node.published("bench", "config", "x".repeat(1024));
            String path = "/api/v1/fetch/config/bench/app/prod/config";
            TestNode.Answer answer = node.get(path);
            Vertx vertx = Vertx.vertx();
            vertx.deployVerticle(
                            () -> new Bare(answer),
                            new DeploymentOptions().setInstances(HttpServerConfig.defaultInstances()))
                    .toCompletionStage()
                    .toCompletableFuture()
                    .join();
            System.out.println("fetch http://127.0.0.1:" + node.http.port() + path);
            System.out.println("bare  http://127.0.0.1:" + Bare.PORT + "/");
            System.out.println("token " + node.admin);
            System.in.read();
            vertx.close().toCompletionStage().toCompletableFuture().join();
        }
    }

    private static final class Bare extends AbstractVerticle {
        private static final int PORT = 18_099;
        private final byte[] content;
        private final Map<String, String> headers = new TreeMap<>();

        Bare(TestNode.Answer answer) {
            content = answer.response().body();
            answer.response().headers().map().forEach((name, values) -> headers.put(name, values.getFirst()));
            headers.remove("content-length");
        }

        @Override
        public void start() {
            vertx.createHttpServer()
                    .requestHandler(request -> {
                        var response = request.response();
                        headers.forEach(response::putHeader);
                        response.end(Buffer.buffer(content));
                    })
                    .listen(PORT);
        }
    }
}
