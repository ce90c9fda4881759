package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.VersionFate;
import java.util.ArrayList;
import java.util.List;

/** The leader chose by the state that it saw; what may go is decided here, again. */
final class PruneVersionsApplier implements Applier<Command.PruneVersions> {

    @Override
    public Result apply(Command.PruneVersions command, StateTransaction transaction) {
        checkNumbers("version_ids", command.versionIds());
        checkNumbers("release_changes", command.releaseChanges());
        checkNumbers("metadata_changes", command.metadataChanges());
        Config config = transaction.config(command.configId());
        GcState gc = transaction.gc();
        Retention retention = Retention.of(config, gc.settings(), transaction.nowMillis(), transaction.reads());
        var versions = new ArrayList<ConfigVersion>(command.versionIds().size());
        long bytes = 0;
        for (long id : command.versionIds()) {
            ConfigVersion version = transaction.version(config.id(), id);
            if (version == null) {
                throw new Refusal(new ConfluxError.NotFound(
                        ErrorCode.VERSION_NOT_FOUND, "version " + id + " of config " + config.id()));
            }
            VersionFate fate = retention.fate(version);
            if (fate != VersionFate.GOES) {
                throw new Refusal(new ConfluxError.VersionInUse(config.id(), id, fate));
            }
            versions.add(version);
            bytes += version.sizeBytes();
        }
        checkHistory("release_changes", command.releaseChanges(), retention.releaseHistoryThrough());
        checkHistory("metadata_changes", command.metadataChanges(), retention.metadataHistoryThrough());
        transaction.deleteVersions(config, versions);
        command.releaseChanges()
                .forEach(revision -> transaction.delete(StateKeys.releaseChange(config.id(), revision)));
        command.metadataChanges()
                .forEach(version -> transaction.delete(StateKeys.metadataChange(config.id(), version)));
        int entries =
                command.releaseChanges().size() + command.metadataChanges().size();
        // More of this config may follow: only those before it are done.
        GcApplier.moveCycle(command.cycle(), config.id() - 1, gc, versions.size(), bytes, entries, transaction);
        return new Result.VersionsPruned(config.id(), versions.size(), bytes, entries);
    }

    private static void checkHistory(String field, List<Long> entries, long through) {
        if (!entries.isEmpty() && entries.getLast() > through) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    field, Long.toString(entries.getLast()), "at most " + through + ": the newer ones stay"));
        }
    }

    private static void checkNumbers(String field, List<Long> numbers) {
        if (numbers.size() > Command.PruneVersions.MAX_PRUNED) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    field, Integer.toString(numbers.size()), "at most " + Command.PruneVersions.MAX_PRUNED));
        }
        long before = 0;
        for (long number : numbers) {
            if (number <= before) {
                throw new Refusal(
                        new ConfluxError.InvalidArgument(field, Long.toString(number), "numbers from 1, ascending"));
            }
            before = number;
        }
    }
}
