package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.CompatibilityPolicy;

/**
 * What nodes of one cluster must agree on before it may enter the log. A build understands every level up to
 * {@link #SUPPORTED}; the cluster's level is raised once every member runs such a build, never lowered. A command that
 * an older build could not apply, or would apply differently, gets the next level here.
 */
public final class FeatureLevel {

    /** The highest that this build understands. */
    public static final int SUPPORTED = 2;

    private FeatureLevel() {}

    /** The level that the cluster must have for a command to enter the log. */
    public static int required(Command command) {
        return switch (command) {
            case Command.CreateConfig c -> c.metadata().compatibility() == CompatibilityPolicy.NONE ? 1 : 2;
            case Command.CreateVersion c -> 1;
            case Command.UpdateMetadata c -> c.patch().compatibility() == null ? 1 : 2;
            case Command.UpdateReleases c -> 1;
            case Command.Publish c -> 1;
            case Command.Rollback c -> 1;
            case Command.DeleteConfig c -> 1;
        };
    }
}
