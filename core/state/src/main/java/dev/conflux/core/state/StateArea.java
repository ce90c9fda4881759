package dev.conflux.core.state;

import java.util.Arrays;

/** The numbered areas of the store: the first byte of every key. Numbers are never changed and never reused. */
public enum StateArea {
    /** One value: applied position, revision, leader time, digest, counters. */
    META(0x01),
    /** Full name to config id. */
    NAMES(0x02),
    /** Config by id. */
    CONFIGS(0x03),
    /** Version, without its bytes, by config id and version id. */
    VERSIONS(0x04),
    /** A version's bytes by config id and version id. */
    CONTENTS(0x05),
    /** Release change by config id and releases revision. */
    RELEASE_HISTORY(0x06),
    /** Metadata change by config id and metadata version. */
    METADATA_HISTORY(0x07),
    /** Outcome by idempotency scope and key. */
    DEDUP(0x08),
    /** Dedup key of a client's key by log index: the order of eviction. */
    DEDUP_ORDER(0x09),
    /** Usage by tenant. */
    TENANTS(0x0a),
    /** Change event by revision and position in it. */
    EVENTS(0x0b),
    /** Dedup key of a node's own request number by log index: the order of eviction. */
    REQUEST_ORDER(0x0c),
    /** Schedule by config id and schedule id. */
    SCHEDULES(0x10),
    /** Rollout by config id and rollout id. */
    ROLLOUTS(0x11),
    /** Nothing, by due time, kind, config id and id: what has to be done next. */
    AGENDA(0x12),
    /** Rollout id of the one that has not ended, by config id. */
    ACTIVE_ROLLOUTS(0x13),
    /** One value: settings and progress of garbage collection. */
    GC(0x14),
    /** Deleted config that can come back, by id. */
    TRASH(0x15);

    private static final StateArea[] BY_PREFIX = new StateArea[256];

    static {
        for (StateArea area : values()) {
            BY_PREFIX[area.prefix & 0xff] = area;
        }
    }

    private final byte prefix;

    StateArea(int prefix) {
        this.prefix = (byte) prefix;
    }

    public byte prefix() {
        return prefix;
    }

    /** The area that a key belongs to. */
    public static StateArea of(byte[] key) {
        StateArea area = key.length == 0 ? null : BY_PREFIX[key[0] & 0xff];
        if (area == null) {
            throw new IllegalArgumentException("key: " + Arrays.toString(key) + " (expected: first byte of an area)");
        }
        return area;
    }

    /** Inclusive start of the area. */
    public byte[] from() {
        return new byte[] {prefix};
    }

    /** Exclusive end of the area. */
    public byte[] to() {
        return new byte[] {(byte) (prefix + 1)};
    }
}
