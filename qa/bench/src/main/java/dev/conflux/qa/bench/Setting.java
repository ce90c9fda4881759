package dev.conflux.qa.bench;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Where and how long.
 *
 * @param directory empty, on the disk to be measured; removed afterwards unless the benchmark failed
 * @param home where the libraries of the benchmarks lie
 * @param quick tiny inputs, to see that everything still works; the figures mean nothing
 * @param tools whether to use programs of the operating system (wrk, h2load, nginx)
 * @param progress what is going on, for a person who waits
 */
record Setting(Path directory, Path home, boolean quick, boolean tools, PrintStream progress) {

    Duration time(Duration usual, Duration quickly) {
        return quick ? quickly : usual;
    }

    int count(int usual, int quickly) {
        return quick ? quickly : usual;
    }

    void tell(String line) {
        progress.println("  .. " + line);
    }
}
