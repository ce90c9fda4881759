package dev.conflux.qa.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What a fetch costs before and after the network. */
final class ServiceBenchmark implements Benchmark {

    private static final Duration GRACE = Duration.ofSeconds(90);

    /** In microseconds, of one process. */
    private record Times(double mean, double median, double p99, double p999) {}

    @Override
    public String name() {
        return "service";
    }

    @Override
    public String question() {
        return "How long do authorise, resolve and answer take for a config in memory?";
    }

    @Override
    public Report run(Setting setting) throws IOException, InterruptedException {
        int configs = setting.count(10_000, 100);
        int processes = setting.count(3, 1);
        int iterations = setting.count(5, 1);
        Duration time = setting.time(Duration.ofSeconds(2), Duration.ofMillis(200));
        var runs = new ArrayList<Times>();
        for (int i = 1; i <= processes; i++) {
            setting.tell("process " + i + " of " + processes);
            try (var child = ChildJvm.start(
                    "JMH",
                    setting.directory().resolve("child-" + i + ".log"),
                    Jars.options(setting, 512),
                    Jars.own(setting.home()),
                    ServiceLoad.class,
                    List.of(
                            Integer.toString(configs),
                            Integer.toString(iterations),
                            Long.toString(time.toMillis()),
                            setting.directory().resolve("jmh-" + i + ".log").toString()))) {
                child.await("ready", GRACE);
                child.send("run");
                String[] result = child.await(
                                "result", time.multipliedBy(4L * iterations).plus(GRACE))
                        .split(" ", -1);
                runs.add(new Times(
                        Double.parseDouble(result[0]),
                        Double.parseDouble(result[1]),
                        Double.parseDouble(result[2]),
                        Double.parseDouble(result[3])));
            }
        }
        double median = Median.of(runs, Times::median);
        return new Report(
                "JMH in " + processes + " fresh processes, " + iterations + " warm-up and " + iterations
                        + " measured iterations of " + time.toMillis() / 1000.0 + " s each way, one thread; " + configs
                        + " configs of 1 KiB in shuffled order, three rules, two labels; a token that was verified"
                        + " before; in-memory store, no log; medians of the processes",
                List.of(new Table(
                        "in-process fetch",
                        List.of("configs", "mean us, back to back", "p50 us, single calls", "p99 us", "p99.9 us"),
                        List.of(List.of(
                                Cell.of(configs),
                                Cell.of(Median.of(runs, Times::mean), 3),
                                Cell.of(median, 3),
                                Cell.of(Median.of(runs, Times::p99), 3),
                                Cell.of(Median.of(runs, Times::p999), 3))))),
                List.of(new Report.Target("median < 5 us", Cell.of(median, 2).text() + " us", median < 5)),
                List.of("A single call is timed with its share of the clock's cost, about 25 ns."),
                List.of());
    }
}
