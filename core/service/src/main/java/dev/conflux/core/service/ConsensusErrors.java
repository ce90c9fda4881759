package dev.conflux.core.service;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Maps the consensus component's failures to ours; exhaustive, so that a new one breaks the compile. */
final class ConsensusErrors {

    private ConsensusErrors() {}

    /** For a write, {@code idempotencyKey} is its key. */
    static ConfluxError of(ConsensusException failure, @Nullable String idempotencyKey) {
        return switch (failure) {
            case ConsensusException.NoLeader e -> unavailable(ErrorCode.NO_LEADER, e);
            case ConsensusException.NotLeader e -> unavailable(ErrorCode.NO_LEADER, e);
            case ConsensusException.NoQuorum e -> unavailable(ErrorCode.NO_QUORUM, e);
            case ConsensusException.Indeterminate e -> new ConfluxError.Indeterminate(idempotencyKey);
            case ConsensusException.Overloaded e -> unavailable(ErrorCode.OVERLOADED, e);
            case ConsensusException.NoSpace e -> unavailable(ErrorCode.STORAGE_FULL, e);
            case ConsensusException.TooLarge e ->
                new ConfluxError.InvalidArgument("request", message(e), "a smaller one");
            case ConsensusException.NotCaughtUp e -> unavailable(ErrorCode.NOT_CAUGHT_UP, e);
            case ConsensusException.Unavailable e -> unavailable(ErrorCode.NO_LEADER, e);
            case ConsensusException.ChangeInProgress e -> unavailable(ErrorCode.MEMBERSHIP_CHANGE_IN_PROGRESS, e);
            case ConsensusException.Refused e -> unavailable(ErrorCode.OPERATION_REFUSED, e);
        };
    }

    private static ConfluxError unavailable(ErrorCode code, ConsensusException e) {
        return new ConfluxError.Unavailable(code, message(e));
    }

    private static String message(ConsensusException e) {
        return Objects.requireNonNullElse(e.getMessage(), "no detail");
    }
}
