package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.TrashedConfig;
import dev.conflux.core.state.proto.StateProto;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Recounts the whole store: latest versions exist, rules point to versions, indexes agree, counters are true. */
public final class StateStoreInvariants {

    private StateStoreInvariants() {}

    public static void check(StateStore store) {
        StateMeta meta = StateMeta.load(store);
        Map<Long, Config> configs = new HashMap<>();
        Map<String, TenantUsage> usage = new HashMap<>();
        all(store, StateArea.CONFIGS, (key, value) -> {
            Config config = StateCodec.config(value);
            configs.put(config.id(), config);
            usage.merge(config.key().tenant(), new TenantUsage(1, 0, 0), (a, b) -> a.plus(1, 0, 0));
            assertThat(StateKeys.longAt(key, 1)).isEqualTo(config.id());
            assertThat(config.id()).isLessThanOrEqualTo(meta.lastConfigId);
            assertThat(store.get(StateKeys.name(config.key()))).isEqualTo(StateKeys.longBytes(config.id()));
            assertThat(store.get(StateKeys.version(config.id(), config.latestVersionId())))
                    .isNotNull();
            for (Release rule : config.releases()) {
                assertThat(store.get(StateKeys.version(config.id(), rule.versionId())))
                        .as("rule of %s", config)
                        .isNotNull();
            }
            if (config.releasesRevision() > 0) {
                assertThat(store.get(StateKeys.releaseChange(config.id(), config.releasesRevision())))
                        .isNotNull();
            } else {
                assertThat(config.releases()).isEmpty();
            }
            assertThat(store.get(StateKeys.metadataChange(config.id(), config.metadataVersion())))
                    .isNotNull();
            return true;
        });
        assertThat(meta.configCount).isEqualTo(configs.size());
        int named = configs.size();
        all(store, StateArea.TRASH, (key, value) -> {
            TrashedConfig trashed = GcCodec.trashed(value);
            Config config = trashed.config();
            assertThat(StateKeys.longAt(key, 1)).isEqualTo(config.id());
            assertThat(configs.putIfAbsent(config.id(), config)).isNull();
            usage.merge(config.key().tenant(), new TenantUsage(1, 0, 0), (a, b) -> a.plus(1, 0, 0));
            assertThat(trashed.purging() || store.get(StateKeys.version(config.id(), config.latestVersionId())) != null)
                    .isTrue();
            return true;
        });
        long[] counts = new long[4];
        all(store, StateArea.NAMES, (key, value) -> {
            Config config = Objects.requireNonNull(configs.get(StateKeys.longAt(value, 0)));
            assertThat(key).isEqualTo(StateKeys.name(config.key()));
            counts[0]++;
            return true;
        });
        assertThat(counts[0]).isEqualTo(named);
        all(store, StateArea.VERSIONS, (key, value) -> {
            ConfigVersion version = StateCodec.version(value);
            Config config = Objects.requireNonNull(configs.get(version.configId()));
            assertThat(version.id()).isLessThanOrEqualTo(config.latestVersionId());
            assertThat(store.get(StateKeys.content(version.configId(), version.id())))
                    .hasSize(version.sizeBytes());
            usage.computeIfPresent(config.key().tenant(), (t, u) -> u.plus(0, 1, version.sizeBytes()));
            return true;
        });
        long[] contents = new long[1];
        all(store, StateArea.CONTENTS, (key, value) -> {
            contents[0]++;
            return true;
        });
        assertThat(contents[0])
                .isEqualTo(
                        usage.values().stream().mapToLong(TenantUsage::versions).sum());
        for (StateArea area : new StateArea[] {StateArea.RELEASE_HISTORY, StateArea.METADATA_HISTORY}) {
            all(store, area, (key, value) -> {
                assertThat(configs).containsKey(StateKeys.longAt(key, 1));
                return true;
            });
        }
        all(store, StateArea.TENANTS, (key, value) -> {
            String tenant = new String(key, 1, key.length - 1, StandardCharsets.UTF_8);
            assertThat(StateCodec.usage(value)).isEqualTo(usage.getOrDefault(tenant, TenantUsage.NONE));
            return true;
        });
        GcState gc = GcCodec.read(store);
        assertThat(gc.settings().releaseHistory()).isGreaterThanOrEqualTo(GcSettings.MIN_RELEASE_HISTORY);
        assertThat(gc.settings().metadataHistory()).isPositive();
        if (gc.running() != null) {
            assertThat(gc.running().running()).isTrue();
            assertThat(gc.running().cursor()).isLessThanOrEqualTo(meta.lastConfigId);
            assertThat(gc.last() == null
                            || gc.last().startedAtMillis() < gc.running().startedAtMillis())
                    .isTrue();
        }
        assertThat(gc.last() == null || !gc.last().running()).isTrue();
        for (Config config : configs.values()) {
            byte[] trashed = store.get(StateKeys.trash(config.id()));
            if (trashed != null && GcCodec.trashed(trashed).purging()) {
                continue;
            }
            // What a rollback may need is there.
            VersionReferences.of(config, store).keySet().stream()
                    .filter(version -> version > 0)
                    .forEach(version -> assertThat(store.get(StateKeys.version(config.id(), version)))
                            .as("version %d of %s", version, config)
                            .isNotNull());
        }
        Set<String> dedupKeys = new HashSet<>();
        all(store, StateArea.DEDUP, (key, value) -> {
            dedupKeys.add(HexFormat.of().formatHex(key));
            return true;
        });
        all(store, StateArea.DEDUP_ORDER, (key, value) -> {
            StateProto.DedupOrderValue order = StateCodec.parse(StateProto.DedupOrderValue.parser(), value);
            assertThat(dedupKeys)
                    .contains(HexFormat.of().formatHex(order.getDedupKey().toByteArray()));
            assertThat(StateKeys.longAt(key, 1)).isGreaterThan(meta.dedupEvictedThrough);
            assertThat(order.getStampMillis()).isGreaterThanOrEqualTo(meta.dedupHorizonMillis);
            counts[1]++;
            return true;
        });
        assertThat(meta.dedupCount).isEqualTo(counts[1]);
        all(store, StateArea.REQUEST_ORDER, (key, value) -> {
            StateProto.DedupOrderValue order = StateCodec.parse(StateProto.DedupOrderValue.parser(), value);
            assertThat(dedupKeys)
                    .contains(HexFormat.of().formatHex(order.getDedupKey().toByteArray()));
            assertThat(StateKeys.longAt(key, 1)).isGreaterThan(meta.requestEvictedThrough);
            counts[3]++;
            return true;
        });
        assertThat(meta.requestCount).isEqualTo(counts[3]);
        assertThat(meta.dedupCount + meta.requestCount).isEqualTo(dedupKeys.size());
        all(store, StateArea.EVENTS, (key, value) -> {
            assertThat(StateKeys.longAt(key, 1))
                    .isGreaterThan(meta.eventsCompactedThrough)
                    .isLessThanOrEqualTo(meta.revision);
            counts[2]++;
            return true;
        });
        assertThat(meta.eventCount).isEqualTo(counts[2]);
        deliveries(store, meta, configs);
    }

