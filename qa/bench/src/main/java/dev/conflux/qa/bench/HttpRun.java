package dev.conflux.qa.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One run of a load generator against one server.
 *
 * @param p99Millis NaN when the generator does not tell (h2load)
 */
record HttpRun(double perSecond, double typicalMillis, double p99Millis, double serverCpuMicrosPerRequest) {

    private static final Duration GRACE = Duration.ofMinutes(1);

    private static final Pattern WRK_RATE = Pattern.compile("Requests/sec:\\s+([0-9.]+)");
    private static final Pattern WRK_COUNT = Pattern.compile("(\\d+) requests in ");
    private static final Pattern WRK_P50 = Pattern.compile("\\n\\s+50%\\s+(\\S+)");
    private static final Pattern WRK_P99 = Pattern.compile("\\n\\s+99%\\s+(\\S+)");
    private static final Pattern WRK_BAD = Pattern.compile("Non-2xx or 3xx responses|Socket errors");
    private static final Pattern H2_RATE = Pattern.compile("finished in [^,]+, ([0-9.]+) req/s");
    private static final Pattern H2_OK = Pattern.compile("status codes: (\\d+) 2xx");
    private static final Pattern H2_DONE = Pattern.compile("requests: .*?(\\d+) done");
    private static final Pattern H2_BAD = Pattern.compile("(\\d+) errored");
    private static final Pattern H2_TIME = Pattern.compile("time for request:\\s+\\S+\\s+\\S+\\s+(\\S+)");

    /**
     * What is asked, the same of every server.
     *
     * @param paths in an order that is no order
     * @param headers {@code Name: value}
     */
    record Requests(List<String> paths, List<String> headers) {

        /** Writes the wrk script: requests are made once, then only sent; each thread starts elsewhere. */
        Path script(Path directory) throws IOException {
            Path list = Files.write(directory.resolve("wrk.paths"), paths);
            String table = headers.stream()
                    .map(header -> header.split(": ", 2))
                    .map(parts -> "  [\"" + parts[0] + "\"] = \"" + parts[1] + "\",\n")
                    .collect(Collectors.joining());
            return Files.writeString(directory.resolve("wrk.lua"), """
                    local headers = {
                    %s}
                    local threads = 0
                    function setup(thread)
                      thread:set("first", threads * 5003)
                      threads = threads + 1
                    end
                    local requests = {}
                    local at = 0
                    function init(args)
                      for path in io.lines("%s") do
                        requests[#requests + 1] = wrk.format("GET", path, headers)
                      end
                      at = first %% #requests
                    end
                    function request()
                      at = at + 1
                      if at > #requests then at = 1 end
                      return requests[at]
                    end
                    """.formatted(table, list));
        }

        Path uris(Path directory, int port) throws IOException {
            return Files.write(
                    directory.resolve("h2load." + port + ".uris"),
                    paths.stream()
                            .map(path -> "http://127.0.0.1:" + port + path)
                            .toList());
        }
    }

    static HttpRun of(HttpGenerator.Measured measured) {
        Level level = measured.level();
        return new HttpRun(
                level.perSecond(),
                level.percentileMillis(50),
                level.percentileMillis(99),
                measured.serverCpuPerOperation());
    }

    /** HTTP/1.1, keep-alive, two threads. */
    static HttpRun wrk(
            Path script, Path directory, int port, int connections, Duration duration, LongSupplier serverCpuMicros)
            throws IOException, InterruptedException {
        long before = serverCpuMicros.getAsLong();
        String text = Tool.run(
                List.of(
                        Tool.WRK.path().toString(),
                        "-t2",
                        "-c" + connections,
                        "-d" + Math.max(1, duration.toSeconds()) + "s",
                        "--latency",
                        "-s",
                        script.toString(),
                        "http://127.0.0.1:" + port),
                directory.resolve("wrk.out"),
                duration.plus(GRACE));
        long cpu = serverCpuMicros.getAsLong() - before;
        if (WRK_BAD.matcher(text).find()) {
            throw new BenchException("wrk saw errors (expected: none):\n" + text);
        }
        return new HttpRun(
                Double.parseDouble(Tool.find(WRK_RATE, text)),
                Tool.millis(Tool.find(WRK_P50, text)),
                Tool.millis(Tool.find(WRK_P99, text)),
                cpu / Double.parseDouble(Tool.find(WRK_COUNT, text)));
    }

    /** HTTP/2 with prior knowledge. */
    static HttpRun h2load(
            Requests requests,
            Path directory,
            int port,
            int connections,
            int streams,
            Duration duration,
            LongSupplier serverCpuMicros)
            throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(
                Tool.H2LOAD.path().toString(),
                "-t2",
                "-c" + connections,
                "-m" + streams,
                "-D" + Math.max(1, duration.toSeconds()),
                "-i",
                requests.uris(directory, port).toString()));
        requests.headers().forEach(header -> command.addAll(List.of("-H", header)));
        long before = serverCpuMicros.getAsLong();
        String text = Tool.run(command, directory.resolve("h2load.out"), duration.plus(GRACE));
        long cpu = serverCpuMicros.getAsLong() - before;
        double done = Double.parseDouble(Tool.find(H2_DONE, text));
        // What is in flight when the time is over has no status; anything else without a 2xx is an error.
        double failed = done - Double.parseDouble(Tool.find(H2_OK, text));
        if (failed > (double) connections * streams
                || Integer.parseInt(Tool.find(H2_BAD, text)) > connections * streams) {
            throw new BenchException("h2load saw errors (expected: none):\n" + text);
        }
        return new HttpRun(
                Double.parseDouble(Tool.find(H2_RATE, text)),
                Tool.millis(Tool.find(H2_TIME, text)),
                Double.NaN,
                cpu / done);
    }
}
