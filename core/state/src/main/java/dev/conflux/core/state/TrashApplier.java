package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.TrashedConfig;
import java.util.List;

final class TrashApplier implements Applier<Command.Trash> {

    @Override
    public Result apply(Command.Trash command, StateTransaction transaction) {
        return switch (command.step()) {
            case Command.TrashStep.MoveIn() -> moveIn(transaction.config(command.configId()), transaction);
            case Command.TrashStep.Restore() -> restore(trashed(command, transaction), transaction);
            case Command.TrashStep.Purge() -> purge(trashed(command, transaction), transaction);
            case Command.TrashStep.Remove step -> remove(step, trashed(command, transaction), transaction);
        };
    }

    private static TrashedConfig trashed(Command.Trash command, StateTransaction transaction) {
        TrashedConfig trashed = transaction.trashed(command.configId());
        if (trashed == null) {
            throw new Refusal(new ConfluxError.NotFound(
                    ErrorCode.CONFIG_NOT_FOUND, "config " + command.configId() + " in the trash"));
        }
        return trashed;
    }

    private static Result moveIn(Config config, StateTransaction transaction) {
        Deliveries.forget(config, transaction);
        transaction.moveToTrash(new TrashedConfig(config, transaction.nowMillis(), transaction.author(), false));
        transaction.addEvent(ReleaseRules.event(config, List.of(), true, transaction));
        return new Result.ConfigDeleted(config.id(), config.key());
    }

    private static Result restore(TrashedConfig trashed, StateTransaction transaction) {
        Config old = trashed.config();
        refusePurged(trashed);
        if (transaction.nameExists(old.key())) {
            throw new Refusal(new ConfluxError.AlreadyExists(
                    "config " + old.key() + " (delete or rename what has taken the name)"));
        }
        var config = new Config(
                old.id(),
                old.key(),
                old.latestVersionId(),
                old.metadataVersion(),
                old.releasesRevision(),
                old.releases(),
                old.metadata(),
                old.createdAtMillis(),
                transaction.nowMillis());
        transaction.restoreFromTrash(config);
        if (!config.releases().isEmpty()) {
            transaction.addEvent(ReleaseRules.restored(config, transaction));
        }
        return new Result.ConfigRestored(config);
    }

    private static void refusePurged(TrashedConfig trashed) {
        if (trashed.purging()) {
            throw new Refusal(new ConfluxError.NotFound(
                    ErrorCode.CONFIG_NOT_FOUND,
                    "config " + trashed.config().id() + " in the trash: it is being purged"));
        }
    }

    private static Result purge(TrashedConfig trashed, StateTransaction transaction) {
        refusePurged(trashed);
        transaction.putTrash(new TrashedConfig(trashed.config(), trashed.deletedAtMillis(), trashed.deletedBy(), true));
        GcState gc = transaction.gc();
        transaction.putGc(new GcState(gc.settings(), gc.running(), gc.last(), transaction.nowMillis()));
        return new Result.ConfigDeleted(trashed.config().id(), trashed.config().key());
    }

    private static Result remove(Command.TrashStep.Remove step, TrashedConfig trashed, StateTransaction transaction) {
        GcState gc = transaction.gc();
        if (trashed.deletedAtMillis() != step.deletedAtMillis()
                || !Retention.mayBeRemoved(trashed, gc.settings(), transaction.nowMillis())) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "config_id",
                    Long.toString(trashed.config().id()),
                    "a config in the trash that is expired or to be purged"));
        }
        StateTransaction.Removed removed = transaction.removeFromTrash(trashed);
        GcApplier.moveCycle(
                step.cycle(), 0, gc, removed.versions(), removed.contentBytes(), removed.entries(), transaction);
        return new Result.TrashRemoved(
                trashed.config().id(), removed.versions(), removed.contentBytes(), removed.complete());
    }
}
