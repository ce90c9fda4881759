package dev.conflux.core.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What can be decided about a {@link Rollout}. */
public sealed interface RolloutCommand extends Command.Delivery {

    /**
     * Puts the first stage in force.
     *
     * @param version made in the same step; null = {@code versionId} names one
     * @param versionId ignored when there is a new version
     */
    record StartRollout(
            long configId,
            @Nullable NewVersion version,
            long versionId,
            List<Rollout.Stage> stages,
            String bucketBy,
            String comment,
            @Nullable Long casContent,
            @Nullable Long casReleases)
            implements RolloutCommand {
        public StartRollout {
            stages = List.copyOf(stages);
        }
    }

    /**
     * What the executor found at the end of a stage's bake time. Proposed by nodes, not by callers.
     *
     * @param expectedRevision of the rollout's last change: a verdict on anything older is refused
     */
    record StepRollout(long configId, long rolloutId, long expectedRevision, Verdict verdict, String reason)
            implements RolloutCommand {}

    /**
     * What a person wants.
     *
     * @param expectedStage index; refused when it is at another one. null = whichever
     */
    record SteerRollout(
            long configId, long rolloutId, @Nullable Integer expectedStage, Direction direction, String comment)
            implements RolloutCommand {}

    /** What the gates of a stage come to. */
    enum Verdict {
        /** All pass, but for manual ones: on to the next stage, or to a person. */
        PASS,
        /** One fails: back to the base rules. */
        FAIL,
        /** One could not be asked: a person has to look. */
        UNKNOWN
    }

    /** Where to. */
    enum Direction {
        /** To the next stage, without waiting for bake time or gates. */
        ADVANCE,
        /** Nothing happens by itself any more. */
        PAUSE,
        /** The stage's bake time begins anew. */
        RESUME,
        /** Ends it; the rules stay as they are. */
        CANCEL,
        /** Ends it; the base rules come back. */
        ROLL_BACK
    }
}
