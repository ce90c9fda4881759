package dev.conflux.qa.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The table of failure modes says what there is. */
class RowsTest {

    private static final Path ROOT = Path.of(System.getProperty("conflux.root"));
    private static final Pattern ROW = Pattern.compile("\\| (\\d+) \\|.*");
    private static final Pattern NAMED = Pattern.compile("`([A-Za-z-]+)`");

    @Test
    void shouldNameEveryFailureAndOnlyTestsThatExist() throws IOException {
        // given
        List<String> lines = Files.readAllLines(ROOT.resolve("qa/chaos/DESIGN.md")).stream()
                .filter(line -> ROW.matcher(line).matches())
                .toList();
        Set<String> known = tests();
        Scenarios.ALL.forEach(scenario -> known.add(scenario.name()));

        // then
        assertThat(lines.stream().map(RowsTest::number)).containsExactlyElementsOf(expected());
        for (String line : lines) {
            assertThat(NAMED.matcher(line).results().map(found -> found.group(1)))
                    .as(line)
                    .isSubsetOf(known);
        }
    }

    private static int number(String line) {
        var row = ROW.matcher(line);
        assertThat(row.matches()).isTrue();
        return Integer.parseInt(row.group(1));
    }

    private static List<Integer> expected() {
        var rows = new ArrayList<Integer>();
        for (int[] range : new int[][] {{1, 24}, {31, 49}, {53, 56}, {89, 95}}) {
            IntStream.rangeClosed(range[0], range[1]).forEach(rows::add);
        }
        return rows;
    }

    private static Set<String> tests() throws IOException {
        var tests = new TreeSet<String>();
        Files.walkFileTree(ROOT, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                String name = String.valueOf(directory.getFileName());
                boolean foreign = !directory.equals(ROOT) && (name.equals("target") || name.startsWith("."));
                return foreign ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                String name = String.valueOf(file.getFileName());
                if (name.endsWith("Test.java") || name.endsWith("IT.java")) {
                    tests.add(name.substring(0, name.length() - ".java".length()));
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return tests;
    }
}
