package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import java.util.List;

final class RollbackApplier implements Applier<Command.Rollback> {

    @Override
    public Result apply(Command.Rollback command, StateTransaction transaction) {
        Config config = transaction.config(command.configId());
        ReleaseRules.checkCas(
                ConfluxError.Counter.RELEASES,
                command.casReleases(),
                config.releasesRevision(),
                ReleaseRules.Requirement.OPTIONAL);
        long target = command.targetVersionId();
        if (transaction.version(config.id(), target) == null) {
            throw new Refusal(new ConfluxError.NotFound(
                    ErrorCode.VERSION_NOT_FOUND, "version " + target + " of config " + config.id()));
        }
        switch (command.mode()) {
            case EMERGENCY -> RolloutApplier.overtaken(config, "emergency rollback to version " + target, transaction);
            case STABLE_ONLY -> Deliveries.refuseDuringRollout(config, transaction);
        }
        List<Release> rules = switch (command.mode()) {
            case EMERGENCY -> List.of(Release.defaultTo(target));
            case STABLE_ONLY -> ReleaseRules.withDefault(config.releases(), target);
        };
        Config changed = ReleaseRules.change(config, rules, command.comment(), "rollback", transaction);
        transaction.putConfig(changed);
        return new Result.RolledBack(changed, target);
    }
}
