package dev.conflux.core.service;

import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Rollout;
import java.util.Optional;

/**
 * Asks the outside world whether a gate passes. Called by any number of virtual threads; has no effect of its own that a
 * repetition could double.
 */
public interface GateProbe {

    /** What a gate says. */
    sealed interface Answer {

        /** One sentence for the rollout's history; from outside, so cut to a length. */
        String reason();

        /** Go on. */
        record Pass(String reason) implements Answer {}

        /** Go back. */
        record Fail(String reason) implements Answer {}

        /** Ask again later. */
        record Wait(String reason) implements Answer {}

        /** It could not be asked, or its answer makes no sense. */
        record Unknown(String reason) implements Answer {}
    }

    /**
     * Why this gate must not be asked; empty = it may. Asked when a rollout is started, and again before every question.
     * Does not block.
     */
    Optional<String> refusal(Gate gate);

    /**
     * Asks. Blocks for a bounded time, never throws but for bugs; a manual gate is not asked.
     *
     * @param configName full name of the config, for whoever answers
     */
    Answer ask(Gate gate, Rollout rollout, String configName);
}
