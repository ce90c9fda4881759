package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.Result;

final class CreateVersionApplier implements Applier<Command.CreateVersion> {

    @Override
    public Result apply(Command.CreateVersion command, StateTransaction transaction) {
        Config config = transaction.config(command.configId());
        ReleaseRules.checkCas(
                ConfluxError.Counter.CONTENT,
                command.casContent(),
                config.latestVersionId(),
                ReleaseRules.Requirement.of(config.metadata().casRequired()));
        ConfigVersion version = Versions.create(config, command.version(), transaction);
        transaction.putConfig(Versions.withLatest(config, version.id(), transaction));
        return new Result.VersionCreated(version);
    }
}
