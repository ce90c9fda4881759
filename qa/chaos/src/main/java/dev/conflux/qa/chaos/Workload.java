package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.Checker;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/** What clients do while faults happen, and how it is judged. */
interface Workload {

    /** Before any fault; everything must succeed. */
    void prepare();

    /**
     * One client, until it is told to stop.
     *
     * @param number from 1
     * @param random its own
     */
    void run(int number, SplittableRandom random, BooleanSupplier running);

    /** After the faults, when all nodes agree: reads everything once more and writes the ground truth down. */
    void conclude();

    List<Checker> checkers();
}
