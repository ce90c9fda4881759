package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.MetadataChange;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import java.util.List;

final class CreateConfigApplier implements Applier<Command.CreateConfig> {

    @Override
    public Result apply(Command.CreateConfig command, StateTransaction transaction) {
        if (transaction.nameExists(command.key())) {
            throw new Refusal(
                    new ConfluxError.AlreadyExists("config " + command.key().toString()));
        }
        UpdateMetadataApplier.checkAttributes(command.metadata());
        long now = transaction.nowMillis();
        var config =
                new Config(transaction.nextConfigId(), command.key(), 0, 1, 0, List.of(), command.metadata(), now, now);
        ConfigVersion version = Versions.create(config, command.initial(), transaction);
        config = Versions.withLatest(config, version.id(), transaction);
        List<Release> rules = ReleaseRules.resolve(command.releases(), config.id(), version.id(), transaction);
        if (!rules.isEmpty()) {
            config = ReleaseRules.change(config, rules, command.comment(), "create", transaction);
        }
        transaction.createConfig(config);
        transaction.putMetadataChange(new MetadataChange(
                config.id(), 1, transaction.revision(), config.metadata(), transaction.author(), now));
        return new Result.ConfigCreated(config, version);
    }
}
