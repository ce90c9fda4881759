package dev.conflux.core.service;

import dev.conflux.base.observe.Metrics;
import dev.conflux.base.observe.TraceIds;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.Role;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.GcCycle;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.TrashedConfig;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.FeatureLevel;
import dev.conflux.core.state.RetentionReader;
import dev.conflux.core.state.StateReader;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes what retention lets go: walks over all configs by id while this node leads, and proposes small commands that
 * apply checks again. How far it is, is replicated with every command, so another leader goes on where this one stopped;
 * nothing is lost either way, for a walk from the beginning finds nothing twice.
 *
 * <p>One virtual thread of its own, which {@link #close} ends.
 */
public final class GarbageCollector implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(GarbageCollector.class);

    /** How often it looks whether there is something to do: one read of a cached value. */
    private static final Duration LOOK = Duration.ofSeconds(1);

    /** Config ids read at a time. */
    private static final int CONFIGS_PER_READ = 256;

    /** A config that changes while it is pruned is looked at again so often; the next cycle finds the rest. */
    private static final int ATTEMPTS = 3;

    /** Author of its commands. */
    private static final Principal SELF = new Principal(0, "conflux-gc", true);

    /**
     * How it works.
     *
     * @param interval from the end of a cycle to the next one; zero = only when asked for
     * @param versionsPerSecond deletes at most so many versions and history entries per second
     */
    public record Settings(Duration interval, int versionsPerSecond) {

        public static final Settings DEFAULT = new Settings(Duration.ofHours(1), 5_000);

        public Settings {
            if (interval.isNegative()) {
                throw new IllegalArgumentException("interval: " + interval + " (expected: >= 0)");
            }
            if (versionsPerSecond < 1) {
                throw new IllegalArgumentException("versions per second: " + versionsPerSecond + " (expected: > 0)");
            }
        }
    }

    /** How a cycle ended on this node. */
    private enum Ending {
        COMPLETE,
        INCOMPLETE,
        INTERRUPTED
    }

    private final ConsensusNode node;
    private final RetentionReader retention;
    private final StateReader reader;
    private final CommandLog commands;
    private final Optional<VersionArchive> archive;
    private final Settings settings;
    private final Clock clock;
    private final long startedAtMillis;
    private final LongAdder versions = new LongAdder();
    private final LongAdder bytes = new LongAdder();
    private final LongAdder entries = new LongAdder();
    private final LongAdder complete = new LongAdder();
    private final LongAdder incomplete = new LongAdder();
    private final LongAdder interrupted = new LongAdder();
    private final Thread thread;
    private volatile boolean closed;

    private GarbageCollector(
            ConsensusNode node,
            ConfigState state,
            CommandLog commands,
            Optional<VersionArchive> archive,
            Settings settings,
            Clock clock) {
        this.node = node;
        this.retention = state.retention();
        this.reader = state.reader();
        this.commands = commands;
        this.archive = archive;
        this.settings = settings;
        this.clock = clock;
        startedAtMillis = clock.millis();
        thread = Thread.ofVirtual().name("gc").unstarted(this::run);
    }

    /**
     * Begins to look for work.
     *
     * @param archive gets what is deleted, before; empty = nobody does
     */
    public static GarbageCollector start(
            ConsensusNode node,
            ConfigState state,
            CommandLog commands,
            Optional<VersionArchive> archive,
            Settings settings,
            Clock clock) {
        var collector = new GarbageCollector(node, state, commands, archive, settings, clock);
        collector.thread.start();
        return collector;
    }

    /** Registers what is counted here: what this node deleted while it led. */
    public void observe(Metrics metrics) {
        metrics.counter(
                "conflux_gc_versions_deleted",
                "Versions deleted by cycles of this node, while it led",
                versions,
                LongAdder::sum);
        metrics.counter(
                "conflux_gc_content_bytes_deleted",
                "Content of the versions deleted by cycles of this node",
                bytes,
                LongAdder::sum);
        metrics.counter(
                "conflux_gc_history_entries_deleted",
                "History entries deleted by cycles of this node",
                entries,
                LongAdder::sum);
        String help = "Cycles of garbage collection on this node by how they ended";
        metrics.counter("conflux_gc_cycles", help, complete, LongAdder::sum, "result", "complete");
        metrics.counter("conflux_gc_cycles", help, incomplete, LongAdder::sum, "result", "incomplete");
        metrics.counter("conflux_gc_cycles", help, interrupted, LongAdder::sum, "result", "interrupted");
    }

    /** When the next cycle begins if this node leads then, Unix milliseconds; empty = only when asked for. */
    public OptionalLong nextAtMillis() {
        if (settings.interval().isZero()) {
            return OptionalLong.empty();
        }
        GcCycle last = retention.gc().last();
        long since = last == null ? startedAtMillis : last.endedAtMillis();
        return OptionalLong.of(since + settings.interval().toMillis());
    }

    private void run() {
        while (!closed) {
            try {
                if (due()) {
                    cycle();
                }
            } catch (RuntimeException e) {
                // Whatever it is, the next look may meet better times; what a disk means is said where it fails.
                log.warn("gc_failed reason=\"{}\"", e.getMessage(), e);
            }
            LockSupport.parkNanos(LOOK.toNanos());
        }
    }

    private boolean leads() {
        return !closed && node.status().role() == Role.LEADER;
    }

    private boolean due() {
        if (!leads()
                || node.featureLevel() < FeatureLevel.required(new Command.Gc(new Command.GcStep.RequestCycle()))) {
            return false;
        }
        GcState gc = retention.gc();
        if (gc.running() != null || gc.requestedAtMillis() > 0) {
            return true;
        }
        OptionalLong next = nextAtMillis();
        return next.isPresent() && clock.millis() >= next.getAsLong();
    }

    // --- one cycle -------------------------------------------------------------------------------------------------

    /** Why a cycle cannot go on; it is recorded. */
    private static final class Stop extends Exception {
        private static final long serialVersionUID = 1L;

        Stop(String why, Throwable cause) {
            super(why, cause);
        }
    }

    private void cycle() {
        GcState gc = retention.gc();
        GcCycle running = gc.running();
        GcCycle last = gc.last();
        long start = running != null
                ? running.startedAtMillis()
                : Math.max(
                        Math.max(clock.millis(), gc.requestedAtMillis()),
                        last == null ? 1 : last.startedAtMillis() + 1);
        long cursor = running == null ? 0 : running.cursor();
        String problem = "";
        Ending result = Ending.COMPLETE;
        try {
            if (!walk(start, cursor) || !empty(start)) {
                result = Ending.INTERRUPTED;
            }
        } catch (Stop e) {
            result = Ending.INCOMPLETE;
            problem = String.valueOf(e.getMessage());
            log.warn("gc_stopped reason=\"{}\"", problem, e.getCause());
        } catch (ConfluxException e) {
            // The log takes nothing now: this or another leader goes on later.
            result = Ending.INTERRUPTED;
            log.info("gc_interrupted reason=\"{}\"", e.error().message());
        }
        switch (result) {
            case INTERRUPTED -> interrupted.increment();
            case COMPLETE -> {
                end(start, problem);
                complete.increment();
            }
            case INCOMPLETE -> {
                end(start, problem);
                incomplete.increment();
            }
        }
    }

    private void end(long start, String problem) {
        var outcome = commands.submit(caller(), new Command.Gc(new Command.GcStep.End(start, problem)));
        GcCycle ended = ((Result.GcMoved) outcome.result()).state().last();
        if (ended != null && ended.startedAtMillis() == start) {
            log.info(
                    "gc_cycle millis={} versions={} bytes={} history_entries={} problem=\"{}\"",
                    ended.endedAtMillis() - ended.startedAtMillis(),
                    ended.versions(),
                    ended.contentBytes(),
                    ended.historyEntries(),
                    ended.problem());
        }
    }

    /** True when it came to the end. */
    private boolean walk(long cycle, long cursor) throws Stop {
        long done = cursor;
        while (true) {
            List<Long> ids = retention.configsAfter(done, CONFIGS_PER_READ);
            if (ids.isEmpty()) {
                return true;
            }
            for (long id : ids) {
                if (!prune(cycle, id)) {
                    return false;
                }
                done = id;
            }
        }
    }

    /** False when this node may not go on. */
    private boolean prune(long cycle, long configId) throws Stop {
        long after = 0;
        int attempts = 0;
        while (leads()) {
            long now = Math.max(clock.millis(), retention.logTimeMillis());
            RetentionReader.Plan plan = retention
                    .plan(configId, after, Command.PruneVersions.MAX_PRUNED, now)
                    .orElse(null);
            if (plan == null || plan.isEmpty()) {
                return true;
            }
            archive(plan.config(), plan.versions());
            List<Long> ids = plan.versions().stream().map(ConfigVersion::id).toList();
            if (!leads()) {
                return false;
            }
            try {
                var outcome = commands.submit(
                        caller(),
                        new Command.PruneVersions(configId, cycle, ids, plan.releaseChanges(), plan.metadataChanges()));
                var pruned = (Result.VersionsPruned) outcome.result();
                versions.add(pruned.versions());
                bytes.add(pruned.contentBytes());
                entries.add(pruned.historyEntries());
            } catch (ConfluxException e) {
                if (!changedMeanwhile(e.error().code())) {
                    throw e;
                }
                if (++attempts == ATTEMPTS) {
                    return true;
                }
                continue;
            }
            if (!ids.isEmpty()) {
                after = ids.getLast();
            }
            pause(ids.size()
                    + plan.releaseChanges().size()
                    + plan.metadataChanges().size());
            if (plan.complete()) {
                return true;
            }
        }
        return false;
    }

    /** Removes what is expired or to be purged from the trash; false when this node may not go on. */
    private boolean empty(long cycle) throws Stop {
        long after = 0;
        RetentionReader.Trash page;
        do {
            page = retention.trash(null, after, CONFIGS_PER_READ);
            for (TrashedConfig trashed : page.configs()) {
                if (!remove(cycle, trashed)) {
                    return false;
                }
            }
            after = page.through();
        } while (page.more());
        return true;
    }

    private boolean remove(long cycle, TrashedConfig trashed) throws Stop {
        long id = trashed.config().id();
        while (leads()) {
            long now = Math.max(clock.millis(), retention.logTimeMillis());
            if (!retention.mayBeRemoved(trashed, now)) {
                return true;
            }
            // Apply takes the oldest, too; nothing is added to a config in the trash.
            archive(trashed.config(), retention.oldestVersions(id, Command.PruneVersions.MAX_PRUNED));
            try {
                var outcome = commands.submit(
                        caller(),
                        new Command.Trash(id, new Command.TrashStep.Remove(cycle, trashed.deletedAtMillis())));
                var removed = (Result.TrashRemoved) outcome.result();
                versions.add(removed.versions());
                bytes.add(removed.contentBytes());
                pause(removed.versions() + 1);
                if (removed.complete()) {
                    return true;
                }
            } catch (ConfluxException e) {
                if (!changedMeanwhile(e.error().code())) {
                    throw e;
                }
                return true; // Restored, or removed already.
            }
        }
        return false;
    }

    /** Somebody released a version, relaxed the policy or deleted the config between our look and apply's. */
    private static boolean changedMeanwhile(ErrorCode code) {
        return switch (code) {
            case VERSION_IN_USE, VERSION_NOT_FOUND, CONFIG_NOT_FOUND, INVALID_ARGUMENT -> true;
            default -> false;
        };
    }

    private void archive(Config config, List<ConfigVersion> going) throws Stop {
        if (archive.isEmpty() || going.isEmpty()) {
            return;
        }
        var items = new ArrayList<VersionArchive.Item>(going.size());
        for (ConfigVersion version : going) {
            Optional<byte[]> content = reader.content(version.configId(), version.id());
            if (content.isPresent()) {
                items.add(new VersionArchive.Item(config.key(), version, content.get()));
            }
        }
        try {
            archive.get().store(items);
        } catch (IOException e) {
            throw new Stop(
                    String.format(
                            Locale.ROOT,
                            "the archive took no versions of config %d, so nothing more is deleted: %s",
                            config.id(),
                            e),
                    e);
        }
    }

    private void pause(int deleted) {
        LockSupport.parkNanos(deleted * Duration.ofSeconds(1).toNanos() / settings.versionsPerSecond());
    }

    private static Caller caller() {
        return new Caller(SELF, TraceIds.next());
    }

    /** Stops after the command in flight. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
        try {
            thread.join(CommandLog.DEFAULT_TIMEOUT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
