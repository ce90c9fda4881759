package dev.conflux.tool.inspector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.state.Commands;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * On directories of a real cluster: node 3 went first, then node 2, then node 1, each time with more in the log. Node 1
 * has a snapshot.
 */
class InspectorTest {

    private static final String SECRET = "the-database-password";
    private static final String PLAIN = "plain-content-of-a-config";

    @TempDir
    static Path made;

    private static String digest;
    private static long revision;

    @TempDir
    Path copies;

    /** What a command printed. */
    private record Ran(int code, String out, String err) {
        JsonNode json() {
            return new ObjectMapper().readTree(out);
        }
    }

    @BeforeAll
    static void runACluster() throws IOException {
        try (var cluster = new StoppedCluster(made, 3).startAll()) {
            for (int i = 0; i < 10; i++) {
                cluster.submit(Commands.create("acme/shop/prod/early-" + i, "content " + i, Commands.fresh()));
            }
            cluster.node(1).snapshot().join();
            cluster.stop(3);
            cluster.submit(Commands.publish(1, PLAIN));
            NewVersion plain = Commands.content(SECRET);
            cluster.submit(new Command.CreateVersion(
                    2,
                    new NewVersion(
                            plain.content(),
                            plain.hash(),
                            plain.format(),
                            "",
                            null,
                            new Encryption("AES-256-GCM", new byte[32], "kek-7", new byte[12])),
                    null));
            digest = cluster.state(1).view().digest();
            revision = cluster.state(1).view().revision();
            cluster.stop(2);
        }
    }

    @BeforeEach
    void copy() throws IOException {
        try (Stream<Path> files = Files.walk(made)) {
            for (Path file : files.toList()) {
                if (!file.equals(made)) {
                    Files.copy(file, copies.resolve(made.relativize(file).toString()));
                }
            }
        }
    }

    @Test
    void shouldShowANode() {
        // when
        Ran text = run("show", node(1));
        JsonNode json = run("show", node(1), "--json").json();

        // then
        assertThat(text.code()).as(text.toString()).isZero();
        assertThat(text.out())
                .contains("alpha, id ")
                .contains("1, storage id ")
                .contains("voter   2=127.0.0.1:")
                .contains("digest " + digest);
        assertThat(json.at("/node_id").asInt()).isEqualTo(1);
        assertThat(json.at("/revision").asLong()).isEqualTo(revision);
        assertThat(json.at("/end")).isEqualTo(json.at("/high_water"));
        assertThat(json.at("/snapshots").size()).isEqualTo(1);
        assertThat(json.at("/snapshots/0/files").propertyNames()).contains("state/state.manifest", "state/CURRENT");
        assertThat(json.at("/problems").size()).isZero();
    }

    @Test
    void shouldVerifyANodeThatIsWhole() {
        for (int id = 1; id <= 3; id++) {
            Ran ran = run("verify", node(id));
            assertThat(ran.code()).as(ran.toString()).isZero();
            assertThat(ran.out()).startsWith("nothing wrong: node " + id);
        }
    }

    @Test
    void shouldListEntriesWithoutContent() {
        // when
        Ran ran = run("entries", node(1));

        // then
        assertThat(ran.code()).isZero();
        assertThat(ran.out())
                .contains("CreateConfig", "acme/shop/prod/early-3", "Publish", "CreateVersion", "ann")
                .contains("encrypted (AES-256-GCM, key kek-7)")
                .contains("text, " + PLAIN.length() + " bytes, sha256 "
                        + Commands.content(PLAIN).hash())
                .contains("membership: voters 127.0.0.1:")
                .doesNotContain(PLAIN, SECRET);
    }

    @Test
    void shouldPrintPlainContentOnRequestAndEncryptedContentNever() {
        for (String format : new String[] {"--content", "--json"}) {
            Ran ran = run("entries", node(1), "--content", format.equals("--json") ? "--json" : "--last=20");
            assertThat(ran.out()).contains(PLAIN).doesNotContain(SECRET);
        }
    }

    @Test
    void shouldListTheLastEntriesOnly() {
        JsonNode all = run("entries", node(1), "--json").json();
        JsonNode last = run("entries", node(1), "--last", "2", "--json").json();
        assertThat(last.size()).isEqualTo(2);
        assertThat(last.get(1)).isEqualTo(all.get(all.size() - 1));
    }

    @Test
    void shouldReportTheState() throws IOException {
        // when
        Ran ran = run("state", node(1), "--configs");

        // then
        assertThat(ran.code()).isZero();
        assertThat(ran.out())
                .contains(digest, "acme/shop/prod", "10 configs", "early-9", "releases version 2", "everything agrees");

        // and: a snapshot's state can be read alike
        Path snapshot;
        try (Stream<Path> files = Files.walk(copies.resolve("node-1/raft/snapshots"))) {
            snapshot = files.filter(file -> file.endsWith("state")).findFirst().orElseThrow();
        }
        JsonNode json = run("state", snapshot.toString(), "--json").json();
        assertThat(json.at("/total/configs").asLong()).isEqualTo(10);
        assertThat(json.at("/revision").asLong()).isEqualTo(revision - 2);
    }

