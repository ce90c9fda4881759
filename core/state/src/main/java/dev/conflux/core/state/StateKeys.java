package dev.conflux.core.state;

import dev.conflux.core.model.ConfigKey;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Layout of keys: area byte, then integers big-endian so that bytes sort as numbers do. */
final class StateKeys {

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    /** Sorts before every character of a name, so that names in the store sort as {@link ConfigKey} compares. */
    private static final char SEPARATOR = '\0';

    static final byte[] META = {StateArea.META.prefix()};

    static final byte[] GC = {StateArea.GC.prefix()};

    private StateKeys() {}

    static byte[] name(ConfigKey key) {
        return text(
                StateArea.NAMES,
                key.namespace().tenant()
                        + SEPARATOR
                        + key.namespace().app()
                        + SEPARATOR
                        + key.namespace().env()
                        + SEPARATOR
                        + key.name());
    }

    /** Start of all names that begin with these segments, each complete. */
    static byte[] namePrefix(String... segments) {
        var text = new StringBuilder();
        for (String segment : segments) {
            text.append(segment).append(SEPARATOR);
        }
        return text(StateArea.NAMES, text.toString());
    }

    static byte[] config(long id) {
        return one(StateArea.CONFIGS, id);
    }

    static byte[] trash(long configId) {
        return one(StateArea.TRASH, configId);
    }

    static byte[] version(long configId, long versionId) {
        return two(StateArea.VERSIONS, configId, versionId);
    }

    static byte[] content(long configId, long versionId) {
        return two(StateArea.CONTENTS, configId, versionId);
    }

    static byte[] releaseChange(long configId, long releasesRevision) {
        return two(StateArea.RELEASE_HISTORY, configId, releasesRevision);
    }

    static byte[] metadataChange(long configId, long metadataVersion) {
        return two(StateArea.METADATA_HISTORY, configId, metadataVersion);
    }

    static byte[] activeRollout(long configId) {
        return one(StateArea.ACTIVE_ROLLOUTS, configId);
    }

    /** Of a schedule or rollout. */
    static byte[] delivery(StateArea area, long configId, long id) {
        return two(area, configId, id);
    }

    /** Inclusive start of everything of one config in an area keyed by config id. */
    static byte[] ofConfig(StateArea area, long configId) {
        return one(area, configId);
    }

    /** Exclusive end of everything of one config. */
    static byte[] afterConfig(StateArea area, long configId) {
        return configId == Long.MAX_VALUE ? area.to() : one(area, configId + 1);
    }

    /** The scope is length-prefixed: no choice of scope and key makes two pairs look alike. */
    static byte[] dedup(CommandEnvelope.DedupKey key) {
        return switch (key) {
            case CommandEnvelope.IdempotencyKey client -> dedup(client.scope(), client.key());
            case CommandEnvelope.RequestKey request -> {
                byte[] result = new byte[19]; // an empty scope, then the number
                result[0] = StateArea.DEDUP.prefix();
                LONG.set(result, 3, request.id().high());
                LONG.set(result, 11, request.id().low());
                yield result;
            }
        };
    }

    private static byte[] dedup(String scope, String key) {
        byte[] scopeBytes = scope.getBytes(StandardCharsets.UTF_8);
        byte[] keyBytes = key.getBytes(StandardCharsets.UTF_8);
        if (scopeBytes.length > 0xffff) {
            throw new IllegalArgumentException("scope: " + scopeBytes.length + " bytes (expected: <= 65535)");
        }
        byte[] result = new byte[3 + scopeBytes.length + keyBytes.length];
        result[0] = StateArea.DEDUP.prefix();
        result[1] = (byte) (scopeBytes.length >>> 8);
        result[2] = (byte) scopeBytes.length;
        System.arraycopy(scopeBytes, 0, result, 3, scopeBytes.length);
        System.arraycopy(keyBytes, 0, result, 3 + scopeBytes.length, keyBytes.length);
        return result;
    }

    static byte[] dedupOrder(long logIndex) {
        return one(StateArea.DEDUP_ORDER, logIndex);
    }

    static byte[] requestOrder(long logIndex) {
        return one(StateArea.REQUEST_ORDER, logIndex);
    }

    static byte[] tenant(String tenant) {
        return text(StateArea.TENANTS, tenant);
    }

    static byte[] event(long revision, int position) {
        byte[] key = new byte[13];
        key[0] = StateArea.EVENTS.prefix();
        LONG.set(key, 1, revision);
        key[9] = (byte) (position >>> 24);
        key[10] = (byte) (position >>> 16);
        key[11] = (byte) (position >>> 8);
        key[12] = (byte) position;
        return key;
    }

    /** Inclusive start of the events of a revision. */
    static byte[] eventsFrom(long revision) {
        return one(StateArea.EVENTS, revision);
    }

    /** The first key after all keys that begin with {@code prefix}. */
    static byte[] after(byte[] prefix) {
        byte[] end = prefix.clone();
        for (int i = end.length - 1; i >= 0; i--) {
            if (end[i] != (byte) 0xff) {
                end[i]++;
                return Arrays.copyOf(end, i + 1);
            }
        }
        throw new IllegalArgumentException("prefix: " + Arrays.toString(prefix) + " (expected: a byte below 0xff)");
    }

    /** The smallest key greater than {@code key}. */
    static byte[] successor(byte[] key) {
        return Arrays.copyOf(key, key.length + 1);
    }

    static long longAt(byte[] bytes, int offset) {
        return (long) LONG.get(bytes, offset);
    }

    static byte[] longBytes(long value) {
        byte[] bytes = new byte[8];
        LONG.set(bytes, 0, value);
        return bytes;
    }

    private static byte[] one(StateArea area, long value) {
        byte[] key = new byte[9];
        key[0] = area.prefix();
        LONG.set(key, 1, value);
        return key;
    }

    private static byte[] two(StateArea area, long first, long second) {
        byte[] key = new byte[17];
        key[0] = area.prefix();
        LONG.set(key, 1, first);
        LONG.set(key, 9, second);
        return key;
    }

    private static byte[] text(StateArea area, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        byte[] key = new byte[1 + bytes.length];
        key[0] = area.prefix();
        System.arraycopy(bytes, 0, key, 1, bytes.length);
        return key;
    }
}
