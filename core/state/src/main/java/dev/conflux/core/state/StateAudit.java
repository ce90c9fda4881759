package dev.conflux.core.state;

import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Namespace;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.Schedule;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * A recount of a stored state: what is in it, and whether it agrees with itself. Reads everything once, contents too.
 *
 * @param namespaces what each namespace holds
 * @param newest the newest change events, newest first
 * @param problems what does not agree, one sentence each; empty = nothing found
 */
public record StateAudit(
        StateSummary summary, SortedMap<Namespace, Count> namespaces, List<ChangeEvent> newest, List<String> problems) {

    /**
     * What there is of something, the trash included.
     *
     * @param contentBytes of all its versions
     */
    public record Count(long configs, long versions, long contentBytes) {

        static final Count NONE = new Count(0, 0, 0);

        Count plus(Count other) {
            return new Count(configs + other.configs, versions + other.versions, contentBytes + other.contentBytes);
        }
    }

    public StateAudit {
        namespaces = Collections.unmodifiableSortedMap(new TreeMap<>(namespaces));
        newest = List.copyOf(newest);
        problems = List.copyOf(problems);
    }

    /** All namespaces together. */
    public Count total() {
        return namespaces.values().stream().reduce(Count.NONE, Count::plus);
    }

    /**
     * Recounts.
     *
     * @param newestEvents how many change events to return
     * @param configs told of every config, by id
     */
    public static StateAudit of(StateReads store, int newestEvents, Consumer<Config> configs) {
        return new Recount(store, configs).run(newestEvents);
    }

    /** One recount, used once. */
    private static final class Recount {

        private final StateReads store;
        private final Consumer<Config> listener;
        private final StateMeta meta;
        private final Map<Long, Config> configs = new HashMap<>();
        private final SortedMap<Namespace, Count> namespaces = new TreeMap<>();
        private final List<String> problems = new ArrayList<>();

        Recount(StateReads store, Consumer<Config> listener) {
            this.store = store;
            this.listener = listener;
            this.meta = StateMeta.load(store);
        }

        StateAudit run(int newestEvents) {
            all(StateArea.CONFIGS, this::config);
            if (configs.size() != meta.configCount) {
                problem("there are " + configs.size() + " configs, the counter says " + meta.configCount);
            }
            all(StateArea.TRASH, this::trashed);
            all(StateArea.NAMES, this::name);
            all(StateArea.VERSIONS, this::version);
            all(StateArea.CONTENTS, this::content);
            tenants();
            deliveries();
            return new StateAudit(StateSummary.of(meta), namespaces, events(newestEvents), problems);
        }

        private void config(byte[] key, byte[] value) {
            Config config = StateCodec.config(value);
            configs.put(config.id(), config);
            namespaces.merge(config.key().namespace(), new Count(1, 0, 0), Count::plus);
            listener.accept(config);
            if (StateKeys.longAt(key, 1) != config.id()) {
                problem(config.key() + " has id " + config.id() + ", it is stored under " + StateKeys.longAt(key, 1));
            }
            if (config.id() > meta.lastConfigId) {
                problem(config.key() + " has id " + config.id() + ", the last one given was " + meta.lastConfigId);
            }
            if (!Arrays.equals(store.get(StateKeys.name(config.key())), StateKeys.longBytes(config.id()))) {
                problem(config.key() + " is not found by its name");
            }
            if (store.get(StateKeys.version(config.id(), config.latestVersionId())) == null) {
                problem(config.key() + " lacks its latest version " + config.latestVersionId());
            }
            for (Release rule : config.releases()) {
                if (store.get(StateKeys.version(config.id(), rule.versionId())) == null) {
                    problem(config.key() + " releases version " + rule.versionId() + ", which is not there");
                }
            }
        }

        /** It counts for its tenant until it is gone. */
        private void trashed(byte[] key, byte[] value) {
            Config config = GcCodec.trashed(value).config();
            if (configs.putIfAbsent(config.id(), config) != null) {
                problem(config.key() + " is there and in the trash, under one id");
            }
            namespaces.merge(config.key().namespace(), new Count(1, 0, 0), Count::plus);
        }

        private void name(byte[] key, byte[] value) {
            Config config = configs.get(StateKeys.longAt(value, 0));
            if (config == null || !Arrays.equals(StateKeys.name(config.key()), key)) {
                problem("the name " + new String(key, 1, key.length - 1, StandardCharsets.UTF_8).replace('\0', '/')
                        + " leads to no config");
            }
        }

        private void version(byte[] key, byte[] value) {
            ConfigVersion version = StateCodec.version(value);
            Config config = configs.get(version.configId());
            if (config == null) {
                problem("version " + version.id() + " belongs to config " + version.configId()
                        + ", which is not there");
                return;
            }
            namespaces.merge(config.key().namespace(), new Count(0, 1, version.sizeBytes()), Count::plus);
            String name = "version " + version.id() + " of " + config.key();
            if (version.id() > config.latestVersionId()) {
                problem(name + " is newer than the latest, " + config.latestVersionId());
            }
            byte[] content = store.get(StateKeys.content(version.configId(), version.id()));
            if (content == null) {
                problem(name + " has no content");
            } else if (content.length != version.sizeBytes()
                    || !HexFormat.of()
                            .formatHex(SnapshotFiles.sha256().digest(content))
                            .equals(version.hash())) {
                problem(name + " has content that does not fit its hash");
            }
        }

        private void content(byte[] key, byte[] value) {
            if (store.get(StateKeys.version(StateKeys.longAt(key, 1), StateKeys.longAt(key, 9))) == null) {
                problem("there is content of version " + StateKeys.longAt(key, 9) + " of config "
                        + StateKeys.longAt(key, 1) + ", which is not there");
            }
        }

        private void tenants() {
            var counted = new TreeMap<String, Count>();
            namespaces.forEach((namespace, count) -> counted.merge(namespace.tenant(), count, Count::plus));
            all(StateArea.TENANTS, (key, value) -> {
                String tenant = new String(key, 1, key.length - 1, StandardCharsets.UTF_8);
                TenantUsage stored = StateCodec.usage(value);
                Count found = counted.getOrDefault(tenant, Count.NONE);
                if (!found.equals(new Count(stored.configs(), stored.versions(), stored.contentBytes()))) {
                    problem("tenant " + tenant + " has " + found + ", its counter says " + stored);
                }
            });
        }

        private void deliveries() {
            var counts = new long[3];
            all(StateArea.SCHEDULES, (key, value) -> {
                Schedule schedule = DeliveryCodec.schedule(value);
                if (schedule.state() == Schedule.State.PENDING) {
                    counts[0]++;
                    onAgenda(Deliveries.item(schedule));
                }
            });
            all(StateArea.ROLLOUTS, (key, value) -> {
                Rollout rollout = DeliveryCodec.rollout(value);
                counts[1] += rollout.state().active() ? 1 : 0;
                if (rollout.state() == Rollout.State.RUNNING) {
                    counts[2]++;
                    onAgenda(Deliveries.item(rollout));
                }
            });
            if (counts[0] != meta.pendingSchedules) {
                problem("there are " + counts[0] + " pending schedules, the counter says " + meta.pendingSchedules);
            }
            if (counts[1] != meta.activeRollouts) {
                problem("there are " + counts[1] + " active rollouts, the counter says " + meta.activeRollouts);
            }
            var items = new long[1];
            all(StateArea.AGENDA, (key, value) -> items[0]++);
            if (items[0] != counts[0] + counts[2]) {
                problem("there are " + items[0] + " items on the agenda for " + (counts[0] + counts[2])
                        + " things to do");
            }
        }

        private void onAgenda(Agenda.Item item) {
            if (store.get(item.key()) == null) {
                problem(item + " is not on the agenda");
            }
        }

        private List<ChangeEvent> events(int newest) {
            var found = new ArrayList<ChangeEvent>();
            var count = new long[1];
            store.scan(StateArea.EVENTS.from(), StateArea.EVENTS.to(), StateReads.Order.DESCENDING, (key, value) -> {
                count[0]++;
                if (found.size() < newest) {
                    found.add(StateCodec.event(value));
                }
                return true;
            });
            if (count[0] != meta.eventCount) {
                problem("there are " + count[0] + " change events, the counter says " + meta.eventCount);
            }
            return found;
        }

        /** Takes one stored value. */
        private interface Visitor {
            void visit(byte[] key, byte[] value);
        }

        private void all(StateArea area, Visitor visitor) {
            store.scan(area.from(), area.to(), StateReads.Order.ASCENDING, (key, value) -> {
                visitor.visit(key, value);
                return true;
            });
        }

        private void problem(String what) {
            problems.add(what);
        }
    }
}
