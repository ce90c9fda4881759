package dev.conflux.consensus.testkit;

/** Judges a history. Implementations are immutable, may be used by any thread, and use only what concerns them. */
public interface Checker {

    /** What it says whether the history could have come from a correct service. Single-threaded, in memory. */
    Verdict check(History history);
}
