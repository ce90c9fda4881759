package dev.conflux.adapter.gates;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Gate.Comparison;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.service.GateProbe.Answer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Gates against a real HTTP server. */
class HttpGateProbeTest {

    private static final Rollout ROLLOUT = new Rollout(
            12,
            7,
            3,
            List.of(new Rollout.Stage(new TreeMap<>(), 500, 0, List.of())),
            "client-id",
            "rollout-12",
            List.of(),
            Rollout.State.RUNNING,
            0,
            0,
            "",
            "ann",
            12,
            List.of());

    private HttpServer server;
    private HttpGateProbe probe;
    private volatile String answer = "";
    private volatile int status = 200;
    private volatile String question = "";

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            question = exchange.getRequestURI() + " "
                    + new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            if (status == 302) {
                exchange.getResponseHeaders().add("Location", base() + "/elsewhere");
            }
            byte[] body = answer.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        probe = new HttpGateProbe(
                new AllowedHosts(List.of("127.0.0.1:" + server.getAddress().getPort())), Duration.ofSeconds(5));
    }

    @AfterEach
    void stop() {
        probe.close();
        server.stop(0);
    }

    private String base() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private Answer webhook() {
        return probe.ask(new Gate.Webhook(base() + "/gate"), ROLLOUT, "t/a/e/n");
    }

    private Answer prometheus(Comparison comparison, double threshold) {
        return probe.ask(
                new Gate.Prometheus(base() + "/", "rate(errors[5m]) & more", comparison, threshold),
                ROLLOUT,
                "t/a/e/n");
    }

    @Test
    void shouldAskAWebhookAndBelieveItsVerdict() {
        answer = "{\"verdict\":\"pass\"}";
        assertThat(webhook()).isEqualTo(new Answer.Pass("webhook: pass"));
        assertThat(question)
                .isEqualTo(
                        "/gate {\"config\":\"t/a/e/n\",\"config_id\":7,\"rollout_id\":12,\"version_id\":3,\"stage\":1,"
                                + "\"stages\":1}");
        answer = "{\"verdict\":\"fail\",\"reason\":\"5 % errors\"}";
        assertThat(webhook()).isEqualTo(new Answer.Fail("webhook: 5 % errors"));
        answer = "{\"verdict\":\"wait\"}";
        assertThat(webhook()).isInstanceOf(Answer.Wait.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{}", "{\"verdict\":\"PASS\"}", "{\"verdict\":1}", "pass", "{"})
    void shouldNotTakeAnythingElseForAVerdict(String text) {
        answer = text;
        assertThat(webhook()).isInstanceOf(Answer.Unknown.class);
    }

    @Test
    void shouldNotFollowRedirectsNorReadWithoutEndNorTrustErrors() {
        answer = "{\"verdict\":\"pass\"}";
        status = 302;
        assertThat(webhook())
                .isInstanceOfSatisfying(
                        Answer.Unknown.class,
                        unknown -> assertThat(unknown.reason()).contains("status 302"));
        assertThat(question).startsWith("/gate ");
        status = 500;
        assertThat(webhook()).isInstanceOf(Answer.Unknown.class);
        status = 200;
        answer = "{\"verdict\":\"pass\",\"reason\":\"" + "x".repeat(HttpGateProbe.MAX_ANSWER_BYTES) + "\"}";
        assertThat(webhook()).isInstanceOf(Answer.Unknown.class);
    }

    @Test
    void shouldGiveUpOnWhoeverIsSilentOrAway() throws IOException {
        try (var impatient = new HttpGateProbe(new AllowedHosts(List.of("127.0.0.1")), Duration.ofMillis(200))) {
            int port;
            try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
                port = silent.getLocalPort();
                assertThat(impatient.ask(new Gate.Webhook("http://127.0.0.1:" + port), ROLLOUT, "n"))
                        .isInstanceOf(Answer.Unknown.class);
            }
            assertThat(impatient.ask(new Gate.Webhook("http://127.0.0.1:" + port), ROLLOUT, "n"))
                    .isInstanceOf(Answer.Unknown.class);
        }
    }

    @Test
    void shouldCompareEverySampleOfAQuery() {
        answer = vector("0.5");
        assertThat(prometheus(Comparison.LESS, 1)).isEqualTo(new Answer.Pass("prometheus: 0.5 < 1.0 holds"));
        assertThat(URLDecoder.decode(question, StandardCharsets.UTF_8))
                .isEqualTo("/api/v1/query query=rate(errors[5m]) & more");
        assertThat(prometheus(Comparison.GREATER, 1)).isInstanceOf(Answer.Fail.class);
        answer = vector("0.5", "2");
        assertThat(prometheus(Comparison.LESS, 1)).isEqualTo(new Answer.Fail("prometheus: 2.0 < 1.0 does not hold"));
        answer = vector("+Inf");
        assertThat(prometheus(Comparison.LESS, 1)).isInstanceOf(Answer.Fail.class);
        answer = "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"3\"]}}";
        assertThat(prometheus(Comparison.GREATER_OR_EQUAL, 3)).isInstanceOf(Answer.Pass.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"status\":\"error\",\"error\":\"parse error\"}",
                "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
                "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"value\":[1,\"NaN\"]}]}}",
                "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"value\":[1,\"many\"]}]}}",
                "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}",
                "null"
            })
    void shouldNotKnowWithoutANumber(String text) {
        answer = text;
        assertThat(prometheus(Comparison.LESS, 1)).isInstanceOf(Answer.Unknown.class);
    }

    @ParameterizedTest
    @CsvSource({
        "http://prom.local:9090/x,",
        "HTTP://PROM.LOCAL:9090,",
        "https://hooks.local:444/,",
        "http://prom.local/, host prom.local:80 is not in rollouts.gate_hosts",
        "http://prom.local.evil.test:9090/, host prom.local.evil.test:9090 is not in rollouts.gate_hosts",
        "http://169.254.169.254/latest/meta-data, host 169.254.169.254:80 is not in rollouts.gate_hosts",
        "http://[::1]:9090/, host [::1]:9090 is not in rollouts.gate_hosts",
        "http://prom.local:9090@127.0.0.1/, user in the URL",
        "http://ann@prom.local:9090/, user in the URL",
        "http://prom.local:9090/#x, fragment in the URL",
        "file:///etc/passwd, scheme file",
        "gopher://prom.local:9090/, scheme gopher",
        "//prom.local:9090/, scheme null",
        "http:///x, no host",
        "http://prom.local:9090/a b, not a URL",
    })
    void shouldAskOnlyHostsOfTheList(String url, String refusal) {
        var hosts = new AllowedHosts(List.of("prom.local:9090", "Hooks.local"));
        assertThat(hosts.refusal(url).orElse(null)).isEqualTo(refusal);
        assertThat(new AllowedHosts(List.of()).refusal(url)).isPresent();
    }

    private static String vector(String... values) {
        var samples = new StringBuilder();
        for (String value : values) {
            samples.append(samples.isEmpty() ? "" : ",")
                    .append("{\"metric\":{},\"value\":[1,\"")
                    .append(value)
                    .append("\"]}");
        }
        return "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" + samples + "]}}";
    }
}
