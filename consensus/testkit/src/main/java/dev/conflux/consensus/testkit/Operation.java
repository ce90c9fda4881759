package dev.conflux.consensus.testkit;

import java.util.List;

/**
 * One request as its client saw it. All times are {@link System#nanoTime} of one host: one clock for all processes.
 *
 * @param id unique in the history, in the order of the calls
 * @param process the client; it has at most one request under way
 * @param kind what was asked for; it says what {@code args} and {@code results} hold
 * @param keys what it was about
 * @param args values of the request
 * @param results values of the answer; empty unless {@link Status#OK}
 * @param callNanos when it was sent
 * @param returnNanos when the answer was there; {@link #NEVER} unless OK or FAIL
 * @param revision the revision that the answer named: of a write the one it made, of a read the state that it shows; 0
 *     when none is known
 * @param term the term that the answer named; 0 when none
 * @param node who answered, or who was asked
 */
public record Operation(
        long id,
        int process,
        Kind kind,
        List<String> keys,
        List<Long> args,
        List<Long> results,
        long callNanos,
        long returnNanos,
        Status status,
        long revision,
        long term,
        int node) {

    /** The time of an answer that never came. */
    public static final long NEVER = Long.MAX_VALUE;

    /** The value of a key that holds nothing. */
    public static final long NIL = Long.MIN_VALUE;

    public Operation {
        keys = List.copyOf(keys);
        args = List.copyOf(args);
        results = List.copyOf(results);
        if (args.size() != kind.argsPerKey * keys.size()) {
            throw new IllegalArgumentException("args of operation " + id + ": " + args.size() + " (expected: "
                    + kind.argsPerKey + " per key, " + keys.size() + " keys)");
        }
        if (status == Status.OK && results.size() != kind.resultsPerKey * keys.size()) {
            throw new IllegalArgumentException("results of operation " + id + ": " + results.size() + " (expected: "
                    + kind.resultsPerKey + " per key, " + keys.size() + " keys)");
        }
        if ((status == Status.UNKNOWN && returnNanos != NEVER) || returnNanos < callNanos) {
            throw new IllegalArgumentException("return of operation " + id + ": " + returnNanos
                    + " (expected: NEVER when unknown, else >= call " + callNanos + ")");
        }
    }

    /** The value that an update gives to its key number {@code i}. */
    long written(int i) {
        return args.get(kind == Kind.CAS ? keys.size() + i : i);
    }

    /** What a client can ask for. An operation on several keys is atomic: all of them at one revision. */
    public enum Kind {
        /** Result per key: its value, or {@link #NIL}. */
        READ(0, 0, 1),
        /** Argument per key: the new value. */
        WRITE(1, 1, 0),
        /** First the expected value of each key, then the new value of each key. A mismatch is {@link Status#FAIL}. */
        CAS(2, 2, 0),
        /** Give the job (key) to a runner (argument) unless it has one; result: the runner that has it. */
        ASSIGN(3, 1, 1),
        /** Add a member (key: its id) as learner. */
        ADD_MEMBER(4, 0, 0),
        /** Make a learner (key: its id) a voter. */
        PROMOTE_MEMBER(5, 0, 0),
        /** Remove a member (key: its id). */
        REMOVE_MEMBER(6, 0, 0),
        /** Move leadership to a member (key: its id). */
        TRANSFER_LEADERSHIP(7, 0, 0),
        /** As {@link #READ}, but the state that it shows may be an old one. */
        STALE_READ(8, 0, 1);

        final byte tag;
        final int argsPerKey;
        final int resultsPerKey;

        Kind(int tag, int argsPerKey, int resultsPerKey) {
            this.tag = (byte) tag;
            this.argsPerKey = argsPerKey;
            this.resultsPerKey = resultsPerKey;
        }

        boolean isRead() {
            return this == READ || this == STALE_READ;
        }

        /** Sets keys to values. */
        boolean isUpdate() {
            return this == WRITE || this == CAS;
        }
    }

    /** What the client knows afterwards. */
    public enum Status {
        /** Done. */
        OK(0),
        /** Certainly without effect. */
        FAIL(1),
        /** It may have happened, or may happen yet. */
        UNKNOWN(2);

        final byte tag;

        Status(int tag) {
            this.tag = (byte) tag;
        }
    }
}
