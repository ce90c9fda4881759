package dev.conflux.core.state;

import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.state.proto.StateProto;
import java.util.HexFormat;

/** The one small value that every batch rewrites: position, revision, time, digest and counters. Apply thread only. */
final class StateMeta {

    /** Layout of the whole store; a node refuses a store of another one. */
    static final int FORMAT_VERSION = 1;

    static final int DIGEST_BYTES = 32;

    static final byte[] NO_REFUSALS = {};

    LogPosition applied = LogPosition.ZERO;
    long revision;
    long leaderTimeMillis;
    byte[] digest = new byte[DIGEST_BYTES];
    long lastConfigId;
    long configCount;
    long dedupCount;
    long dedupEvictedThrough;
    long eventCount;
    long eventsCompactedThrough;
    long dedupHorizonMillis;
    long requestCount;
    long requestEvictedThrough;
    byte[] refusals = NO_REFUSALS;
    long pendingSchedules;
    long activeRollouts;

    static StateMeta load(StateReads store) {
        byte[] bytes = store.get(StateKeys.META);
        var meta = new StateMeta();
        if (bytes == null) {
            return meta;
        }
        StateProto.Meta value = StateCodec.parse(StateProto.Meta.parser(), bytes);
        if (value.getFormatVersion() != FORMAT_VERSION) {
            throw new StateStoreException("state format: " + value.getFormatVersion() + " (this version reads "
                    + FORMAT_VERSION + "; start the version that wrote it)");
        }
        meta.applied = new LogPosition(value.getAppliedIndex(), value.getAppliedTerm());
        meta.revision = value.getRevision();
        meta.leaderTimeMillis = value.getLeaderTimeMillis();
        meta.digest = value.getDigest().toByteArray();
        meta.lastConfigId = value.getLastConfigId();
        meta.configCount = value.getConfigCount();
        meta.dedupCount = value.getDedupCount();
        meta.dedupEvictedThrough = value.getDedupEvictedThrough();
        meta.eventCount = value.getEventCount();
        meta.eventsCompactedThrough = value.getEventsCompactedThrough();
        meta.dedupHorizonMillis = value.getDedupHorizonMillis();
        meta.requestCount = value.getRequestCount();
        meta.requestEvictedThrough = value.getRequestEvictedThrough();
        meta.refusals = value.getRefusals().toByteArray();
        meta.pendingSchedules = value.getPendingSchedules();
        meta.activeRollouts = value.getActiveRollouts();
        return meta;
    }

    StateMeta copy() {
        var copy = new StateMeta();
        copy.applied = applied;
        copy.revision = revision;
        copy.leaderTimeMillis = leaderTimeMillis;
        copy.digest = digest;
        copy.lastConfigId = lastConfigId;
        copy.configCount = configCount;
        copy.dedupCount = dedupCount;
        copy.dedupEvictedThrough = dedupEvictedThrough;
        copy.eventCount = eventCount;
        copy.eventsCompactedThrough = eventsCompactedThrough;
        copy.dedupHorizonMillis = dedupHorizonMillis;
        copy.requestCount = requestCount;
        copy.requestEvictedThrough = requestEvictedThrough;
        copy.refusals = refusals;
        copy.pendingSchedules = pendingSchedules;
        copy.activeRollouts = activeRollouts;
        return copy;
    }

    byte[] encode() {
        return StateProto.Meta.newBuilder()
                .setFormatVersion(FORMAT_VERSION)
                .setAppliedIndex(applied.index())
                .setAppliedTerm(applied.term())
                .setRevision(revision)
                .setLeaderTimeMillis(leaderTimeMillis)
                .setDigest(StateCodec.wrap(digest))
                .setLastConfigId(lastConfigId)
                .setConfigCount(configCount)
                .setDedupCount(dedupCount)
                .setDedupEvictedThrough(dedupEvictedThrough)
                .setEventCount(eventCount)
                .setEventsCompactedThrough(eventsCompactedThrough)
                .setDedupHorizonMillis(dedupHorizonMillis)
                .setRequestCount(requestCount)
                .setRequestEvictedThrough(requestEvictedThrough)
                .setRefusals(StateCodec.wrap(refusals))
                .setPendingSchedules(pendingSchedules)
                .setActiveRollouts(activeRollouts)
                .build()
                .toByteArray();
    }

    String digestHex() {
        return HexFormat.of().formatHex(digest);
    }
}
