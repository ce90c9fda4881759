package dev.conflux.qa.bench;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** What a fetch costs before and after the network. */
final class ServiceBenchmark implements Benchmark {

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
        int forks = setting.count(2, 1);
        int iterations = setting.count(5, 1);
        TimeValue time = setting.quick() ? TimeValue.milliseconds(200) : TimeValue.seconds(2);
        List<String> jvm = Jars.options(setting, 512);
        var options = new OptionsBuilder()
                .include(FetchServiceTime.class.getName().replace(".", "\\.") + "\\.fetch")
                .param("configs", Integer.toString(configs))
                .forks(forks)
                .warmupIterations(iterations)
                .warmupTime(time)
                .measurementIterations(iterations)
                .measurementTime(time)
                .jvmArgs(jvm.toArray(String[]::new))
                .shouldFailOnError(true)
                .output(setting.directory().resolve("jmh.log").toString())
                .build();
        setting.tell("JMH");
        Collection<RunResult> results;
        try {
            results = new Runner(options).run();
        } catch (RunnerException e) {
            throw new BenchException("JMH failed; see jmh.log", e);
        }
        var backToBack = of(results, Mode.AverageTime);
        var single = of(results, Mode.SampleTime).getStatistics();
        double median = single.getPercentile(50);
        List<Cell> row = List.of(
                Cell.of(configs),
                Cell.of(backToBack.getScore(), 3),
                Cell.of(backToBack.getStatistics().getStandardDeviation(), 3),
                Cell.of(median, 3),
                Cell.of(single.getPercentile(99), 3),
                Cell.of(single.getPercentile(99.9), 3));
        return new Report(
                "JMH, " + forks + " forks, " + iterations + " warm-up and " + iterations + " measured iterations of "
                        + time + ", one thread; " + configs + " configs of 1 KiB in shuffled order, three rules, two"
                        + " labels; a token that was verified before; in-memory store, no log",
                List.of(new Table(
                        "in-process fetch",
                        List.of(
                                "configs",
                                "mean us, back to back",
                                "deviation of the iterations",
                                "p50 us, single calls",
                                "p99 us",
                                "p99.9 us"),
                        List.of(row))),
                List.of(new Report.Target("median < 5 us", Cell.of(median, 2).text() + " us", median < 5)),
                List.of("A single call is timed with its share of the clock's cost, about 25 ns."),
                List.of());
    }

    private static org.openjdk.jmh.results.Result<?> of(Collection<RunResult> results, Mode mode) {
        return results.stream()
                .filter(result -> result.getParams().getMode() == mode)
                .findFirst()
                .orElseThrow(() -> new BenchException("JMH measured nothing in mode " + mode))
                .getPrimaryResult();
    }
}
