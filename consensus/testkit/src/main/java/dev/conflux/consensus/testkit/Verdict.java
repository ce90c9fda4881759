package dev.conflux.consensus.testkit;

import java.util.List;

/** What a {@link Checker} found. */
public sealed interface Verdict {

    /** Name of the checker. */
    String checker();

    /**
     * Nothing is wrong.
     *
     * @param checked how many operations, frames or entries took part; 0 means that there was nothing to judge
     */
    record Valid(String checker, long checked) implements Verdict {}

    /**
     * No correct service could have answered so.
     *
     * @param rule the rule that is broken, in a few words
     * @param witness the shortest failing prefix, as text for people
     * @param operations ids of the operations that contradict each other; marked in the timeline; may be empty
     */
    record Invalid(String checker, String rule, String witness, List<Long> operations) implements Verdict {
        public Invalid {
            operations = List.copyOf(operations);
        }
    }

    /**
     * Too large to be decided.
     *
     * @param limit the limit that was met, with its name and value
     */
    record Undecided(String checker, String limit) implements Verdict {}
}