    /** The agenda holds exactly what is pending or runs, and the counters know how much that is. */
    private static void deliveries(StateStore store, StateMeta meta, Map<Long, Config> configs) {
        Set<Agenda.Item> expected = new HashSet<>();
        Map<Long, Integer> kept = new HashMap<>();
        long[] pending = new long[1];
        all(store, StateArea.SCHEDULES, (key, value) -> {
            Schedule schedule = DeliveryCodec.schedule(value);
            assertThat(configs).containsKey(schedule.configId());
            assertThat(key).isEqualTo(StateKeys.delivery(StateArea.SCHEDULES, schedule.configId(), schedule.id()));
            if (schedule.state() == Schedule.State.PENDING) {
                expected.add(Deliveries.item(schedule));
                pending[0]++;
                assertThat(schedule.endedRevision()).isZero();
            } else {
                assertThat(kept.merge(schedule.configId(), 1, Integer::sum)).isLessThanOrEqualTo(Schedule.MAX_KEPT);
                assertThat(schedule.endedRevision()).isBetween(schedule.id() + 1, meta.revision);
            }
            return true;
        });
        assertThat(meta.pendingSchedules).isEqualTo(pending[0]);
        Map<Long, Long> active = new HashMap<>();
        all(store, StateArea.ROLLOUTS, (key, value) -> {
            Rollout rollout = DeliveryCodec.rollout(value);
            Config config = Objects.requireNonNull(configs.get(rollout.configId()));
            assertThat(key).isEqualTo(StateKeys.delivery(StateArea.ROLLOUTS, rollout.configId(), rollout.id()));
            assertThat(rollout.changedRevision()).isBetween(rollout.id(), meta.revision);
            if (rollout.state() == Rollout.State.RUNNING) {
                expected.add(Deliveries.item(rollout));
            }
            if (rollout.state().active()) {
                assertThat(active.put(rollout.configId(), rollout.id()))
                        .as("one active rollout per config")
                        .isNull();
                assertThat(config.releases())
                        .as("rules of %s", rollout)
                        .isEqualTo(RolloutRules.at(rollout, rollout.stage()));
                assertThat(store.get(StateKeys.activeRollout(rollout.configId())))
                        .isEqualTo(StateKeys.longBytes(rollout.id()));
            }
            return true;
        });
        assertThat(meta.activeRollouts).isEqualTo(active.size());
        long[] listed = new long[1];
        all(store, StateArea.ACTIVE_ROLLOUTS, (key, value) -> {
            listed[0]++;
            return true;
        });
        assertThat(listed[0]).isEqualTo(active.size());
        Set<Agenda.Item> agenda = new HashSet<>();
        all(store, StateArea.AGENDA, (key, value) -> {
            agenda.add(Agenda.Item.of(key));
            return true;
        });
        assertThat(agenda).isEqualTo(expected);
    }

    private static void all(StateStore store, StateArea area, StateReads.Visitor visitor) {
        store.scan(area.from(), area.to(), StateReads.Order.ASCENDING, visitor);
    }
}
