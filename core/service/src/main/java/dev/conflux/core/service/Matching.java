package dev.conflux.core.service;

import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Release;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which rule a client gets. */
final class Matching {

    private Matching() {}

    /** Rules in the order in which they are tried. */
    static List<Release> ordered(List<Release> rules) {
        return rules.stream()
                .sorted(Comparator.<Release>comparingInt(rule -> -rule.priority())
                        .thenComparingInt(rule -> -rule.labels().size()))
                .toList();
    }

    /** The first of the {@link #ordered} rules that matches. */
    static @Nullable Release first(List<Release> ordered, Labels labels) {
        for (Release rule : ordered) {
            if (matches(rule, labels)) {
                return rule;
            }
        }
        return null;
    }

    private static boolean matches(Release rule, Labels labels) {
        for (var wanted : rule.labels().entrySet()) {
            if (!wanted.getValue().equals(labels.get(wanted.getKey()))) {
                return false;
            }
        }
        Integer share = rule.percentage();
        if (share == null) {
            return true;
        }
        String value = labels.get(rule.bucketBy());
        return value != null && bucket(rule.salt(), value) < share;
    }

    static int bucket(String salt, String value) {
        byte[] bytes = (salt + value).getBytes(StandardCharsets.UTF_8);
        return Integer.remainderUnsigned(murmur3(bytes), Release.BUCKETS);
    }

    private static int murmur3(byte[] data) {
        int hash = 0;
        int blocks = data.length / 4;
        for (int i = 0; i < blocks; i++) {
            int k = (data[4 * i] & 0xff)
                    | (data[4 * i + 1] & 0xff) << 8
                    | (data[4 * i + 2] & 0xff) << 16
                    | (data[4 * i + 3] & 0xff) << 24;
            hash ^= mix(k);
            hash = Integer.rotateLeft(hash, 13) * 5 + 0xe6546b64;
        }
        int tail = 0;
        for (int i = data.length - 1; i >= 4 * blocks; i--) {
            tail = tail << 8 | (data[i] & 0xff);
        }
        hash ^= mix(tail);
        hash ^= data.length;
        hash = (hash ^ hash >>> 16) * 0x85ebca6b;
        hash = (hash ^ hash >>> 13) * 0xc2b2ae35;
        return hash ^ hash >>> 16;
    }

    private static int mix(int k) {
        return Integer.rotateLeft(k * 0xcc9e2d51, 15) * 0x1b873593;
    }
}
