package dev.conflux.base.observe;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * The process's metrics. Names are {@code conflux_*}; look meters up once and keep them, never per request. Labels must
 * have few values: no config, user or address.
 */
public final class Metrics implements AutoCloseable {

    /** What {@link #scrape} is written in. */
    public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    /** From what memory answers to what a person notices. */
    private static final Duration[] LATENCY_BUCKETS = {
        Duration.ofNanos(100_000),
        Duration.ofMillis(1),
        Duration.ofMillis(10),
        Duration.ofMillis(100),
        Duration.ofMillis(500),
        Duration.ofSeconds(5)
    };

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final JvmGcMetrics gc = new JvmGcMetrics();

    /** With those of the JVM and the process. */
    public Metrics() {
        this(true);
    }

    /** For a part that is embedded by somebody who does not look at its metrics: nothing but what the part registers. */
    public static Metrics ofPart() {
        return new Metrics(false);
    }

    private Metrics(boolean process) {
        if (!process) {
            return;
        }
        gc.bindTo(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
    }

    /** For libraries that bring their own meters. */
    public MeterRegistry registry() {
        return registry;
    }

    /** A latency with buckets; {@code name} without a unit. */
    public Timer timer(String name, String help, String... labels) {
        return Timer.builder(name)
                .description(help)
                .tags(labels)
                .serviceLevelObjectives(LATENCY_BUCKETS)
                .register(registry);
    }

    public Counter counter(String name, String help, String... labels) {
        return Counter.builder(name).description(help).tags(labels).register(registry);
    }

    /** A counter that somebody keeps already, read when it is looked at; {@code source} must live as long as it counts. */
    public <T> void counter(String name, String help, T source, ToDoubleFunction<T> count, String... labels) {
        FunctionCounter.builder(name, source, count)
                .description(help)
                .tags(labels)
                .register(registry);
    }

    /** Read when it is looked at; must not block. */
    public void gauge(String name, String help, Supplier<Number> value, String... labels) {
        Gauge.builder(name, value).description(help).tags(labels).register(registry);
    }

    /** Everything, in Prometheus' text format. Takes milliseconds: not on an event loop. */
    public String scrape() {
        return registry.scrape();
    }

    @Override
    public void close() {
        gc.close();
        registry.close();
    }
}
