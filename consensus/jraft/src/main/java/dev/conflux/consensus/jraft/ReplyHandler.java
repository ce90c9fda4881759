package dev.conflux.consensus.jraft;

/** Gets exactly one of the two calls, on an event loop or on the calling thread: must not block. */
interface ReplyHandler {

    void reply(Object message);

    void failed(SendFailure failure);
}
