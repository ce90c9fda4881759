package dev.conflux.core.state;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.MetadataChange;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.Schedule;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** See {@link StateReader}: every call that reads more than one value reads from one snapshot. */
final class StoreReader implements StateReader {

    private static final int MAX_LIMIT = 1000;

    private final StateStore store;
    private final Supplier<PersistentView> view;
    private final ContentCache contents;

    StoreReader(StateStore store, Supplier<PersistentView> view, ContentCache contents) {
        this.store = store;
        this.view = view;
        this.contents = contents;
    }

    @Override
    public Optional<Config> config(long id) {
        return Optional.ofNullable(store.get(StateKeys.config(id))).map(StateCodec::config);
    }

    @Override
    public Optional<Config> config(ConfigKey key) {
        try (StateStore.Snapshot snapshot = store.snapshot()) {
            byte[] id = snapshot.get(StateKeys.name(key));
            return id == null ? Optional.empty() : Optional.of(configOf(snapshot, id));
        }
    }

    @Override
    public Optional<ConfigVersion> version(long configId, long versionId) {
        return Optional.ofNullable(store.get(StateKeys.version(configId, versionId)))
                .map(StateCodec::version);
    }

    @Override
    public Optional<Outcome> outcome(CommandEnvelope.IdempotencyKey key) {
        byte[] record = store.get(StateKeys.dedup(key));
        if (Failpoints.skips("defence.dedup_read") || record == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(ExactlyOnce.stored(key, record).asReplayed());
        } catch (Refusal e) {
            throw new ConfluxException(e.error());
        }
    }

    @Override
    public Optional<byte[]> content(long configId, long versionId) {
        byte[] content = store.get(StateKeys.content(configId, versionId));
        if (content == null) {
            return Optional.empty();
        }
        cache(configId, versionId, content);
        return Optional.of(content);
    }

    /** The next fetch of a released version finds it in memory. */
    private void cache(long configId, long versionId, byte[] content) {
        config(configId).ifPresent(config -> {
            ServedConfigRecord served = view.get().find(config.key().toString());
            if (served != null && served.configId() == configId) {
                ServedVersionRecord version = served.version(versionId);
                if (version != null) {
                    contents.keep(version, content);
                }
            }
        });
    }

    @Override
    public List<Config> configs(
            @Nullable String tenant,
            @Nullable String app,
            @Nullable String env,
            @Nullable String name,
            @Nullable ConfigKey after,
            int limit) {
        checkLimit(limit);
        byte[] prefix;
        if (tenant == null) {
            prefix = StateArea.NAMES.from();
        } else if (app == null) {
            prefix = StateKeys.namePrefix(tenant);
        } else if (env == null) {
            prefix = StateKeys.namePrefix(tenant, app);
        } else {
            prefix = StateKeys.namePrefix(tenant, app, env);
        }
        byte[] from = prefix;
        if (after != null) {
            byte[] next = StateKeys.successor(StateKeys.name(after));
            from = Arrays.compareUnsigned(next, prefix) > 0 ? next : prefix;
        }
        var found = new ArrayList<Config>();
        try (StateStore.Snapshot snapshot = store.snapshot()) {
            snapshot.scan(from, StateKeys.after(prefix), StateReads.Order.ASCENDING, (key, id) -> {
                if (hasSegments(key, tenant, app, env, name)) {
                    found.add(configOf(snapshot, id));
                }
                return found.size() < limit;
            });
        }
        return found;
    }

    private static boolean hasSegments(byte[] key, @Nullable String... wanted) {
        String text = new String(key, 1, key.length - 1, StandardCharsets.UTF_8);
        int start = 0;
        for (String segment : wanted) {
            int end = text.indexOf('\0', start);
            end = end < 0 ? text.length() : end;
            if (segment != null
                    && (segment.length() != end - start || !text.regionMatches(start, segment, 0, end - start))) {
                return false;
            }
            start = end + 1;
        }
        return true;
    }

