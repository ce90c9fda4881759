package dev.conflux.core.service;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Command.PublishItem;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Command.RollbackMode;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.state.StateReader;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** New content and new rules in one step, and back. Blocks: virtual threads only. */
public final class PublishService {

    /** Which config an item means. */
    public sealed interface Target {
        record ById(long configId) implements Target {}

        record ByName(ConfigKey key) implements Target {}
    }

    /** How the rules change. */
    public sealed interface Plan {

        /** The new version becomes everybody's default. */
        record MakeDefault() implements Plan {}

        /** These rules replace all others; one without a version id serves the new version. */
        record Rules(List<ReleaseSpec> releases) implements Plan {}

        /** A shorthand. */
        record Strategy(
                StrategyType type,
                Map<String, String> labels,
                @Nullable BigDecimal percentage) implements Plan {}
    }

    /** Shorthands for the usual plans. */
    public enum StrategyType {
        /** Everybody. */
        STABLE,
        /** Clients with the labels, first. */
        CANARY,
        /** Clients of the other colour, told by labels; without labels everybody at once. */
        BLUE_GREEN,
        /** A share of the clients, of those with the labels if there are any. */
        PERCENTAGE
    }

    /**
     * One config's part of a publish.
     *
     * @param makeDefaultAfterMinutes null = never by itself
     */
    public record Item(
            Target target,
            NewContent content,
            Plan plan,
            @Nullable Long cas,
            @Nullable Long casReleases,
            @Nullable Integer makeDefaultAfterMinutes) {}

    /**
     * One config after a publish.
     *
     * @param promotion what makes the version the default later; null = nothing
     * @param duplicateOf the version before, when it has the same content, format and schema
     */
    public record Published(
            Config config,
            long versionId,
            List<String> warnings,
            @Nullable Schedule promotion,
            @Nullable Long duplicateOf) {}

    /** A config after a rollback. */
    public record RolledBack(Config config, long versionId) {}

    private final CommandLog log;
    private final ConfigDirectory configs;
    private final ContentJudge judge;

    public PublishService(CommandLog log, StateReader reader, Authorizer authorizer, ReadGate gate) {
        this.log = log;
        this.configs = new ConfigDirectory(reader, authorizer, gate);
        this.judge = new ContentJudge(reader, log);
    }

    /** One log entry, one revision, all or nothing; also for a single item. */
    public Written<List<Published>> publish(Caller caller, List<Item> items, String comment) {
        if (items.isEmpty()) {
            throw Limits.refusal("items", "none", "1 to " + Limits.MAX_BATCH_ITEMS);
        }
        Limits.atMost("items", Limits.MAX_BATCH_ITEMS, items);
        var commandItems = new ArrayList<PublishItem>(items.size());
        var judgements = new ArrayList<ContentJudge.Judged>(items.size());
        var seen = new HashSet<Long>();
        for (Item item : items) {
            Optional<Config> config = find(caller, item);
            ContentJudge.Judged judged = judge.judge(caller, config.orElse(null), item.content());
            PublishItem checked = commandItem(item, config, judged);
            if (!seen.add(checked.configId())) {
                throw Limits.refusal("items", "config " + checked.configId() + " twice", "each config once");
            }
            commandItems.add(checked);
            judgements.add(judged);
        }
        Outcome.Accepted accepted =
                log.submit(caller, new Command.Publish(commandItems, Limits.text("comment", comment)));
        List<Result.PublishedItem> made = ((Result.Published) accepted.result()).items();
        var published = new ArrayList<Published>(made.size());
        for (int i = 0; i < made.size(); i++) {
            Result.PublishedItem item = made.get(i);
            Long duplicateOf = judge.duplicateOf(item.version());
            var warnings = new ArrayList<>(RuleLinter.lint(item.config().releases()));
            warnings.addAll(judgements.get(i).warnings(duplicateOf));
            published.add(new Published(item.config(), item.version().id(), warnings, item.promotion(), duplicateOf));
        }
        return new Written<>(accepted.revision(), accepted.replayed(), published);
    }

    private Optional<Config> find(Caller caller, Item item) {
        return switch (item.target()) {
            case Target.ById(long id) -> requireBoth(caller, id);
            case Target.ByName(ConfigKey key) -> {
                Config named = configs.requireForWrite(caller, Action.PUBLISH, key)
                        .orElseThrow(() -> new ConfluxException(
                                new ConfluxError.NotFound(ErrorCode.CONFIG_NOT_FOUND, key.toString())));
                yield requireBoth(caller, named.id());
            }
        };
    }

