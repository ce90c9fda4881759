package dev.conflux.qa.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Every benchmark runs, with tiny inputs, from what was packaged. Needs neither wrk nor h2load nor nginx. */
class BenchSmokeTest {

    @TempDir
    Path results;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @ParameterizedTest
    @ValueSource(strings = {"propose", "transport", "publish", "fetch", "service", "startup", "election"})
    @Timeout(600)
    void shouldMeasureSomethingOfEverything(String name) throws Exception {
        // when
        int exitCode = bench(name, "--quick");

        // then
        assertThat(exitCode).as(text()).isZero();
        assertThat(text()).contains("method: ", "machine: ", "THE FIGURES MEAN NOTHING");
        JsonNode result = new ObjectMapper().readTree(Files.readString(results.resolve(name + ".json")));
        assertThat(result.get("name").asString()).isEqualTo(name);
        assertThat(result.get("quick").asBoolean()).isTrue();
        assertThat(result.get("tables")).isNotEmpty();
        for (JsonNode table : result.get("tables")) {
            assertThat(table.get("rows")).isNotEmpty();
            for (JsonNode row : table.get("rows")) {
                row.propertyStream()
                        .filter(figure -> figure.getValue().isNumber())
                        .forEach(figure ->
                                check(figure.getKey(), figure.getValue().asDouble()));
            }
        }
        assertThat(Files.readString(results.resolve(name + ".md"))).contains("### " + name);
        assertThat(results.resolve("work").resolve(name)).doesNotExist();
    }

    @Test
    void shouldNameEveryBenchmarkInTheHelp() throws Exception {
        // when
        int exitCode = bench("--help");

        // then
        assertThat(exitCode).isZero();
        assertThat(text())
                .contains("propose", "transport", "publish", "fetch", "service", "startup", "election", "--quick");
    }

    @Test
    void shouldRefuseAnUnknownName() throws Exception {
        // when
        int exitCode = bench("proposal");

        // then
        assertThat(exitCode).isEqualTo(2);
        assertThat(text()).contains("'proposal' is not a benchmark", "usage: ./cx bench");
    }

    @Test
    void shouldPrintWhatWasKeptAsMarkdown() throws Exception {
        // given
        Files.writeString(results.resolve("fetch.md"), "### fetch\n");

        // when
        int exitCode = bench("--markdown");

        // then
        assertThat(exitCode).isZero();
        assertThat(text()).isEqualTo("### fetch\n");
    }

    /** Rates, times and sizes are positive; CPU time comes in steps of 10 ms and counts may be zero. */
    private static void check(String column, double value) {
        boolean mayBeZero = column.startsWith("CPU") || column.startsWith("below");
        assertThat(value).as(column).isFinite().isGreaterThanOrEqualTo(0);
        assertThat(mayBeZero || value > 0).as(column + ": " + value).isTrue();
    }

    private int bench(String... arguments) throws IOException, InterruptedException {
        try (var out = new PrintStream(printed, true, StandardCharsets.UTF_8)) {
            return new Bench(out, Path.of(System.getProperty(Bench.HOME_PROPERTY)), results).run(List.of(arguments));
        }
    }

    private String text() {
        return printed.toString(StandardCharsets.UTF_8);
    }
}
