package dev.conflux.consensus.jraft;

import org.jspecify.annotations.Nullable;

/**
 * Ends the process when this member can no longer follow the log. A halted process is replaced; one that lingers
 * serves old state and blocks its own replacement.
 */
@FunctionalInterface
public interface Halt {

    /** Exit code of a process that stopped itself ({@code EX_SOFTWARE}). */
    int EXIT_CODE = 70;

    /** Stops the JVM at once, without shutdown hooks: they could wait for the very thread that failed. */
    Halt PROCESS = (reason, cause) -> Runtime.getRuntime().halt(EXIT_CODE);

    /**
     * An {@link IdentityException} as the cause means that this node is no member any more: starting it again is of no
     * use. Called at most once per node, on the failing thread, after the failure was logged. May return only in tests; the
     * node then stays down.
     */
    void halt(String reason, @Nullable Throwable cause);
}
