package dev.conflux.core.state;

import dev.conflux.core.model.Release;
import dev.conflux.core.model.Rollout;
import java.util.List;

/** The rules that a stage puts in force: a function of the rollout alone. */
final class RolloutRules {

    private RolloutRules() {}

    /**
     * The base rules with those of all stages up to {@code stage}, at the default rule's priority and before it: whoever a
     * more special rule decides about keeps that, as when the version is the default.
     */
    static List<Release> at(Rollout rollout, int stage) {
        int priority = priority(rollout.base());
        List<Release> rules = rollout.base();
        for (Rollout.Stage each : rollout.stages().subList(0, stage + 1)) {
            rules = ReleaseRules.withRule(
                    rules,
                    new Release(
                            each.labels(),
                            rollout.versionId(),
                            priority,
                            each.percentage(),
                            rollout.bucketBy(),
                            rollout.salt()));
        }
        return rules;
    }

    /** The base rules with the version as default. */
    static List<Release> completed(Rollout rollout) {
        return ReleaseRules.withDefault(rollout.base(), rollout.versionId());
    }

    /** That of the default rule that is tried first. */
    private static int priority(List<Release> base) {
        int highest = 0;
        boolean found = false;
        for (Release rule : base) {
            if (rule.isDefault() && (!found || rule.priority() > highest)) {
                highest = rule.priority();
                found = true;
            }
        }
        return highest;
    }
}
