package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.base.observe.Tracing;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.Principal;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.InMemoryStateStore;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class TracingTest {

    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final Caller CALLER = new Caller(new Principal(1, "admin", true), TRACE);

    private final List<SpanData> exported = new CopyOnWriteArrayList<>();

    private OpenTelemetry sdk(SdkTracerProvider provider) {
        return new OpenTelemetry() {
            @Override
            public TracerProvider getTracerProvider() {
                return provider;
            }

            @Override
            public ContextPropagators getPropagators() {
                return ContextPropagators.noop();
            }
        };
    }

    private SdkTracerProvider provider() {
        return SdkTracerProvider.builder()
                .addSpanProcessor(SimpleSpanProcessor.create(new SpanExporter() {
                    @Override
                    public CompletableResultCode export(Collection<SpanData> spans) {
                        exported.addAll(spans);
                        return CompletableResultCode.ofSuccess();
                    }

                    @Override
                    public CompletableResultCode flush() {
                        return CompletableResultCode.ofSuccess();
                    }

                    @Override
                    public CompletableResultCode shutdown() {
                        return CompletableResultCode.ofSuccess();
                    }
                }))
                .build();
    }

    private static Command create(String name) {
        return new Command.CreateConfig(
                ConfigKey.of("t", "app", "prod", name),
                Metadata.EMPTY,
                new NewContent(new byte[] {65}, Format.TEXT, "", null, null).checked(Format.TEXT),
                List.of(),
                "");
    }

    private SpanData span(String name) {
        List<SpanData> found =
                exported.stream().filter(span -> span.getName().equals(name)).toList();
        assertThat(found).as(name).hasSize(1);
        return found.getFirst();
    }

    @Test
    void shouldTellHowAWriteTravelsUnderOneTraceId() {
        try (SdkTracerProvider provider = provider();
                ConfigState state = new ConfigState(new InMemoryStateStore())) {
            // given
            Tracing tracing = Tracing.of(sdk(provider));
            var consensus = new SingleNodeConsensus(new TracedStateMachine(state, tracing));
            var log = new CommandLog(consensus, state, Duration.ofSeconds(5), tracing);

            // when
            log.submit(CALLER, create("c"));

            // then
            SpanData propose = span("propose");
            assertThat(propose.getTraceId()).isEqualTo(TRACE);
            for (String below : List.of("replicate", "apply")) {
                assertThat(span(below).getTraceId()).isEqualTo(TRACE);
                assertThat(span(below).getParentSpanId()).isEqualTo(propose.getSpanId());
                assertThat(span(below).getAttributes().get(AttributeKey.longKey("conflux.log_index")))
                        .isEqualTo(1);
            }

            // when
            exported.clear();
            try {
                log.submit(CALLER, new Command.DeleteConfig(99));
            } catch (ConfluxException refused) {
                assertThat(refused.error().code().name()).isEqualTo("CONFIG_NOT_FOUND");
            }

            // then
            assertThat(span("apply").getStatus().getStatusCode())
                    .as("a refusal is a result")
                    .isEqualTo(StatusCode.UNSET);
            consensus.close();
        }
    }

    @Test
    void shouldBoundSpansAndDoNothingWithoutAnSdk() {
        assertThat(Tracing.of(OpenTelemetry.noop()).on()).isFalse();
        assertThat(Tracing.ofProcess().on()).isFalse();
        assertThat(Tracing.off().begin("propose", TRACE)).isNull();
        try (SdkTracerProvider provider = provider()) {
            Tracing tracing = Tracing.of(sdk(provider));
            assertThat(tracing.on()).isTrue();
            for (int i = 0; i < 1_000; i++) {
                Tracing.Open span = tracing.begin("propose", TRACE);
                if (span != null) {
                    span.close();
                }
            }
            assertThat(exported.size()).as("100 per second").isBetween(100, 400);
        }
    }
}
