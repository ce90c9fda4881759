package dev.conflux.qa.bench;

import io.netty.buffer.Unpooled;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.internal.buffer.BufferInternal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the HTTP library can do at best: looks the path up in a map and answers with the bytes and the same number of
 * header bytes as a node's, constant. No token, no labels, no rules, no metrics, no limits.
 */
final class BareServer {

    private record Header(CharSequence name, CharSequence value) {}

    private BareServer() {}

    /** Arguments: port, event loops, directory whose files are the bodies by path, file with the answers' headers. */
    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(arguments[0]);
        int loops = Integer.parseInt(arguments[1]);
        Path root = Path.of(arguments[2]);
        var bodies = new HashMap<String, byte[]>();
        try (var files = Files.walk(root)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                bodies.put("/" + root.relativize(file), Files.readAllBytes(file));
            }
        }
        var headers = new ArrayList<Header>();
        for (String line : Files.readAllLines(Path.of(arguments[3]))) {
            String[] parts = line.split(": ", 2);
            headers.add(new Header(HttpHeaders.createOptimized(parts[0]), HttpHeaders.createOptimized(parts[1])));
        }
        Vertx vertx = Vertx.vertx();
        vertx.deployVerticle(() -> new Instance(port, bodies, headers), new DeploymentOptions().setInstances(loops))
                .toCompletionStage()
                .toCompletableFuture()
                .join();
        var line = new LifeLine();
        line.say("ready");
        while (line.next() != null) {
            line.say("bare");
        }
        Runtime.getRuntime().halt(0); // Nothing of it is needed any more.
    }

    private static final class Instance extends VerticleBase {

        private final int port;
        private final Map<String, byte[]> bodies;
        private final List<Header> headers;

        Instance(int port, Map<String, byte[]> bodies, List<Header> headers) {
            this.port = port;
            this.bodies = bodies;
            this.headers = headers;
        }

        @Override
        public Future<?> start() {
            var options = new HttpServerOptions()
                    .setHost("127.0.0.1")
                    .setPort(port)
                    .setTcpNoDelay(true)
                    .setAcceptBacklog(1024)
                    .setHttp2ClearTextEnabled(true);
            return vertx.createHttpServer(options).requestHandler(this::answer).listen();
        }

        private void answer(HttpServerRequest request) {
            HttpServerResponse response = request.response();
            byte[] body = bodies.get(request.uri());
            if (body == null) {
                response.setStatusCode(404).end();
                return;
            }
            for (Header header : headers) {
                response.putHeader(header.name, header.value);
            }
            response.end(BufferInternal.buffer(Unpooled.wrappedBuffer(body)));
        }
    }
}
