package dev.conflux.core.service;

import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.Member;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.TrashedConfig;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.RetentionReader;
import dev.conflux.core.state.UseReport;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** Deletes what nobody uses, keeps it for a while, and brings it back. Blocks: virtual threads only. */
public final class TrashService {

    /** A config that was fetched within this time is somebody's. */
    public static final Duration DEFAULT_PROTECTION = Duration.ofMinutes(10);

    /** How long a member may take to say whether a config is used there. */
    private static final Duration ASK_TIMEOUT = Duration.ofMillis(500);

    /** Whether a deletion asks who uses the config. */
    public enum Force {
        NO,
        YES;

        public static Force of(boolean force) {
            return force ? YES : NO;
        }
    }

    /**
     * A page of the trash.
     *
     * @param nextAfter pass it as {@code after} for the next page; null = there is none
     */
    public record Listed(
            List<TrashedConfig> items, @Nullable Long nextAfter) {}

    private final ConsensusNode node;
    private final CommandLog log;
    private final RetentionReader trash;
    private final ConfigDirectory configs;
    private final ReadGate gate;
    private final Duration protection;
    private final Clock clock;

    /**
     * Deletes through {@code log} and asks through {@code node}.
     *
     * @param protection zero = deletions never ask
     */
    public TrashService(
            ConsensusNode node,
            CommandLog log,
            ConfigState state,
            Authorizer authorizer,
            ReadGate gate,
            Duration protection,
            Clock clock) {
        this.node = node;
        this.log = log;
        this.trash = state.retention();
        this.configs = new ConfigDirectory(state.reader(), authorizer, gate);
        this.gate = gate;
        this.protection = protection;
        this.clock = clock;
    }

    /**
     * Moves a config into the trash.
     *
     * @throws ConfluxException with {@link ConfluxError.ConfigInUse} when somebody fetched or watches it, or a member
     *     cannot be asked
     */
    public Written<Result.ConfigDeleted> delete(Caller caller, long id, Force force) {
        Optional<Config> config = configs.requireForWrite(caller, Action.DELETE, id);
        if (force == Force.NO && !protection.isZero() && config.isPresent()) {
            refuseWhenInUse(config.get());
        }
        return deleted(log.submit(caller, new Command.Trash(id, new Command.TrashStep.MoveIn())));
    }

    private void refuseWhenInUse(Config config) {
        byte[] question = UseReport.request(config.key().toString());
        Map<Integer, CompletableFuture<UseReport>> asked = new TreeMap<>();
        for (Member member : node.status().members()) {
            asked.put(
                    member.id().value(),
                    node.queryMember(member.id(), question, ASK_TIMEOUT).thenApply(UseReport::decode));
        }
        long since = clock.millis() - protection.toMillis();
        long last = 0;
        int nodes = 0;
        int watchers = 0;
        var silent = new ArrayList<Integer>();
        for (Map.Entry<Integer, CompletableFuture<UseReport>> answer : asked.entrySet()) {
            try {
                UseReport report = answer.getValue().join();
                long fetchedMillis = report.lastFetchedSecond() * 1000;
                watchers += report.watchers();
                if (fetchedMillis >= since && fetchedMillis > 0) {
                    nodes++;
                    last = Math.max(last, fetchedMillis);
                }
            } catch (CompletionException e) {
                silent.add(answer.getKey());
            }
        }
        if (nodes > 0 || watchers > 0 || !silent.isEmpty()) {
            throw new ConfluxException(new ConfluxError.ConfigInUse(
                    config.id(), last, nodes, watchers, (int) protection.toSeconds(), silent));
        }
    }

    /** What can be restored, by id; only what the principal may see. */
    public Listed list(Principal principal, @Nullable String tenant, long after, int limit) {
        configs.authorizer().authorize(principal, Action.LIST, new Resource.Everything());
        RetentionReader.Trash page = trash.trash(tenant, after, Limits.pageSize(limit));
        return new Listed(page.configs(), page.more() ? page.through() : null);
    }

    /** Brings a config back as it was, under its id; refused when its name is taken again. */
    public Written<Config> restore(Caller caller, long id) {
        authorize(caller, Action.WRITE, id);
        Outcome.Accepted accepted = log.submit(caller, new Command.Trash(id, new Command.TrashStep.Restore()));
        return new Written<>(
                accepted.revision(), accepted.replayed(), ((Result.ConfigRestored) accepted.result()).config());
    }

    /** It never comes back; the leader archives and removes it within seconds. */
    public Written<Result.ConfigDeleted> purge(Caller caller, long id) {
        authorize(caller, Action.DELETE, id);
        return deleted(log.submit(caller, new Command.Trash(id, new Command.TrashStep.Purge())));
    }

    private void authorize(Caller caller, Action action, long id) {
        Optional<TrashedConfig> found = trash.trashed(id);
        if (found.isEmpty()) {
            gate.await(new Freshness(Freshness.Level.LINEARIZABLE, 0));
            found = trash.trashed(id);
        }
        if (found.isPresent()) {
            configs.authorizer()
                    .authorize(
                            caller.principal(),
                            action,
                            new Resource.OfConfig(found.get().config().key()));
            return;
        }
        String what = "config " + id + " in the trash";
        if (!configs.authorizer().allows(caller.principal(), action, new Resource.Everything())) {
            throw new ConfluxException(
                    new ConfluxError.PermissionDenied(action.name().toLowerCase(Locale.ROOT), what));
        }
        if (caller.idempotency() == null) {
            throw new ConfluxException(new ConfluxError.NotFound(ErrorCode.CONFIG_NOT_FOUND, what));
        }
    }

    private static Written<Result.ConfigDeleted> deleted(Outcome.Accepted accepted) {
        return new Written<>(accepted.revision(), accepted.replayed(), (Result.ConfigDeleted) accepted.result());
    }
}
