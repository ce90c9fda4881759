package dev.conflux.qa.simulator;

/** Something that must never happen has happened. */
final class Violation extends RuntimeException {
    Violation(String what) {
        super(what);
    }
}
