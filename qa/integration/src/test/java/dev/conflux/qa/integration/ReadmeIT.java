package dev.conflux.qa.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A newcomer's first ten minutes: {@code ./cx run} for real, then what the README and the program say to copy. */
class ReadmeIT {

    private static final Path ROOT = Path.of(System.getProperty("conflux.root", "."));
    private static final Duration START = Duration.ofMinutes(3);
    private static final Pattern BASH = Pattern.compile("```bash\n(.*?)```", Pattern.DOTALL);

    @TempDir
    Path directory;

    private Process run;
    private int port;

    @BeforeEach
    void startNode() throws IOException {
        port = freePort();
        var builder = new ProcessBuilder(
                        ROOT.resolve("cx").toString(),
                        "run",
                        "--port",
                        Integer.toString(port),
                        "--data-dir",
                        directory.resolve("run").toString())
                .redirectErrorStream(true)
                .redirectOutput(output().toFile());
        builder.environment().put("CX_NO_BUILD", "1");
        run = builder.start();
        await().atMost(START).until(() -> {
            assertThat(run.isAlive()).as(Files.readString(output())).isTrue();
            return Files.readString(output()).contains("Ctrl-C");
        });
    }

    @AfterEach
    void stopNode() throws InterruptedException {
        run.destroy();
        assertThat(run.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "README.zh.md"})
    void shouldDoWhatTheReadmeSays(String readme) throws Exception {
        // given: all its commands but the two that start things, against this node
        Matcher blocks = BASH.matcher(Files.readString(ROOT.resolve(readme)));
        var script = new StringBuilder("set -euo pipefail\n");
        while (blocks.find()) {
            if (!blocks.group(1).startsWith("./cx")) {
                script.append(blocks.group(1)
                        .replace("127.0.0.1:8080", "127.0.0.1:" + port)
                        .replace(".conflux/run-1", directory.resolve("run").toString())
                        .replace("curl -s ", "curl -s --fail-with-body "));
            }
        }

        // when: the last command of the English one watches for ever, so it gets a limit
        Result result =
                bash(script.toString().replace("curl -s --fail-with-body -N", "curl -s --fail-with-body -m 3 -N"));

        // then
        assertThat(result.output()).doesNotContain("\"status\":4").doesNotContain("\"status\":5");
        assertThat(result.output()).contains("pool = 10");
        if (readme.equals("README.md")) {
            assertThat(result.exit()).as(result.output()).isEqualTo(28); // curl's own time limit, on the watch
            assertThat(result.output()).contains("pool = 20", "\"version_id\":3", "\"type\":\"subscribed\"");
        } else {
            assertThat(result.exit()).as(result.output()).isZero();
        }
    }

    @Test
    void shouldOfferCommandsThatWork() throws Exception {
        // given
        String shown = Files.readString(output());
        String commands = shown.substring(shown.indexOf("TOKEN="), shown.indexOf("Ctrl-C"));

        // when
        Result result = bash("set -uo pipefail\n" + commands.replace("curl -s -N", "curl -s -m 3 -N"));

        // then
        assertThat(result.output())
                .contains("\"version_id\":1", "X-Config-Version: 1", "{\"pool\":10}", "\"type\":\"subscribed\"");
    }

    private record Result(int exit, String output) {}

    private Result bash(String script) throws IOException, InterruptedException {
        Path file = Files.writeString(directory.resolve("commands.sh"), script);
        Path output = directory.resolve("commands.out");
        Process process = new ProcessBuilder(List.of("bash", file.toString()))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), Files.readString(output));
    }

    private Path output() {
        return directory.resolve("run.out");
    }

    private static int freePort() throws IOException {
        // The other ports of a local node follow at +1010 and +1011.
        try (var socket = new ServerSocket(0)) {
            return 20_000 + socket.getLocalPort() % 10_000;
        }
    }
}
