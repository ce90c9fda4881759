package dev.conflux.core.service;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.Result;
import dev.conflux.core.state.StateReader;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The rules that decide who gets which version. Blocks: virtual threads only. */
public final class ReleaseService {

    /** Rules after a change, with what is probably not meant in them. */
    public record Rules(Config config, List<String> warnings) {}

    /**
     * What the simulator says of one rule.
     *
     * @param index its place in the list as written
     * @param matched it decides the answer
     * @param reason why or why not
     */
    public record Tried(int index, Release rule, boolean matched, String reason) {}

    /**
     * The simulator's answer.
     *
     * @param matched the rule that decides; null when none matches
     * @param tried every rule, in the order in which they are tried
     */
    public record Resolution(@Nullable Tried matched, List<Tried> tried) {}

    private final CommandLog log;
    private final ConfigDirectory configs;

    public ReleaseService(CommandLog log, StateReader reader, Authorizer authorizer, ReadGate gate) {
        this.log = log;
        this.configs = new ConfigDirectory(reader, authorizer, gate);
    }

    public Rules get(Principal principal, long configId) {
        Config config = configs.require(principal, Action.READ, configId);
        return new Rules(config, RuleLinter.lint(config.releases()));
    }

    /** Replaces the whole set in one step. */
    public Written<Rules> put(
            Caller caller, long configId, List<ReleaseSpec> releases, String comment, @Nullable Long casReleases) {
        configs.requireForWrite(caller, Action.PUBLISH, configId);
        List<PlannedRelease> planned = ReleaseSpec.checkedAll(releases, true);
        Outcome.Accepted accepted = log.submit(
                caller, new Command.UpdateReleases(configId, planned, Limits.text("comment", comment), casReleases));
        Config config = ((Result.ReleasesUpdated) accepted.result()).config();
        return new Written<>(
                accepted.revision(), accepted.replayed(), new Rules(config, RuleLinter.lint(config.releases())));
    }

    /** Newest first; {@code before} is exclusive. */
    public Page<ReleaseChange> history(Principal principal, long configId, long before, int limit) {
        configs.require(principal, Action.READ, configId);
        return Page.cut(configs.reader().releaseHistory(configId, before, Page.reading(Limits.pageSize(limit))), limit);
    }

    /** What a client with these labels would get, and why. */
    public Resolution resolve(Principal principal, long configId, Map<String, String> labels) {
        Config config = configs.require(principal, Action.READ, configId);
        return RuleTrial.of(config.releases(), Labels.of(Limits.labels("label", labels)));
    }
}
