package dev.conflux.core.service;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.GcCycle;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.VersionFate;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.RetentionReader;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** What operators ask of garbage collection; any node answers. Blocks: virtual threads only. */
public final class GcService {

    /** How long a cycle that was asked for is waited for before the caller is told to look at the status. */
    private static final Duration CYCLE_TIMEOUT = Duration.ofSeconds(20);

    private static final Duration LOOK = Duration.ofMillis(50);

    private static final Freshness NEWEST = new Freshness(Freshness.Level.LINEARIZABLE, 0);

    /** Versions read at a time by a dry run. */
    private static final int DRY_RUN_READ = 1_000;

    /** Configs named by a dry run; the totals count all. */
    static final int MAX_DRY_RUN_CONFIGS = 1_000;

    /** How things stand; {@code nextAtMillis} is empty when cycles run only on demand. */
    public record Status(GcState state, OptionalLong nextAtMillis) {}

    /** A version and what becomes of it. */
    public record Judged(ConfigVersion version, VersionFate fate) {}

    /**
     * What a cycle now would do with one config.
     *
     * @param policy the one in force, its own or the cluster's
     * @param versions oldest first, a page of them
     * @param releaseChangesThrough release changes up to this revision would go; 0 = none
     * @param metadataChangesThrough metadata changes up to this version would go; 0 = none
     */
    public record Preview(
            Config config,
            RetentionPolicy policy,
            Page<Judged> versions,
            long releaseChangesThrough,
            long metadataChangesThrough) {}

    /** A config in a dry run. */
    public record Part(Config config, long versions, long contentBytes, long historyEntries) {}

    /**
     * What a cycle now would do.
     *
     * @param parts the first {@value #MAX_DRY_RUN_CONFIGS} configs that lose something
     */
    public record DryRun(long configs, long versions, long contentBytes, long historyEntries, List<Part> parts) {}

    /**
     * After a request for a cycle.
     *
     * @param done a cycle that began after the request has ended: {@code state.last}
     */
    public record Requested(long revision, boolean done, GcState state) {}

    private final CommandLog commands;
    private final RetentionReader retention;
    private final GarbageCollector collector;
    private final ReadGate gate;
    private final Authorizer authorizer;
    private final Clock clock;

    public GcService(
            CommandLog commands,
            ConfigState state,
            GarbageCollector collector,
            ReadGate gate,
            Authorizer authorizer,
            Clock clock) {
        this.commands = commands;
        this.retention = state.retention();
        this.collector = collector;
        this.gate = gate;
        this.authorizer = authorizer;
        this.clock = clock;
    }

    public Status status(Principal principal) {
        authorize(principal);
        return new Status(retention.gc(), collector.nextAtMillis());
    }

    /** Replaces what the cluster keeps. */
    public Written<GcSettings> configure(Caller caller, GcSettings settings) {
        authorize(caller.principal());
        ConfigService.checkRetention(settings.retention());
        var accepted = commands.submit(caller, new Command.Gc(new Command.GcStep.Configure(settings)));
        return new Written<>(
                accepted.revision(),
                accepted.replayed(),
                ((Result.GcMoved) accepted.result()).state().settings());
    }

    /** Exactly what the next cycle would do with this config if nothing changed meanwhile. */
    public Preview preview(Principal principal, long configId, long after, int limit) {
        authorize(principal);
        gate.await(NEWEST);
        RetentionReader.Judgement judgement = retention
                .judge(configId, after, Page.reading(Limits.pageSize(limit)), now())
                .orElseThrow(() -> new ConfluxException(
                        new ConfluxError.NotFound(ErrorCode.CONFIG_NOT_FOUND, "config " + configId)));
        List<Judged> judged = judgement.versions().stream()
                .map(item -> new Judged(item.version(), item.fate()))
                .toList();
        return new Preview(
                judgement.config(),
                judgement.policy(),
                Page.cut(judged, limit),
                judgement.releaseChangesThrough(),
                judgement.metadataChangesThrough());
    }

    /** Looks at every config and deletes nothing. */
    public DryRun dryRun(Principal principal) {
        authorize(principal);
        gate.await(NEWEST);
        long now = now();
        long[] totals = new long[4];
        var parts = new ArrayList<Part>();
        long done = 0;
        List<Long> ids = retention.configsAfter(done, Page.MAX_LIMIT);
        while (!ids.isEmpty()) {
            for (long id : ids) {
                Part part = part(id, now);
                if (part != null) {
                    totals[0]++;
                    totals[1] += part.versions();
                    totals[2] += part.contentBytes();
                    totals[3] += part.historyEntries();
                    if (parts.size() < MAX_DRY_RUN_CONFIGS) {
                        parts.add(part);
                    }
                }
                done = id;
            }
            ids = retention.configsAfter(done, Page.MAX_LIMIT);
        }
        return new DryRun(totals[0], totals[1], totals[2], totals[3], parts);
    }

    private @Nullable Part part(long configId, long now) {
        long versions = 0;
        long bytes = 0;
        long after = 0;
        RetentionReader.Plan plan = null;
        RetentionReader.Plan first = null;
        do {
            plan = retention.plan(configId, after, DRY_RUN_READ, now).orElse(null);
            if (plan == null) {
                return null;
            }
            first = first == null ? plan : first;
            versions += plan.versions().size();
            for (ConfigVersion version : plan.versions()) {
                bytes += version.sizeBytes();
                after = version.id();
            }
        } while (plan.versions().size() == DRY_RUN_READ);
        return first.isEmpty() ? null : new Part(first.config(), versions, bytes, first.historyEntries());
    }

    /** Has the leader begin a cycle at once, whichever node is asked; waits for its end, but not for ever. */
    public Requested request(Caller caller) {
        authorize(caller.principal());
        var accepted = commands.submit(caller, new Command.Gc(new Command.GcStep.RequestCycle()));
        long requestedAt = ((Result.GcMoved) accepted.result()).state().requestedAtMillis();
        long deadline = System.nanoTime() + CYCLE_TIMEOUT.toNanos();
        GcState state = retention.gc();
        while (!isOver(state, requestedAt) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(LOOK.toMillis()));
            state = retention.gc();
        }
        return new Requested(accepted.revision(), isOver(state, requestedAt), state);
    }

    private static boolean isOver(GcState state, long requestedAt) {
        GcCycle last = state.last();
        return last != null && last.startedAtMillis() >= requestedAt;
    }

    private long now() {
        return Math.max(clock.millis(), retention.logTimeMillis());
    }

    private void authorize(Principal principal) {
        authorizer.authorize(principal, Action.ADMIN, new Resource.Everything());
    }
}
