package dev.conflux.consensus.jraft;

/** Gets exactly one of the two calls, on an event loop or on the calling thread: must not block. */
interface ReplyHandler {

    /** For what is told rather than asked. */
    ReplyHandler IGNORE = new ReplyHandler() {
        @Override
        public void reply(Object message) {
            // Told.
        }

        @Override
        public void failed(SendFailure failure) {
            // Told again later.
        }
    };

    void reply(Object message);

    void failed(SendFailure failure);
}
