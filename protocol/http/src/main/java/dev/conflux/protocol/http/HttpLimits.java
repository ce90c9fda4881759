package dev.conflux.protocol.http;

/** What a connection and a request may cost before anything is known of the caller. */
final class HttpLimits {

    /**
     * A request's body. The largest legitimate one is a batch that fills a log entry of 3 MiB, a third larger in
     * base64, plus its other fields.
     */
    static final int MAX_BODY_BYTES = 5 * 1024 * 1024;

    /** The request line: a watch over a few hundred keys. Longer lists use a namespace key. */
    static final int MAX_LINE_BYTES = 32 * 1024;

    /** All headers together: a large token and 32 labels fit. */
    static final int MAX_HEADER_BYTES = 32 * 1024;

    /** A connection without any traffic is closed; watches send heartbeats well below it. */
    static final int IDLE_SECONDS = 75;

    /** A body must have arrived by then, however slowly it drips. */
    static final long BODY_MILLIS = 30_000;

    /** How long a refused body may go on arriving before its connection is closed. */
    static final long LINGER_MILLIS = 1_000;

    /** Requests waiting in services on this node; each holds a virtual thread and its body. */
    static final int MAX_BLOCKING_REQUESTS = 2048;

    /** Requests multiplexed on one HTTP/2 connection: watches of an SDK's whole process share one. */
    static final int MAX_STREAMS_PER_CONNECTION = 1000;

    /** How deep a request's JSON may nest: its own structure needs five levels, a schema some more. */
    static final int MAX_JSON_DEPTH = 64;

    /** Query parameters of one request. */
    static final int MAX_QUERY_PARAMETERS = 512;

    private HttpLimits() {}
}
