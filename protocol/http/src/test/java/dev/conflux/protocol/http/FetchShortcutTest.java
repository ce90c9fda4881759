package dev.conflux.protocol.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpRequest;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.impl.ConnectionBase;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FetchShortcutTest {

    private static final String PATH = FetchHandler.PREFIX + "short/app/prod/";
    /** What the test server answers to requests that were not answered before it saw them. */
    private static final int TEAPOT = 418;

    private static TestNode node;

    @BeforeAll
    static void start(@TempDir Path directory) throws Exception {
        node = new TestNode(directory);
        node.published("short", "small", "hello");
        node.published("short", "large", "x".repeat(100_000));
        long id = node.published("short", "labels", "stable");
        assertThat(node.json("POST", "/api/v1/mgt/configs/" + id + "/publish", """
                        {"content":"canary","releases":[{"labels":{"region":"eu"},"version_id":2,"priority":1},
                         {"labels":{},"version_id":1,"priority":0}]}""")
                        .status())
                .isEqualTo(200);
        assertThat(node.get(PATH + "small").status()).isEqualTo(200);
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    /** One HTTP/1.1 answer. */
    private record Answer(int status, Map<String, String> headers, String body) {}

    /** A connection on which requests can be sent before answers are read. */
    private static final class Connection implements AutoCloseable {
        private final Socket socket;
        private final InputStream in;

        Connection(int port) throws IOException {
            socket = new Socket(InetAddress.getLoopbackAddress(), port);
            socket.setSoTimeout(20_000);
            socket.setTcpNoDelay(true);
            in = new BufferedInputStream(socket.getInputStream());
        }

        void send(String text) throws IOException {
            socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        }

        Answer read() throws IOException {
            int status = Integer.parseInt(line().split(" ", 3)[1]);
            var headers = new HashMap<String, String>();
            for (String line = line(); !line.isEmpty(); line = line()) {
                String[] parts = line.split(": ", 2);
                headers.put(parts[0].toLowerCase(Locale.ROOT), parts[1]);
            }
            if (status == 100) {
                return read();
            }
            int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
            byte[] body = in.readNBytes(length);
            assertThat(body).hasSize(length);
            return new Answer(status, headers, new String(body, StandardCharsets.UTF_8));
        }

        boolean ended() throws IOException {
            return in.read() < 0;
        }

        private String line() throws IOException {
            var line = new StringBuilder();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                assertThat(c).as("end of the connection after: " + line).isNotNegative();
                if (c != '\r') {
                    line.append((char) c);
                }
            }
            return line.toString();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private static String get(String path, String... headers) {
        return request("GET", path, "", headers);
    }

    private static String request(String method, String path, String body, String... headers) {
        var text = new StringBuilder(
                method + " " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + node.admin + "\r\n");
        for (String header : headers) {
            text.append(header).append("\r\n");
        }
        return text.append("\r\n").append(body).toString();
    }

    private interface Try {
        void with(Connection connection) throws Exception;
    }

    /** A server that answers nothing itself: what is not 418 came from the short cut. */
    private static void onBareServer(Try test) throws Exception {
        onBareServer(new HttpServerOptions(), new AtomicInteger(), test);
    }

    /** @param read counts requests that the library's decoder has read */
    private static void onBareServer(HttpServerOptions options, AtomicInteger read, Try test) throws Exception {
        Vertx vertx = Vertx.vertx();
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            HttpServer server = vertx.createHttpServer(options)
                    .requestHandler(request -> request.bodyHandler(
                            _ -> request.response().setStatusCode(TEAPOT).end()))
                    .connectionHandler(connection -> {
                        new FetchHandler(
                                        node.services,
                                        new Responder(node.services.gate()),
                                        new Blocking(vertx, executor, new Semaphore(1)))
                                .shorten(connection);
                        ((ConnectionBase) connection)
                                .channel()
                                .pipeline()
                                .addAfter("httpDecoder", "count", new ChannelInboundHandlerAdapter() {
                                    @Override
                                    public void channelRead(ChannelHandlerContext context, Object message) {
                                        if (message instanceof HttpRequest) {
                                            read.incrementAndGet();
                                        }
                                        context.fireChannelRead(message);
                                    }
                                });
                    });
            server.listen(0, "127.0.0.1")
                    .toCompletionStage()
                    .toCompletableFuture()
                    .join();
            try (var connection = new Connection(server.actualPort())) {
                test.with(connection);
            }
        } finally {
            vertx.close().toCompletionStage().toCompletableFuture().join();
        }
    }

    @Test
    void answersTheCommonFetchBeforeTheLibraryMakesARequestOfIt() throws Exception {
        onBareServer(connection -> {
            for (int i = 0; i < 3; i++) {
                connection.send(get(PATH + "small", "Connection: keep-alive"));
                assertThat(connection.read()).matches(answer -> answer.status == 200 && answer.body.equals("hello"));
            }
            connection.send(get(PATH + "large"));
            assertThat(connection.read().body).isEqualTo("x".repeat(100_000));
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HEAD /api/v1/fetch/config/short/app/prod/small HTTP/1.1|",
                "GET /api/v1/fetch/config/short/app/prod/small?x=y HTTP/1.1|",
                "GET /api/v1/fetch/config/short/app/prod/sm%61ll HTTP/1.1|",
                "GET /api/v1/fetch/config/short/app/prod/absent HTTP/1.1|",
                "GET /api/v1/fetch/configs/short/app/prod HTTP/1.1|",
                "GET /api/v1/fetch/config/short/app/prod/small HTTP/1.0|Connection: keep-alive",
                "GET /api/v1/fetch/config/short/app/prod/small HTTP/1.1|Connection: close",
                "GET /api/v1/fetch/config/short/app/prod/small HTTP/1.1|Content-Length: 0",
                "GET /api/v1/fetch/config/short/app/prod/small HTTP/1.1|Authorization: Bearer other",
                "GET /api/v1/fetch/config/short/app/prod/small HTTP/1.1|If-None-Match: \"a\"|If-None-Match: \"b\"",
                "GET /api/v1/fetch/config/short/app/prod/small HTTP/1.1|X-Conflux-Consistency: stale",
                "GET /api/v1/fetch/config/short/app/prod/small HTTP/1.1|X-Conflux-Min-Revision: 1",
                "GET /api/v1/fetch/config/short/app/prod/small HTTP/1.1|X-Client-Label-a: 1|X-Client-Label-A: 2"
            })
    void leavesTheUncommonToTheLibrary(String request) throws Exception {
        onBareServer(connection -> {
            String[] lines = request.split("\\|", 2);
            connection.send(lines[0] + "\r\nHost: x\r\nAuthorization: Bearer " + node.admin + "\r\n"
                    + (lines[1].isEmpty() ? "" : lines[1].replace("|", "\r\n") + "\r\n") + "\r\n");
            assertThat(connection.read().status).isEqualTo(TEAPOT);
        });
    }

    @Test
    void saysTheSameAsTheLongWay() throws Exception {
        try (var connection = new Connection(node.http.port())) {
            for (String name : new String[] {"small", "large", "labels"}) {
                connection.send(get(PATH + name, "X-Client-Label-Region: eu"));
                Answer shorter = connection.read();
                connection.send(get(PATH + name, "X-Client-Label-Region: eu", "X-Conflux-Consistency: stale"));
                Answer longer = connection.read();
                assertThat(shorter.body).isEqualTo(longer.body);
                assertThat(shorter.headers.keySet()).isEqualTo(longer.headers.keySet());
                for (String header : new String[] {
                    "etag",
                    "content-type",
                    "content-length",
                    "x-config-version",
                    "x-config-hash",
                    "x-config-format",
                    "x-conflux-revision"
                }) {
                    assertThat(shorter.headers.get(header)).as(header).isEqualTo(longer.headers.get(header));
                }
                connection.send(
                        get(PATH + name, "X-Client-Label-Region: eu", "If-None-Match: " + longer.headers.get("etag")));
                Answer unchanged = connection.read();
                assertThat(unchanged.status).isEqualTo(304);
                assertThat(unchanged.headers.get("etag")).isEqualTo(longer.headers.get("etag"));
            }
        }
    }

    @Test
    void labelsAreThoseOfEachRequest() throws Exception {
        try (var connection = new Connection(node.http.port())) {
            for (int i = 0; i < 3; i++) {
                connection.send(get(PATH + "labels", "X-Client-Label-Region: eu"));
                assertThat(connection.read().body).isEqualTo("canary");
                connection.send(get(PATH + "labels", "X-Client-Label-Region: us"));
                assertThat(connection.read().body).isEqualTo("stable");
                connection.send(get(PATH + "labels"));
                assertThat(connection.read().body).isEqualTo("stable");
            }
        }
    }

    @Test
    void answersStayInTheOrderOfPipelinedRequests() throws Exception {
        try (var connection = new Connection(node.http.port())) {
            var all = new StringBuilder();
            int rounds = 50;
            for (int i = 0; i < rounds; i++) {
                all.append(get(PATH + "small"))
                        .append(get("/api/v1/mgt/configs?tenant=short&limit=1")) // on another thread
                        .append(get(PATH + "labels"))
                        .append(get(PATH + "large"))
                        .append(get(PATH + "absent"))
                        .append(request("POST", "/api/v1/mgt/configs", "{}", "Content-Length: 2"))
                        .append(get(PATH + "small"))
                        .append(get(PATH + "small", "X-Conflux-Consistency: linearizable"));
            }
            Thread sender = Thread.ofVirtual().start(() -> {
                try {
                    connection.send(all.toString());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            for (int i = 0; i < rounds; i++) {
                assertThat(connection.read().body).isEqualTo("hello");
                assertThat(connection.read().body).startsWith("{");
                assertThat(connection.read().body).isEqualTo("stable");
                assertThat(connection.read().body).hasSize(100_000);
                assertThat(connection.read().status).isEqualTo(404);
                assertThat(connection.read().status).isEqualTo(400);
                assertThat(connection.read().body).isEqualTo("hello");
                assertThat(connection.read().body).isEqualTo("hello");
            }
            sender.join();
        }
    }

    @Test
    void readsHeadersOnceThatStayTheSame() throws Exception {
        var read = new AtomicInteger();
        onBareServer(new HttpServerOptions(), read, connection -> {
            String request = get(PATH + "small", "X-Client-Label-Region: eu");
            for (int i = 0; i < 3; i++) {
                connection.send(request);
                assertThat(connection.read().body).isEqualTo("hello");
            }
            int before = read.get();
            for (int i = 0; i < 50; i++) {
                connection.send(request + get(PATH + "labels", "X-Client-Label-Region: eu"));
                assertThat(connection.read().body).isEqualTo("hello");
                assertThat(connection.read().body).isEqualTo("canary");
            }
            // One may be cut while the read buffer grows to the length of two.
            int after = read.get();
            assertThat(after).as("requests that the decoder has read").isBetween(before, before + 2);
            connection.send(get(PATH + "labels", "X-Client-Label-Region: us"));
            assertThat(connection.read().body).isEqualTo("stable");
            assertThat(read).hasValue(after + 1);
            connection.send(get(PATH + "labels", "X-Client-Label-Region: us"));
            assertThat(connection.read().body).isEqualTo("stable");
            assertThat(read).as("the newest headers are remembered").hasValue(after + 1);
        });
    }

    @Test
    void countsRepeatedRequestsAsTraffic() throws Exception {
        var options = new HttpServerOptions().setIdleTimeout(3).setIdleTimeoutUnit(TimeUnit.SECONDS);
        onBareServer(options, new AtomicInteger(), connection -> {
            long longer = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
            await().atMost(Duration.ofSeconds(30))
                    .pollInterval(Duration.ofMillis(500))
                    .until(() -> {
                        connection.send(get(PATH + "small"));
                        assertThat(connection.read().body).isEqualTo("hello");
                        return System.nanoTime() - longer > 0;
                    });
        });
    }

    /** One request and what its answer must be. */
    private record Expected(
            String request, int status, @Nullable String body) {}

    /** Bodies that look like requests, heads that look like ends: cut anywhere, each byte is what it would be alone. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void understandsRequestsHoweverTheyAreCut(long seed) throws Exception {
        var random = new Random(seed);
        String fetch = get(PATH + "small");
        var kinds = List.of(
                new Expected(fetch, 200, "hello"),
                new Expected(fetch, 200, "hello"),
                new Expected(get(PATH + "labels"), 200, "stable"),
                new Expected(get(PATH + "labels", "X-Client-Label-Region: eu"), 200, "canary"),
                new Expected(get(PATH + "absent"), 404, null),
                new Expected(
                        request("POST", "/api/v1/mgt/configs", fetch, "Content-Length: " + fetch.length()), 400, null),
                new Expected(
                        request(
                                "POST",
                                "/api/v1/mgt/configs",
                                Integer.toHexString(fetch.length()) + "\r\n" + fetch + "\r\n0\r\n\r\n",
                                "Transfer-Encoding: chunked"),
                        400,
                        null),
                new Expected(request("GET", PATH + "small", fetch, "Content-Length: " + fetch.length()), 200, "hello"),
                new Expected(get("/api/v1/mgt/configs?tenant=short&limit=1"), 200, null));
        var sent = new ArrayList<Expected>();
        for (int i = 0; i < 120; i++) {
            // Mostly the common ones: only then are headers remembered.
            sent.add(kinds.get(random.nextInt(3) > 0 ? 0 : random.nextInt(kinds.size())));
        }
        var answers = new LinkedBlockingQueue<Answer>();
        try (var connection = new Connection(node.http.port())) {
            Thread reader = Thread.ofVirtual().start(() -> {
                try {
                    for (int i = 0; i < sent.size(); i++) {
                        answers.add(connection.read());
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            var pending = new StringBuilder();
            for (Expected one : sent) {
                pending.append(one.request);
                while (!pending.isEmpty() && random.nextInt(4) > 0) {
                    int cut = random.nextInt(3) == 0 ? 1 + random.nextInt(pending.length()) : pending.length();
                    connection.send(pending.substring(0, cut));
                    pending.delete(0, cut);
                }
            }
            connection.send(pending.toString());
            for (Expected one : sent) {
                Answer answer = answers.poll(20, TimeUnit.SECONDS);
                assertThat(answer).isNotNull();
                assertThat(answer.status).as(one.request).isEqualTo(one.status);
                if (one.body != null) {
                    assertThat(answer.body).as(one.request).isEqualTo(one.body);
                }
            }
            reader.join();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n",
                "GET %s HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
                "GET %s HTTP/1.1\r\nHost: x\r\n bad\u0000name: Bearer %s\r\n\r\n"
            })
    void saysNothingAfterTheLastAnswer(String last) throws Exception {
        try (var connection = new Connection(node.http.port())) {
            for (int i = 0; i < 4; i++) {
                connection.send(get(PATH + "small"));
                assertThat(connection.read().body).isEqualTo("hello");
            }
            connection.send(last.formatted(PATH + "small", node.admin) + get(PATH + "small") + get(PATH + "small"));
            connection.read();
            assertThat(connection.ended()).isTrue();
        }
    }

    @Test
    void anAnswerToContinueIsNotTheEndOfAnAnswer() throws Exception {
        try (var connection = new Connection(node.http.port())) {
            connection.send(request("POST", "/api/v1/mgt/configs", "", "Content-Length: 2", "Expect: 100-continue"));
            connection.send("{}" + get(PATH + "small"));
            assertThat(connection.read().status).isEqualTo(400);
            assertThat(connection.read().body).isEqualTo("hello");
        }
    }

    @Test
    void closesWhenTheClientSaysSo() throws Exception {
        try (var connection = new Connection(node.http.port())) {
            connection.send(get(PATH + "small") + get(PATH + "small", "Connection: close"));
            assertThat(connection.read().body).isEqualTo("hello");
            assertThat(connection.read().body).isEqualTo("hello");
            assertThat(connection.ended()).isTrue();
        }
    }

    @Test
    void refusesATokenThatNoLongerHolds() throws Exception {
        String token = node.services.auth().login("admin", TestNode.PASSWORD).accessToken();
        try (var connection = new Connection(node.http.port())) {
            String request = "GET " + PATH + "small HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n";
            connection.send(request);
            assertThat(connection.read().status).isEqualTo(200);
            connection.send(request);
            assertThat(connection.read().status).isEqualTo(200);
            assertThat(node.send(token, "POST", "/api/v1/auth/logout", new byte[0])
                            .status())
                    .isEqualTo(204);
            connection.send(request);
            assertThat(connection.read().status).isEqualTo(401);
        }
    }
}