    private static Config configOf(StateReads snapshot, byte[] id) {
        long configId = StateKeys.longAt(id, 0);
        byte[] config = snapshot.get(StateKeys.config(configId));
        if (config == null) {
            throw new StateStoreException("the name index names config " + configId + ", which is not there");
        }
        return StateCodec.config(config);
    }

    @Override
    public List<ConfigVersion> versions(long configId, long before, int limit) {
        return newestFirst(StateArea.VERSIONS, configId, before, limit, StateCodec::version);
    }

    @Override
    public List<ReleaseChange> releaseHistory(long configId, long before, int limit) {
        return newestFirst(StateArea.RELEASE_HISTORY, configId, before, limit, StateCodec::releaseChange);
    }

    @Override
    public List<MetadataChange> metadataHistory(long configId, long before, int limit) {
        return newestFirst(StateArea.METADATA_HISTORY, configId, before, limit, StateCodec::metadataChange);
    }

    @Override
    public Optional<Schedule> schedule(long configId, long id) {
        return Optional.ofNullable(store.get(StateKeys.delivery(StateArea.SCHEDULES, configId, id)))
                .map(DeliveryCodec::schedule);
    }

    @Override
    public List<Schedule> schedules(long configId, long before, int limit) {
        return newestFirst(StateArea.SCHEDULES, configId, before, limit, DeliveryCodec::schedule);
    }

    @Override
    public Optional<Rollout> rollout(long configId, long id) {
        return Optional.ofNullable(store.get(StateKeys.delivery(StateArea.ROLLOUTS, configId, id)))
                .map(DeliveryCodec::rollout);
    }

    @Override
    public List<Rollout> rollouts(long configId, long before, int limit) {
        return newestFirst(StateArea.ROLLOUTS, configId, before, limit, DeliveryCodec::rollout);
    }

    @Override
    public List<Agenda.Item> agenda(Agenda.@Nullable Item after, long untilMillis, int limit) {
        checkLimit(limit);
        var found = new ArrayList<Agenda.Item>();
        byte[] from = after == null ? StateArea.AGENDA.from() : StateKeys.successor(after.key());
        store.scan(from, StateArea.AGENDA.to(), StateReads.Order.ASCENDING, (key, value) -> {
            Agenda.Item item = Agenda.Item.of(key);
            boolean due = item.dueMillis() <= untilMillis;
            if (due) {
                found.add(item);
            }
            return due && found.size() < limit;
        });
        return found;
    }

    private <T> List<T> newestFirst(
            StateArea area, long configId, long before, int limit, Function<byte[], T> decoder) {
        checkLimit(limit);
        if (before <= 0) {
            return List.of();
        }
        var found = new ArrayList<T>();
        byte[] to = StateKeys.version(configId, before);
        to[0] = area.prefix();
        // A scan is one consistent read by itself.
        store.scan(StateKeys.ofConfig(area, configId), to, StateReads.Order.DESCENDING, (key, value) -> {
            found.add(decoder.apply(value));
            return found.size() < limit;
        });
        return found;
    }

    @Override
    public List<ChangeEvent> events(long afterRevision, int limit) {
        checkLimit(limit);
        if (afterRevision == Long.MAX_VALUE) {
            return List.of();
        }
        var found = new ArrayList<ChangeEvent>();
        store.scan(
                StateKeys.eventsFrom(Math.max(0, afterRevision + 1)),
                StateArea.EVENTS.to(),
                StateReads.Order.ASCENDING,
                (key, value) -> {
                    boolean full = found.size() >= limit;
                    if (full && found.getLast().revision() != StateKeys.longAt(key, 1)) {
                        return false;
                    }
                    found.add(StateCodec.event(value));
                    return true;
                });
        return found;
    }

    @Override
    public long eventsCompactedThrough() {
        return StateMeta.load(store).eventsCompactedThrough;
    }

    private static void checkLimit(int limit) {
        if (limit < 1 || limit > MAX_LIMIT) {
            throw new IllegalArgumentException("limit: " + limit + " (expected: 1 to " + MAX_LIMIT + ")");
        }
    }
}
