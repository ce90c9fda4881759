package dev.conflux.qa.chaos;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Numbers for the clients of a history. One with an unknown outcome still has a request under way, so what its client
 * does next is done by a new one.
 */
final class Processes {

    private final AtomicInteger last = new AtomicInteger();

    int next() {
        return last.incrementAndGet();
    }
}
