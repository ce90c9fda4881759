package dev.conflux.consensus.jraft;

/**
 * Why a call to a peer has no reply.
 *
 * @param kind decides whether the peer may have seen the request
 * @param detail for people
 */
record SendFailure(Kind kind, String detail) {

    enum Kind {
        /** Provably not sent: the peer cannot have acted on it. */
        NOT_SENT,
        /** The connection broke after it was handed to the network. */
        LOST,
        TIMED_OUT
    }
}
