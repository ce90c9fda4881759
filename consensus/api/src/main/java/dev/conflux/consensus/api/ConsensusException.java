package dev.conflux.consensus.api;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Why a call on {@link ConsensusNode} did not give an answer. A closed family: switch over it without a default. */
public abstract sealed class ConsensusException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private ConsensusException(String message) {
        super(message);
    }

    /** Nothing was appended: the same call may be repeated safely. False only for {@link Indeterminate}. */
    public boolean hadNoEffect() {
        return !(this instanceof Indeterminate);
    }

    /** No leader is known or it could not be reached; nothing was appended. Retry with back-off. */
    public static final class NoLeader extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public NoLeader(String detail) {
            super("no leader: " + detail);
        }
    }

    /** This member does not lead and the call could not be forwarded; nothing was appended. */
    public static final class NotLeader extends ConsensusException {
        private static final long serialVersionUID = 1L;
        private final transient @Nullable Member leader;

        public NotLeader(@Nullable Member leader) {
            super("not the leader; leader: " + (leader == null ? "unknown" : leader.toString()));
            this.leader = leader;
        }

        /** Where to go instead. */
        public Optional<Member> leader() {
            return Optional.ofNullable(leader);
        }
    }

    /** A majority did not answer in time, so a read could not be confirmed; nothing was appended. */
    public static final class NoQuorum extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public NoQuorum(String detail) {
            super("no quorum: " + detail);
        }
    }

    /**
     * The command may have been, or may still become, committed. Never retried automatically unless the state machine
     * recognises the repetition.
     */
    public static final class Indeterminate extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public Indeterminate(String detail) {
            super("indeterminate: " + detail);
        }
    }

    /** A queue is full; nothing was appended. Retry after a pause. */
    public static final class Overloaded extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public Overloaded(String detail) {
            super("overloaded: " + detail);
        }
    }

    /** Too little disk space on the leader or a majority; nothing was appended. Reads go on. Retry when there is more. */
    public static final class NoSpace extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public NoSpace(String detail) {
            super("no space: " + detail);
        }
    }

    /** The command is larger than the component accepts; nothing was appended. */
    public static final class TooLarge extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public TooLarge(int sizeBytes, int limitBytes) {
            super("command: " + sizeBytes + " bytes (expected: <= " + limitBytes + ")");
        }
    }

    /** This member lags by more than the level allows, or did not catch up within the time given. */
    public static final class NotCaughtUp extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public NotCaughtUp(long wantedIndex, long appliedIndex, Duration waited) {
            super("applied index " + appliedIndex + " has not reached " + wantedIndex + " within " + waited.toMillis()
                    + " ms");
        }

        /** For a read that would wait in vain. */
        public NotCaughtUp(String why) {
            super("this member is behind its leader: " + why);
        }

        /**
         * For a read that may not wait.
         *
         * @param stalenessMillis how far this member may be behind; {@link ReadPoint#UNKNOWN_STALENESS} if unknown
         */
        public NotCaughtUp(long stalenessMillis, Duration allowed) {
            super("this member may be behind its leader by "
                    + (stalenessMillis == ReadPoint.UNKNOWN_STALENESS ? "any time" : stalenessMillis + " ms")
                    + " (allowed: " + allowed.toMillis() + " ms)");
        }
    }

    /** The node is stopped, failed or quarantined; nothing was appended. */
    public static final class Unavailable extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public Unavailable(String detail) {
            super("unavailable: " + detail);
        }
    }

    /** Another membership change is in progress; nothing has changed. Repeat it afterwards. */
    public static final class ChangeInProgress extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public ChangeInProgress(String detail) {
            super(detail);
        }
    }

    /** The membership or snapshot operation was refused; the message says why. */
    public static final class Refused extends ConsensusException {
        private static final long serialVersionUID = 1L;

        public Refused(String detail) {
            super(detail);
        }
    }
}
