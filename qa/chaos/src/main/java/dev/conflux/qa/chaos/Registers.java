package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.NodeLog;
import java.io.Closeable;
import java.util.List;
import java.util.SplittableRandom;

/** A service that holds registers: named values with versions, which can be read, written, and compared and set. */
interface Registers {

    /** A client that repeats nothing. */
    interface Client extends Closeable {

        /** Whom the next request goes to. */
        int node();

        Answer read(String key);

        Answer write(String key, long value);

        /** Writes if the version is this one. */
        Answer cas(String key, long version, long value);

        @Override
        void close();
    }

    /**
     * What became of a request.
     *
     * @param value what was read, or written
     * @param version of the register then
     * @param revision of the service then
     */
    record Answer(Fate fate, long value, long version, long revision) {

        static Answer without(Fate fate) {
            return new Answer(fate, 0, 0, 0);
        }
    }

    Client client(SplittableRandom random);

    /** Makes a register and gives it its first value; without faults. */
    Answer create(String key, long value);

    /** What every node holds. */
    List<NodeLog> logs(List<String> keys);
}