    private static PublishItem commandItem(Item item, Optional<Config> config, ContentJudge.Judged judged) {
        long configId = switch (item.target()) {
            case Target.ById(long id) -> id;
            case Target.ByName named -> config.map(Config::id).orElse(0L);
        };
        Integer minutes = item.makeDefaultAfterMinutes();
        ReleasePlan plan = planOf(item.plan(), config.map(Config::releases).orElse(List.of()));
        if (minutes != null) {
            if (plan instanceof ReleasePlan.MakeDefault) {
                throw Limits.refusal(
                        "make_default_after_minutes",
                        minutes.toString(),
                        "releases or a strategy beside it: without them the version is the default at once");
            }
            if (minutes < 1) {
                throw Limits.refusal("make_default_after_minutes", minutes.toString(), "at least 1");
            }
        }
        return new PublishItem(configId, judged.version(), plan, item.cas(), item.casReleases(), minutes);
    }

    /** A publish writes content and changes rules: both must be allowed. */
    private Optional<Config> requireBoth(Caller caller, long id) {
        configs.requireForWrite(caller, Action.WRITE, id);
        return configs.requireForWrite(caller, Action.PUBLISH, id);
    }

    static ReleasePlan planOf(Plan plan, List<Release> present) {
        return switch (plan) {
            case Plan.MakeDefault() -> new ReleasePlan.MakeDefault();
            case Plan.Rules(List<ReleaseSpec> releases) ->
                new ReleasePlan.Replace(ReleaseSpec.checkedAll(releases, false));
            case Plan.Strategy strategy -> planOf(strategy, present);
        };
    }

    private static ReleasePlan planOf(Plan.Strategy strategy, List<Release> present) {
        boolean labelled = !strategy.labels().isEmpty();
        return switch (strategy.type()) {
            case STABLE -> {
                if (labelled || strategy.percentage() != null) {
                    throw Limits.refusal("strategy", "stable with labels or percentage", "stable alone");
                }
                yield new ReleasePlan.MakeDefault();
            }
            case CANARY -> {
                if (!labelled) {
                    throw Limits.refusal("strategy.labels", "none", "the labels of the canary clients");
                }
                yield addRule(strategy, present);
            }
            case BLUE_GREEN -> {
                if (strategy.percentage() != null) {
                    throw Limits.refusal("strategy.percentage", "given", "none with blue_green");
                }
                yield labelled ? addRule(strategy, present) : new ReleasePlan.MakeDefault();
            }
            case PERCENTAGE -> {
                if (strategy.percentage() == null) {
                    throw Limits.refusal("strategy.percentage", "missing", "0 to 100 with at most two decimals");
                }
                yield addRule(strategy, present);
            }
        };
    }

    /**
     * A rule that is tried before all present ones. Apply puts it first in the list and lets it replace one for the same
     * clients; its priority is chosen here, above the others'.
     */
    private static ReleasePlan addRule(Plan.Strategy strategy, List<Release> present) {
        PlannedRelease wanted =
                new ReleaseSpec(strategy.labels(), null, 0, strategy.percentage(), null, null).checked("strategy");
        int highest = present.stream()
                .filter(other -> !sameClients(other, wanted.rule()))
                .mapToInt(Release::priority)
                .max()
                .orElse(-1);
        Release rule = wanted.rule();
        int priority = Math.clamp(highest + 1L, 0, Limits.MAX_PRIORITY);
        return new ReleasePlan.AddRule(new PlannedRelease(
                new Release(rule.labels(), 0, priority, rule.percentage(), rule.bucketBy(), rule.salt()), true));
    }

    private static boolean sameClients(Release a, Release b) {
        return a.labels().equals(b.labels())
                && a.bucketBy().equals(b.bucketBy())
                && a.salt().equals(b.salt())
                && (a.percentage() == null) == (b.percentage() == null);
    }

    /** Serves an earlier version again. */
    public Written<RolledBack> rollback(
            Caller caller,
            long configId,
            long targetVersionId,
            RollbackMode mode,
            String comment,
            @Nullable Long casReleases) {
        configs.requireForWrite(caller, Action.PUBLISH, configId);
        if (targetVersionId < 1) {
            throw Limits.refusal("target_version_id", Long.toString(targetVersionId), "a version number from 1");
        }
        Outcome.Accepted accepted = log.submit(
                caller,
                new Command.Rollback(configId, targetVersionId, mode, Limits.text("comment", comment), casReleases));
        var result = (Result.RolledBack) accepted.result();
        return new Written<>(
                accepted.revision(), accepted.replayed(), new RolledBack(result.config(), result.versionId()));
    }
}
