package dev.conflux.adapter.gates;

import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.service.GateProbe;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Asks gates by HTTP: one request each, no redirects, within a time for everything and a size of the answer. Blocks its
 * (virtual) thread. Safe for any number of threads.
 */
public final class HttpGateProbe implements GateProbe, AutoCloseable {

    /** An answer of a gate: a verdict, or a few samples of a query. */
    static final int MAX_ANSWER_BYTES = 256 * 1024;

    private static final int MAX_DEPTH = 32;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxDocumentLength(MAX_ANSWER_BYTES)
                            .build())
                    .build())
            .build();

    private final AllowedHosts hosts;
    private final Duration timeout;

    /** Made at the first question: most nodes never ask any, and a client has a thread and a TLS context. */
    private @Nullable HttpClient client;

    /** @param timeout for one question, from connecting to the last byte of the answer */
    public HttpGateProbe(AllowedHosts hosts, Duration timeout) {
        this.hosts = hosts;
        this.timeout = timeout;
    }

    private synchronized HttpClient client() {
        HttpClient made = client;
        if (made == null) {
            made = HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .followRedirects(HttpClient.Redirect.NEVER)
                    .connectTimeout(timeout)
                    .build();
            client = made;
        }
        return made;
    }

    @Override
    public Optional<String> refusal(Gate gate) {
        return switch (gate) {
            case Gate.Manual() -> Optional.empty();
            case Gate.Prometheus prometheus -> hosts.refusal(prometheus.url());
            case Gate.Webhook(String url) -> hosts.refusal(url);
        };
    }

    @Override
    public Answer ask(Gate gate, Rollout rollout, String configName) {
        Optional<String> refusal = refusal(gate);
        if (refusal.isPresent()) {
            return new Answer.Unknown(refusal.get());
        }
        return switch (gate) {
            case Gate.Manual() -> new Answer.Pass("a person decides");
            case Gate.Prometheus prometheus -> query(prometheus);
            case Gate.Webhook(String url) -> webhook(url, rollout, configName);
        };
    }

    // ---- Prometheus: https://prometheus.io/docs/prometheus/latest/querying/api/

    private Answer query(Gate.Prometheus gate) {
        String base =
                gate.url().endsWith("/") ? gate.url().substring(0, gate.url().length() - 1) : gate.url();
        String form = "query=" + URLEncoder.encode(gate.query(), StandardCharsets.UTF_8);
        return read(
                "prometheus " + base,
                HttpRequest.newBuilder(URI.create(base + "/api/v1/query"))
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .POST(BodyPublishers.ofString(form)),
                json -> samples(gate, json));
    }

    private static Answer samples(Gate.Prometheus gate, JsonNode json) {
        if (!json.path("status").asString("").equals("success")) {
            return new Answer.Unknown("prometheus: " + json.path("error").asString("no status success"));
        }
        JsonNode result = json.at("/data/result");
        String type = json.at("/data/resultType").asString("");
        return switch (type) {
            case "scalar" -> compared(gate, result.path(1));
            case "vector" -> {
                Answer all = new Answer.Unknown("prometheus: the query has no sample");
                for (JsonNode sample : result) {
                    all = compared(gate, sample.at("/value/1"));
                    if (!(all instanceof Answer.Pass)) {
                        break;
                    }
                }
                yield all;
            }
            default -> new Answer.Unknown("prometheus: result of type " + type + " (expected: scalar or vector)");
        };
    }

    private static Answer compared(Gate.Prometheus gate, JsonNode sample) {
        double value;
        try {
            // Prometheus writes +Inf, Java reads Infinity.
            value = Double.parseDouble(sample.asString("").replace("Inf", "Infinity"));
        } catch (NumberFormatException e) {
            return new Answer.Unknown("prometheus: a sample that is no number");
        }
        if (Double.isNaN(value)) {
            return new Answer.Unknown("prometheus: a sample is NaN");
        }
        String told = "prometheus: " + value + " " + gate.comparison().sign() + " " + gate.threshold();
        return gate.comparison().holds(value, gate.threshold())
                ? new Answer.Pass(told + " holds")
                : new Answer.Fail(told + " does not hold");
    }

    // ---- webhook

    private Answer webhook(String url, Rollout rollout, String configName) {
        ObjectNode question = JsonNodeFactory.instance
                .objectNode()
                .put("config", configName)
                .put("config_id", rollout.configId())
                .put("rollout_id", rollout.id())
                .put("version_id", rollout.versionId())
                .put("stage", rollout.stage() + 1)
                .put("stages", rollout.stages().size());
        return read(
                "webhook " + url,
                HttpRequest.newBuilder(URI.create(url))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofByteArray(MAPPER.writeValueAsBytes(question))),
                HttpGateProbe::verdict);
    }

    private static Answer verdict(JsonNode json) {
        String verdict = json.path("verdict").asString("");
        String reason = "webhook: " + json.path("reason").asString(verdict);
        return switch (verdict) {
            case "pass" -> new Answer.Pass(reason);
            case "fail" -> new Answer.Fail(reason);
            case "wait" -> new Answer.Wait(reason);
            default -> new Answer.Unknown("webhook: no verdict (expected: pass, fail or wait)");
        };
    }

    // ---- both

    /** What an answer means. */
    private interface Reader {
        Answer read(JsonNode json);
    }

    private Answer read(String whom, HttpRequest.Builder request, Reader reader) {
        CompletableFuture<HttpResponse<byte[]>> sent = client().sendAsync(
                        request.header("Accept", "application/json")
                                .timeout(timeout)
                                .build(),
                        BodyHandlers.limiting(info -> BodySubscribers.ofByteArray(), MAX_ANSWER_BYTES));
        try {
            // The request's own timeout ends with the headers; this one is for everything.
            HttpResponse<byte[]> answer = sent.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            if (answer.statusCode() != 200) {
                return new Answer.Unknown(whom + ": status " + answer.statusCode() + " (expected: 200)");
            }
            return reader.read(MAPPER.readTree(answer.body()));
        } catch (TimeoutException e) {
            sent.cancel(true);
            return new Answer.Unknown(whom + ": no answer within " + timeout.toMillis() + " ms");
        } catch (ExecutionException e) {
            String why = e.getCause() instanceof IOException io ? io.toString() : String.valueOf(e.getCause());
            return new Answer.Unknown(whom + ": " + why);
        } catch (JacksonException e) {
            return new Answer.Unknown(whom + ": the answer is not JSON");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Answer.Unknown(whom + ": this node stops");
        }
    }

    @Override
    public synchronized void close() {
        if (client != null) {
            client.shutdownNow();
        }
    }
}
