package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.CompatibilityPolicy;
import dev.conflux.core.model.RetentionPolicy;
import org.jspecify.annotations.Nullable;

/**
 * What nodes of one cluster must agree on before it may enter the log. A build understands every level up to
 * {@link #SUPPORTED}; the cluster's level is raised once every member runs such a build, never lowered. A command that
 * an older build could not apply, or would apply differently, gets the next level here.
 */
public final class FeatureLevel {

    /** The highest that this build understands. */
    public static final int SUPPORTED = 2;

    /** Schedules and rollouts. */
    private static final int DELIVERIES = 2;

    private FeatureLevel() {}

    /** The level that the cluster must have for a command to enter the log. */
    public static int required(Command command) {
        return switch (command) {
            case Command.CreateConfig c ->
                Math.max(
                        required(c.metadata().retention()),
                        required(c.metadata().compatibility()));
            case Command.CreateVersion c -> 1;
            case Command.UpdateMetadata c ->
                Math.max(required(c.patch().retention()), required(c.patch().compatibility()));
            case Command.UpdateReleases c -> 1;
            case Command.Publish c ->
                c.items().stream().anyMatch(item -> item.makeDefaultAfterMinutes() != null) ? DELIVERIES : 1;
            case Command.Rollback c -> 1;
            case Command.DeleteConfig c -> 1;
            case Command.PruneVersions c -> 2;
            case Command.Gc c -> 2;
            case Command.Trash c -> 2;
            case Command.Delivery c -> DELIVERIES;
        };
    }

    /** An older build would forget how the rules are joined. */
    private static int required(@Nullable RetentionPolicy policy) {
        return policy == null || policy.strategy() == RetentionPolicy.Strategy.OR ? 1 : 2;
    }

    /** An older build would forget the policy. */
    private static int required(@Nullable CompatibilityPolicy policy) {
        return policy == null || policy == CompatibilityPolicy.NONE ? 1 : 2;
    }
}
