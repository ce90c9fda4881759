package dev.conflux.core.state;

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
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads applied state from storage. May block on disk: never call it on an event loop. Any thread. Each call sees a
 * consistent state at least as new as the newest {@link ConfigView} when it began.
 */
public interface StateReader {

    Optional<Config> config(long id);

    Optional<Config> config(ConfigKey key);

    Optional<ConfigVersion> version(long configId, long versionId);

    /** The bytes exactly as published. */
    Optional<byte[]> content(long configId, long versionId);

    /**
     * Configs in the order of their full name.
     *
     * @param tenant null = all tenants; {@code app} and {@code env} narrow it further, {@code name} is an exact name
     * @param after exclusive: the full name of the last item already seen
     * @param limit 1 … 1000
     */
    List<Config> configs(
            @Nullable String tenant,
            @Nullable String app,
            @Nullable String env,
            @Nullable String name,
            @Nullable ConfigKey after,
            int limit);

    /**
     * Versions, newest first.
     *
     * @param before exclusive: only ids below it; {@link Long#MAX_VALUE} for the newest
     */
    List<ConfigVersion> versions(long configId, long before, int limit);

    /** Release changes, newest first; {@code before} is a {@code releases_revision}. */
    List<ReleaseChange> releaseHistory(long configId, long before, int limit);

    Optional<Schedule> schedule(long configId, long id);

    /** Schedules, newest first; {@code before} is an id. */
    List<Schedule> schedules(long configId, long before, int limit);

    Optional<Rollout> rollout(long configId, long id);

    /** Rollouts, newest first; {@code before} is an id. */
    List<Rollout> rollouts(long configId, long before, int limit);

    /**
     * What has to be done by itself up to {@code untilMillis}, in the order of time.
     *
     * @param after exclusive; null = from the first
     */
    List<Agenda.Item> agenda(Agenda.@Nullable Item after, long untilMillis, int limit);

    /** Metadata changes, newest first; {@code before} is a {@code metadata_version}. */
    List<MetadataChange> metadataHistory(long configId, long before, int limit);

    /**
     * Events with {@code afterRevision < revision}, in order. Events of one revision are never split over two calls.
     *
     * @param limit events; exceeded only to complete the last revision
     */
    List<ChangeEvent> events(long afterRevision, int limit);

    /**
     * What became of the command with this key, as a replay; empty when this node has applied none, which does not mean
     * that there is none. An outcome that is there is final: committed entries never go away.
     *
     * @throws ConfluxException when the key was used for another request
     */
    Optional<Outcome> outcome(CommandEnvelope.IdempotencyKey key);

    /** Events up to and including this revision are gone; a watcher that is behind it must fetch again. */
    long eventsCompactedThrough();
}
