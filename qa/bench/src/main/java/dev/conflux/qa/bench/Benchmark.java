package dev.conflux.qa.bench;

import java.io.IOException;

/** One question and the way to answer it. Stops every process that it started, whatever happens. */
interface Benchmark {

    String name();

    String question();

    Report run(Setting setting) throws IOException, InterruptedException;
}
