package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.ConfigKey;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PathIndexTest {

    private static ServedConfigRecord config(long id, String name) {
        return new ServedConfigRecord(
                id,
                ConfigKey.of("t", "a", "e", name),
                List.of(),
                new ReleaseMatcher(List.of()),
                new ServedVersionRecord[0],
                new LastFetch());
    }

    /** "Aa" and "BB" have one hash, so have all words made of them. */
    private static String collidingName(int number, int letters) {
        var name = new StringBuilder();
        for (int bit = 0; bit < letters; bit++) {
            name.append((number >> bit & 1) == 0 ? "Aa" : "BB");
        }
        return name.toString();
    }

    @Test
    void behavesAsAMapAndKeepsOldVersions() {
        var random = new Random(7);
        var expected = new HashMap<String, ServedConfigRecord>();
        PathIndex index = PathIndex.EMPTY;
        var names = new ArrayList<String>();
        for (int i = 0; i < 64; i++) {
            names.add(collidingName(i, 6));
        }
        for (int i = 0; i < 3_000; i++) {
            names.add("name-" + i);
        }
        for (int step = 0; step < 400; step++) {
            var before = new HashMap<>(expected);
            PathIndex old = index;
            var builder = new PathIndex.Builder(index);
            for (int change = random.nextInt(60); change >= 0; change--) {
                String name = names.get(random.nextInt(names.size()));
                if (random.nextInt(3) == 0) {
                    builder.remove("t/a/e/" + name);
                    expected.remove(name);
                } else {
                    ServedConfigRecord config = config(step, name);
                    builder.put(config);
                    expected.put(name, config);
                }
            }
            index = builder.build();
            check(index, expected, names, random);
            check(old, before, names, random);
        }
        assertThat(index.size()).isEqualTo(expected.size()).isGreaterThan(1_000);
        for (String name : names) {
            assertThat(index.get("t/a/e/" + name)).isSameAs(expected.get(name));
        }
    }

    private static void check(
            PathIndex index, Map<String, ServedConfigRecord> expected, List<String> names, Random random) {
        assertThat(index.size()).isEqualTo(expected.size());
        for (int i = 0; i < 50; i++) {
            String name = names.get(random.nextInt(names.size()));
            assertThat(index.get("t/a/e/" + name)).isSameAs(expected.get(name));
        }
        assertThat(index.get("t/a/e/absent")).isNull();
    }

    @Test
    void removingEverythingLeavesNothing() {
        var builder = new PathIndex.Builder(PathIndex.EMPTY);
        for (int i = 0; i < 16; i++) {
            builder.put(config(i, collidingName(i, 4)));
        }
        PathIndex full = builder.build();
        var emptier = new PathIndex.Builder(full);
        for (int i = 0; i < 16; i++) {
            emptier.remove("t/a/e/" + collidingName(i, 4));
            emptier.remove("t/a/e/" + collidingName(i, 4));
        }
        PathIndex empty = emptier.build();
        assertThat(empty.size()).isZero();
        assertThat(empty.get("t/a/e/" + collidingName(3, 4))).isNull();
        assertThat(full.size()).isEqualTo(16);
    }
}
