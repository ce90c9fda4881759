package dev.conflux.core.model;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A version on its way to be everybody's default, stage by stage; afterwards the record of what became of it.
 *
 * @param id the revision that made it; unique per config
 * @param versionId what is rolled out
 * @param stages in order; they accumulate: who got the version in one keeps it in the next
 * @param bucketBy the client label that decides shares
 * @param salt of all shares, so that the same clients keep the version while they grow
 * @param base the rules to go back to; what the rollout completes to is these with the version as default
 * @param stage index of the stage in force, or in force last
 * @param enteredAtMillis when its bake time began, log time
 * @param createdBy the principal's name
 * @param changedRevision the revision that changed it last: what a verdict on it must name
 * @param history what happened, oldest first
 */
public record Rollout(
        long id,
        long configId,
        long versionId,
        List<Stage> stages,
        String bucketBy,
        String salt,
        List<Release> base,
        State state,
        int stage,
        long enteredAtMillis,
        String comment,
        String createdBy,
        long changedRevision,
        List<Step> history) {

    /** Stages of one rollout: 1, 2, 5, 10 … percent, and some by label. */
    public static final int MAX_STAGES = 20;

    /** Gates of one stage. */
    public static final int MAX_GATES = 5;

    /** Longest bake time of a stage: whoever waits longer wants a gate. */
    public static final long MAX_BAKE_MILLIS = 30L * 24 * 60 * 60 * 1000;

    /** Entries of the history; the oldest go. */
    public static final int MAX_HISTORY = 100;

    /** Ended rollouts kept per config, newest first. */
    public static final int MAX_KEPT = 20;

    public Rollout {
        stages = List.copyOf(stages);
        base = List.copyOf(base);
        history = List.copyOf(history);
    }

    /**
     * Who gets the version at this stage, besides those of the stages before.
     *
     * @param labels all must be equal on the client; empty = everybody that no rule above the default decides about
     * @param percentage share of them in hundredths of a percent; null = all of them
     * @param bakeMillis how long the stage is in force before its gates are asked
     */
    public record Stage(
            SortedMap<String, String> labels, @Nullable Integer percentage, long bakeMillis, List<Gate> gates) {
        public Stage {
            labels = Collections.unmodifiableSortedMap(new TreeMap<>(labels));
            gates = List.copyOf(gates);
        }

        public boolean needsApproval() {
            return gates.stream().anyMatch(Gate.Manual.class::isInstance);
        }
    }

    /** One entry of the history. */
    public record Step(long atMillis, long revision, String by, String action, int stage, String reason) {}

    /** See {@code state}. */
    public enum State {
        RUNNING(1, "running"),
        PAUSED(2, "paused"),
        WAITING_FOR_APPROVAL(3, "waiting_for_approval"),
        COMPLETED(4, "completed"),
        ROLLED_BACK(5, "rolled_back"),
        CANCELLED(6, "cancelled");

        private final int number;
        private final String wireName;

        State(int number, String wireName) {
            this.number = number;
            this.wireName = wireName;
        }

        /** What the state stores. */
        public int number() {
            return number;
        }

        /** In answers and messages. */
        public String wireName() {
            return wireName;
        }

        /** It has not ended: nobody else changes the config's rules. */
        public boolean active() {
            return this == RUNNING || this == PAUSED || this == WAITING_FOR_APPROVAL;
        }
    }

    /** When its gates may be asked. */
    public long dueAtMillis() {
        return enteredAtMillis + current().bakeMillis();
    }

    public Stage current() {
        return stages.get(stage);
    }

    /** Who changes the rules when it goes on by itself: what histories show. */
    public String author() {
        return "rollout " + id + " of " + createdBy;
    }

    /** For messages. */
    public String place() {
        return "rollout " + id + " of config " + configId + " is " + state.wireName + " at stage " + (stage + 1)
                + " of " + stages.size();
    }
}
