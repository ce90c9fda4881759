package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.Result;
import java.util.List;

final class DeleteConfigApplier implements Applier<Command.DeleteConfig> {

    @Override
    public Result apply(Command.DeleteConfig command, StateTransaction transaction) {
        Config config = transaction.config(command.configId());
        Deliveries.forget(config, transaction);
        transaction.deleteConfig(config);
        transaction.addEvent(ReleaseRules.event(config, List.of(), true, transaction));
        return new Result.ConfigDeleted(config.id(), config.key());
    }
}
