package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Release;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ReleaseMatcherTest {

    /** Published vectors of MurmurHash3_x86_32 with seed 0. */
    @Test
    void shouldMatchTheKnownAnswers() {
        assertThat(hash("", "")).isEqualTo(0);
        assertThat(hash("", "test")).isEqualTo(0xba6bd213);
        assertThat(hash("", "Hello, world!")).isEqualTo(0xc0363e43);
        assertThat(hash("", "The quick brown fox jumps over the lazy dog")).isEqualTo(0x2e4ff723);
    }

    @Test
    void shouldHashSaltAndValueAsOneUtf8Text() {
        String text = "a\u00e9\u20ac\ud83d\ude00z\ud800-end";
        int whole = hash("", text);
        for (int cut : new int[] {0, 1, 2, 3, 5, 6}) {
            assertThat(hash(text.substring(0, cut), text.substring(cut))).isEqualTo(whole);
        }
        assertThat(Murmur3.hash(text.getBytes(StandardCharsets.UTF_8), "")).isEqualTo(whole);
        assertThat(ReleaseMatcher.bucket("s", "client")).isBetween(0, 9_999);
    }

    @Test
    void shouldTryByPriorityThenLabelsThenListOrder() {
        var matcher = new ReleaseMatcher(List.of(
                Release.defaultTo(1),
                Release.of(Map.of("a", "1"), 2, 0),
                Release.of(Map.of("b", "1"), 3, 0),
                Release.of(Map.of("c", "1"), 4, 9)));
        assertThat(version(matcher, Map.of())).isEqualTo(1);
        assertThat(version(matcher, Map.of("a", "1", "b", "1"))).isEqualTo(2);
        assertThat(version(matcher, Map.of("b", "1", "a", "2"))).isEqualTo(3);
        assertThat(version(matcher, Map.of("a", "1", "c", "1"))).isEqualTo(4);
    }

    @Test
    void shouldServeAShareOfTheClientsAndNoneWithoutTheBucketLabel() {
        var matcher = new ReleaseMatcher(List.of(new Release(new TreeMap<>(), 5, 0, 1_000, "client-id", "salt")));
        assertThat(version(matcher, Map.of())).isEqualTo(-1);
        int served = 0;
        for (int i = 0; i < 10_000; i++) {
            boolean hit = version(matcher, Map.of("client-id", "c" + i)) == 5;
            assertThat(hit).isEqualTo(ReleaseMatcher.bucket("salt", "c" + i) < 1_000);
            served += hit ? 1 : 0;
        }
        assertThat(served).isBetween(850, 1_150);
    }

    private static int hash(String salt, String value) {
        return Murmur3.hash(salt.getBytes(StandardCharsets.UTF_8), value);
    }

    private static long version(ReleaseMatcher matcher, Map<String, String> labels) {
        int rule = matcher.match(Labels.of(labels));
        return rule < 0 ? -1 : matcher.rules().get(rule).versionId();
    }
}