    @Test
    void shouldNameTheBestSurvivorAndWhatMayBeLost() {
        // when: two of three are there
        Ran two = run("compare", node(3), node(1));

        // then
        assertThat(two.code()).as(two.toString()).isZero();
        assertThat(two.out()).contains("best survivor: node 1").contains("nothing committed is missing");

        // when: one of three
        Ran one = run("compare", node(3));
        JsonNode json = run("compare", node(3), "--json").json();

        // then
        assertThat(one.out())
                .contains("best survivor: node 3")
                .contains("because it is the only undamaged one")
                .contains("may be lost: whatever the absent voters committed after term ");
        assertThat(json.at("/best/node_id").asInt()).isEqualTo(3);
        assertThat(json.at("/majority").asBoolean()).isFalse();
    }

    @Test
    void shouldPassOverADamagedDirectoryAndSayWhatItOnceReached() throws IOException {
        // given
        damage(newest(1, "log", ".log"), bytes -> flip(bytes, bytes.length / 2));

        // when
        Ran ran = run("compare", node(1), node(3));

        // then
        assertThat(ran.out())
                .contains("best survivor: node 3")
                .contains("node 1 (" + node(1) + ") is damaged and not considered")
                .contains("is lost, if it was committed: node 1");
    }

    @Test
    void shouldRefuseToCompareTheSameNodeTwice() {
        Ran ran = run("compare", node(1), node(1));
        assertThat(ran.code()).isEqualTo(64);
        assertThat(ran.err()).contains("node 1 is there twice");
    }

    @Test
    void shouldNameEachDamagedFile() throws IOException {
        // given
        Path log = newest(1, "log", ".log");
        Path snapshot = newest(1, "raft/snapshots", ".sst");
        Path vote = copies.resolve("node-1/raft/vote/raft_meta");
        Path identity = copies.resolve("node-2/raft/identity");
        Path state = newest(3, "state", "CURRENT");
        damage(log, bytes -> flip(bytes, bytes.length / 2));
        damage(snapshot, bytes -> Arrays.copyOf(bytes, bytes.length - 3));
        damage(vote, bytes -> flip(bytes, 6));
        damage(identity, bytes -> flip(bytes, bytes.length / 2));
        Files.delete(state);

        // when
        Ran first = run("verify", node(1));
        Ran second = run("verify", node(2));
        Ran third = run("verify", node(3));

        // then
        assertThat(first.code()).isEqualTo(1);
        assertThat(first.out())
                .contains("damage: " + log + " a record's checksum does not fit at byte ")
                .contains("damage: " + snapshot + " has checksum ")
                .contains("damage: " + vote + " is damaged");
        assertThat(second.code()).isEqualTo(1);
        assertThat(second.out()).contains("damage: " + identity + " is damaged");
        assertThat(third.code()).isEqualTo(1);
        assertThat(third.out()).contains("damage: " + copies.resolve("node-3/state"));
    }

    @Test
    void shouldRefuseADirectoryInUse() throws IOException {
        // given
        try (var channel = FileChannel.open(copies.resolve("node-1/raft/lock"), StandardOpenOption.WRITE)) {
            assertThat(channel.lock()).isNotNull();
            for (String command : new String[] {"show", "verify", "entries", "state", "compare"}) {
                // when
                Ran ran = run(command, node(1));

                // then
                assertThat(ran.code()).isEqualTo(65);
                assertThat(ran.err()).contains("is in use by process").contains("read a copy");
            }
        }
    }

    @Test
    void shouldExplainHowItIsUsed() {
        assertThat(run().code()).isEqualTo(64);
        assertThat(run("--help").out()).contains("compare", "verify", "exit codes", "examples");
        assertThat(run("entries", "--help").out()).contains("--content");
        Ran wrong = run("show", node(1), "--jsn");
        assertThat(wrong.code()).isEqualTo(64);
        assertThat(wrong.err()).contains("--jsn");
        Ran nowhere = run("show", copies.resolve("nowhere").toString());
        assertThat(nowhere.code()).isEqualTo(66);
        assertThat(nowhere.err()).contains("no such directory");
    }

    private String node(int id) {
        return copies.resolve("node-" + id).toString();
    }

    private static Ran run(String... arguments) {
        var out = new StringWriter();
        var err = new StringWriter();
        var in = new BufferedReader(new StringReader(""));
        int code = Main.run(in, new PrintWriter(out), new PrintWriter(err), arguments);
        return new Ran(code, out.toString(), err.toString());
    }

    private Path newest(int id, String below, String ending) throws IOException {
        try (Stream<Path> files = Files.walk(copies.resolve("node-" + id).resolve(below))) {
            return files.filter(file -> file.toString().endsWith(ending))
                    .max(Comparator.naturalOrder())
                    .orElseThrow();
        }
    }

    private static void damage(Path file, UnaryOperator<byte[]> how) throws IOException {
        Files.write(file, how.apply(Files.readAllBytes(file)));
    }

    private static byte[] flip(byte[] bytes, int place) {
        bytes[place] ^= 0x10;
        return bytes;
    }
}
