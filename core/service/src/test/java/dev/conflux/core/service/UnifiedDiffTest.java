package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class UnifiedDiffTest {

    @Test
    void shouldPrintHunksWithContextAndMissingLineFeeds() {
        String before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        String after = "1\n2\n3\nX\n5\n6\n7\n8\n9\n10\n11\n12\n13";

        assertThat(UnifiedDiff.of("a", before, "b", after)).isEqualTo("""
                        --- a
                        +++ b
                        @@ -1,7 +1,7 @@
                         1
                         2
                         3
                        -4
                        +X
                         5
                         6
                         7
                        @@ -10,3 +10,4 @@
                         10
                         11
                         12
                        +13
                        \\ No newline at end of file
                        """);
        assertThat(UnifiedDiff.of("a", "", "b", "x\n")).contains("@@ -0,0 +1,1 @@");
        assertThat(UnifiedDiff.of("a", "x\n", "b", "")).contains("@@ -1,1 +0,0 @@");
        assertThat(UnifiedDiff.of("a", "x", "b", "x")).isEmpty();
    }

    @Test
    void shouldRebuildTheNewTextFromTheOldOne() {
        long seed = Long.getLong("conflux.seed", System.nanoTime());
        var random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            List<String> before = lines(random);
            List<String> after = new ArrayList<>(before);
            for (int edit = random.nextInt(6); edit > 0 && !after.isEmpty(); edit--) {
                int at = random.nextInt(after.size());
                switch (random.nextInt(3)) {
                    case 0 -> after.remove(at);
                    case 1 -> after.add(at, "n" + random.nextInt(4));
                    default -> after.set(at, "c" + random.nextInt(4));
                }
            }
            String diff = UnifiedDiff.of("a", text(before), "b", text(after));
            assertThat(apply(before, diff)).as("seed %s", seed).isEqualTo(after);
        }
    }

    private static List<String> lines(Random random) {
        var lines = new ArrayList<String>();
        for (int i = random.nextInt(30); i > 0; i--) {
            lines.add("l" + random.nextInt(5));
        }
        return lines;
    }

    private static String text(List<String> lines) {
        return lines.isEmpty() ? "" : String.join("\n", lines) + "\n";
    }

    private static List<String> apply(List<String> before, String diff) {
        var result = new ArrayList<String>();
        int at = 0;
        for (String line : diff.lines().skip(2).toList()) {
            if (line.startsWith("@@")) {
                String range = line.substring(4, line.indexOf(' ', 4));
                int start = Integer.parseInt(range.substring(0, range.indexOf(',')));
                int from = range.endsWith(",0") ? start : start - 1;
                while (at < from) {
                    result.add(before.get(at++));
                }
            } else if (line.charAt(0) == '+') {
                result.add(line.substring(1));
            } else {
                assertThat(before.get(at)).isEqualTo(line.substring(1));
                if (line.charAt(0) == ' ') {
                    result.add(line.substring(1));
                }
                at++;
            }
        }
        result.addAll(before.subList(at, before.size()));
        return result;
    }
}
