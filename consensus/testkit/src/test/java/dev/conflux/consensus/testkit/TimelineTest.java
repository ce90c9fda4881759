package dev.conflux.consensus.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringReader;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.xml.sax.InputSource;

class TimelineTest {

    @Test
    void shouldShowLanesFaultsAndTheContradiction() throws Exception {
        // given
        History broken = null;
        Mutant stale = Mutant.ALL.getFirst();
        for (long seed = 0; broken == null; seed++) {
            broken = stale.change().apply(ValidHistory.generate(seed), new SplittableRandom(seed));
        }
        Verdict verdict = new RevisionOrderChecker().check(broken);

        // when
        String html = Timeline.html(broken, List.of(verdict, new Verdict.Valid("a & b", 3)));
        java.nio.file.Files.writeString(java.nio.file.Path.of("target", "timeline-example.html"), html);

        // then
        assertThat(verdict).isInstanceOf(Verdict.Invalid.class);
        assertThat(html).contains("kill [1]", "class=\"band\"", "broken: ", "a &amp; b: valid", "client 1<");
        assertThat(Pattern.compile("class=\"bar failing\"").matcher(html).results())
                .hasSize(((Verdict.Invalid) verdict).operations().size());
        assertThat(Pattern.compile("class=\"bar ").matcher(html).results())
                .hasSize(broken.operations().size());
        assertThat(html).doesNotContain("http://", "https://", "<script", "<link");
        // Well-formed: nothing of a history can break the page.
        String svg = html.substring(html.indexOf("<svg"), html.indexOf("</svg>") + 6);
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
    }

    @Test
    void shouldDrawTheNeighbourhoodOfAFailureInALongHistory() {
        // given
        var random = new SplittableRandom(1);
        var operations = new java.util.ArrayList<Operation>();
        for (int i = 1; i <= 50_000; i++) {
            operations.add(new Operation(
                    i,
                    random.nextInt(5),
                    Operation.Kind.WRITE,
                    List.of("<key>"),
                    List.of((long) i),
                    List.of(),
                    i * 10L,
                    i * 10L + 5,
                    Operation.Status.OK,
                    i,
                    1,
                    1));
        }

        // when
        String html = Timeline.html(
                History.of(operations), List.of(new Verdict.Invalid("any", "rule", "because", List.of(7L, 40_000L))));

        // then
        assertThat(Pattern.compile("class=\"bar ").matcher(html).results()).hasSize(Timeline.MAX_OPERATIONS);
        assertThat(Pattern.compile("class=\"bar failing\"").matcher(html).results())
                .hasSize(1);
        assertThat(html).contains("&lt;key&gt;").doesNotContain("<key>");
    }
}
