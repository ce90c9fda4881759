package dev.conflux.qa.bench;

import java.io.IOException;
import java.util.Collection;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs {@link FetchServiceTime} once, in this fresh process. JMH's own forks talk to their parent by Java serialisation,
 * which is switched off everywhere here; so the processes are ours and each is one fork.
 *
 * <p>Command: {@code run}. Answer: {@code result <mean> <p50> <p99> <p99.9>}, in microseconds.
 */
final class ServiceLoad {

    private ServiceLoad() {}

    /** Arguments: configs, iterations, milliseconds per iteration, file for JMH's output. */
    public static void main(String[] arguments) throws IOException, RunnerException {
        TimeValue time = TimeValue.milliseconds(Long.parseLong(arguments[2]));
        int iterations = Integer.parseInt(arguments[1]);
        var options = new OptionsBuilder()
                .include(FetchServiceTime.class.getName().replace(".", "\\.") + "\\.fetch")
                .param("configs", arguments[0])
                .forks(0)
                .warmupIterations(iterations)
                .warmupTime(time)
                .measurementIterations(iterations)
                .measurementTime(time)
                .shouldFailOnError(true)
                .output(arguments[3])
                .build();
        var line = new LifeLine();
        line.say("ready");
        while (line.next() != null) {
            Collection<RunResult> results = new Runner(options).run();
            var single = of(results, Mode.SampleTime).getStatistics();
            line.say("result " + of(results, Mode.AverageTime).getScore() + " " + single.getPercentile(50) + " "
                    + single.getPercentile(99) + " " + single.getPercentile(99.9));
        }
    }

    private static org.openjdk.jmh.results.Result<?> of(Collection<RunResult> results, Mode mode) {
        return results.stream()
                .filter(result -> result.getParams().getMode() == mode)
                .findFirst()
                .orElseThrow(() -> new BenchException("JMH measured nothing in mode " + mode))
                .getPrimaryResult();
    }
}
