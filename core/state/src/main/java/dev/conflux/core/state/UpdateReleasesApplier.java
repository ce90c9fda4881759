package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import java.util.List;

final class UpdateReleasesApplier implements Applier<Command.UpdateReleases> {

    @Override
    public Result apply(Command.UpdateReleases command, StateTransaction transaction) {
        Config config = transaction.config(command.configId());
        Deliveries.refuseDuringRollout(config, transaction);
        ReleaseRules.checkCas(
                ConfluxError.Counter.RELEASES,
                command.casReleases(),
                config.releasesRevision(),
                ReleaseRules.Requirement.OPTIONAL);
        List<Release> rules = ReleaseRules.resolve(command.releases(), config.id(), 0, transaction);
        Config changed = ReleaseRules.change(config, rules, command.comment(), "update_releases", transaction);
        transaction.putConfig(changed);
        return new Result.ReleasesUpdated(changed);
    }
}
