package dev.conflux.core.model;

/** What became of a command: the same on every node, and replayed for a repeated idempotency key. */
public sealed interface Outcome {

    /**
     * It changed the state.
     *
     * @param revision the cluster revision that it made
     * @param result what it made
     * @param replayed true when this is the stored outcome of an earlier command with the same key
     */
    record Accepted(long revision, Result result, boolean replayed) implements Outcome {}

    /**
     * It changed nothing.
     *
     * @param revision the cluster revision at which it was refused
     * @param replayed true when this is the stored outcome of an earlier command with the same key
     */
    record Rejected(long revision, ConfluxError error, boolean replayed) implements Outcome {

        /** Refused just now. */
        public Rejected(long revision, ConfluxError error) {
            this(revision, error, false);
        }
    }

    long revision();

    boolean replayed();

    /** The same outcome, as a later command with the same key gets it. */
    default Outcome asReplayed() {
        return switch (this) {
            case Accepted accepted -> new Accepted(accepted.revision, accepted.result, true);
            case Rejected rejected -> new Rejected(rejected.revision, rejected.error, true);
        };
    }
}
