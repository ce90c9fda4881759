package dev.conflux.core.state;

/** When a config was last fetched from this node. Any thread; written at most once per second, so readers share it. */
final class LastFetch {

    private volatile long second;

    /** It is fetched at this Unix second. */
    void mark(long epochSecond) {
        if (second != epochSecond) {
            second = epochSecond;
        }
    }

    /** Unix seconds; 0 = not since this node started. */
    long second() {
        return second;
    }
}
