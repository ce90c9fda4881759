package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

final class PublishApplier implements Applier<Command.Publish> {

    @Override
    public Result apply(Command.Publish command, StateTransaction transaction) {
        if (command.items().isEmpty()) {
            throw new Refusal(new ConfluxError.InvalidArgument("items", "0", "at least one config"));
        }
        // All expectations before any effect: the caller learns of the first that fails, in the order given.
        var seen = new HashSet<Long>();
        for (Command.PublishItem item : command.items()) {
            Config config = transaction.config(item.configId());
            if (!seen.add(item.configId())) {
                throw new Refusal(new ConfluxError.InvalidArgument(
                        "items", "config " + item.configId() + " twice", "each config at most once"));
            }
            Deliveries.refuseDuringRollout(config, transaction);
            ReleaseRules.checkCas(
                    ConfluxError.Counter.CONTENT,
                    item.casContent(),
                    config.latestVersionId(),
                    ReleaseRules.Requirement.of(config.metadata().casRequired()));
            ReleaseRules.checkCas(
                    ConfluxError.Counter.RELEASES,
                    item.casReleases(),
                    config.releasesRevision(),
                    ReleaseRules.Requirement.OPTIONAL);
        }
        var published = new ArrayList<Result.PublishedItem>(command.items().size());
        for (Command.PublishItem item : command.items()) {
            published.add(publish(item, command.comment(), transaction));
        }
        return new Result.Published(published);
    }

    private static Result.PublishedItem publish(
            Command.PublishItem item, String comment, StateTransaction transaction) {
        Config config = transaction.config(item.configId());
        ConfigVersion version = Versions.create(config, item.version(), transaction);
        List<Release> rules = switch (item.plan()) {
            case Command.ReleasePlan.MakeDefault() -> ReleaseRules.withDefault(config.releases(), version.id());
            case Command.ReleasePlan.Replace(List<Command.PlannedRelease> planned) ->
                ReleaseRules.resolve(planned, config.id(), version.id(), transaction);
            case Command.ReleasePlan.AddRule(Command.PlannedRelease planned) ->
                ReleaseRules.withRule(
                        config.releases(),
                        ReleaseRules.resolve(List.of(planned), config.id(), version.id(), transaction)
                                .getFirst());
        };
        Config changed = ReleaseRules.change(
                Versions.withLatest(config, version.id(), transaction), rules, comment, "publish", transaction);
        transaction.putConfig(changed);
        Integer minutes = item.makeDefaultAfterMinutes();
        return new Result.PublishedItem(
                changed,
                version,
                minutes == null ? null : ScheduleApplier.promoteLater(changed, version, minutes, comment, transaction));
    }
}
