package dev.conflux.consensus.api;

import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicLong;

/** Makes request ids: one instance per process, any thread. */
public final class RequestIds {

    private final long process = new SecureRandom().nextLong();
    private final AtomicLong last = new AtomicLong();

    /** An id that no other call, here or elsewhere, returns: two processes collide with a probability of 2^-64. */
    public RequestId next() {
        return new RequestId(process, last.incrementAndGet());
    }
}
