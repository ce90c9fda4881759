package dev.conflux.tool.inspector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.MemberChange;
import dev.conflux.consensus.api.NewMember;
import dev.conflux.consensus.jraft.IdentityException;
import dev.conflux.consensus.jraft.JRaftNode;
import dev.conflux.core.state.Commands;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The last resort, with the real engine: node 1 survives, 2 and 3 are lost, 4 and 5 come. */
@Execution(ExecutionMode.CONCURRENT)
class ForceNewClusterTest {

    private static final Duration SOON = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    private StoppedCluster cluster;
    private String digest;

    @BeforeEach
    void loseAMajority() throws IOException {
        cluster = new StoppedCluster(directory, 3).startAll();
        for (int i = 0; i < 5; i++) {
            cluster.submit(Commands.create("acme/shop/prod/config-" + i, "content " + i, Commands.fresh()));
        }
        cluster.node(1).snapshot().join();
        cluster.stop(3);
        cluster.submit(Commands.publish(1, "newest"));
        digest = cluster.state(1).view().digest();
        cluster.stop(2);
        cluster.stop(1);
    }

    @AfterEach
    void close() {
        cluster.close();
    }

    @Test
    void shouldGoOnFromOneSurvivorAndGrowBack() throws IOException {
        // when
        Ran forced = run("", "force-new-cluster", node(1), "--yes");

        // then: it says what it did, and the directory is whole
        assertThat(forced.code()).as(forced.toString()).isZero();
        assertThat(forced.out())
                .contains("1 -> 2")
                .contains("node 2 (127.0.0.1:", "node 3 (127.0.0.1:", "its id is dead for ever")
                .contains("may be lost: whatever the absent voters committed after term ")
                .contains("before-epoch-2");
        assertThat(run("", "verify", node(1)).out()).startsWith("nothing wrong: node 1");
        assertThat(run("", "show", node(1)).out())
                .contains("epoch 2", "removed for ever: nodes 2, 3")
                .containsOnlyOnce("voter ");

        // and: started alone it has everything and takes writes
        cluster.start(1).ready().orTimeout(20, TimeUnit.SECONDS).join();
        assertThat(cluster.awaitLeader()).isEqualTo(1);
        await().atMost(SOON).until(() -> cluster.state(1).view().digest().equals(digest));
        cluster.submit(Commands.publish(2, "in the new epoch"));

        // and: it grows back, one empty node at a time
        for (int id = 4; id <= 5; id++) {
            NewMember joining = cluster.startJoining(id);
            await().atMost(SOON)
                    .ignoreExceptions()
                    .until(() -> cluster.node(1).addMember(joining, SOON).join() == MemberChange.State.DONE);
        }
        cluster.submit(Commands.publish(3, "on three"));
        String grown = cluster.state(1).view().digest();
        for (int id : new int[] {4, 5}) {
            assertThat(cluster.state(id).view().digest()).isEqualTo(grown);
        }
        assertThat(cluster.node(1).status().members())
                .hasSize(3)
                .allSatisfy(member -> assertThat(member.voter()).isTrue());

        // and: an old member with its old directory is fenced
        JRaftNode old = cluster.start(2);
        await().atMost(SOON)
                .until(() -> cluster.halted(2) != null || old.ready().isCompletedExceptionally());
        String reason = cluster.halted(2) != null ? cluster.halted(2) : failure(old);
        assertThat(reason).contains("founded again as epoch 2");
        cluster.stop(2);
        cluster.submit(Commands.publish(4, "still undisturbed"));
    }

    @Test
    void shouldKeepACopyOfWhatItReplaces() throws IOException {
        // given
        Map<String, byte[]> before = files(directory.resolve("node-1/raft"));
        Map<String, byte[]> log = files(directory.resolve("node-1/log"));

        // when
        run("", "force-new-cluster", node(1), "--yes");

        // then
        Map<String, byte[]> kept = files(directory.resolve("node-1/raft/before-epoch-2"));
        assertThat(kept).containsOnlyKeys("identity", "membership", "high-water", "raft_meta");
        assertThat(kept.get("identity")).isEqualTo(before.get("identity"));
        assertThat(kept.get("membership")).isEqualTo(before.get("membership"));
        assertThat(kept.get("high-water")).isEqualTo(before.get("high-water"));
        assertThat(kept.get("raft_meta")).isEqualTo(before.get("vote/raft_meta"));
        assertThat(files(directory.resolve("node-1/log.before-epoch-2"))).containsExactlyEntriesOf(log);
    }

    @Test
    void shouldAskAndDoNothingWithoutAYes() throws IOException {
        // given
        Map<String, byte[]> before = files(directory.resolve("node-1"));

        // when
        Ran refused = run("no\n", "force-new-cluster", node(1));
        Ran silent = run("", "force-new-cluster", node(1));

        // then
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.out()).contains("Type the cluster's name");
        assertThat(refused.err()).contains("Nothing was changed");
        assertThat(silent.code()).isEqualTo(2);
        before.remove("raft/lock"); // says who looked last
        assertThat(files(directory.resolve("node-1"))).containsAllEntriesOf(before);

        // and when
        assertThat(run(StoppedCluster.NAME + "\n", "force-new-cluster", node(1)).code())
                .isZero();
    }

    @Test
    void shouldRefuseWhenAMajorityIsThere() {
        Ran ran = run("", "force-new-cluster", node(1), "--other", node(2), "--yes");
        assertThat(ran.code()).isEqualTo(1);
        assertThat(ran.err()).contains("a majority of the 3 voters").contains("Nothing was changed");
    }

    @Test
    void shouldRefuseWhileAMemberThatIsSaidToBeLostRuns() throws IOException {
        // given
        String address = cluster.address(2);
        try (var running = new ServerSocket()) {
            running.setReuseAddress(true);
            running.bind(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(address.substring(10))));

            // when
            Ran refused = run("", "force-new-cluster", node(1), "--yes");

            // then
            assertThat(refused.code()).isEqualTo(1);
            assertThat(refused.err())
                    .contains("node 2 (" + address + ") accepts connections, so it is not lost")
                    .contains("Nothing was changed");
            assertThat(run("", "force-new-cluster", node(1), "--yes", "--ignore-listening")
                            .code())
                    .isZero();
        }
    }

    @Test
    void shouldTakeABackupForWhatItIs() {
        // when: the same directory, as an older copy, is no majority
        Ran compared = run("", "compare", node(2), "--backup", node(1), "--backup", node(3));
        assertThat(compared.out())
                .contains("best survivor: the backup of node 1")
                .contains("may be lost")
                .contains("good, backup");

        // then
        Ran worse = run("", "force-new-cluster", node(3), "--backup", node(1), "--yes");
        assertThat(worse.code()).isEqualTo(1);
        assertThat(worse.err()).contains("the backup of node 1").contains("is the better survivor");
        assertThat(run("", "force-new-cluster", node(1), "--backup", node(3), "--yes")
                        .code())
                .isZero();
    }

    @Test
    void shouldRefuseADamagedSurvivor() throws IOException {
        // given
        Path vote = directory.resolve("node-1/raft/vote/raft_meta");
        byte[] bytes = Files.readAllBytes(vote);
        bytes[6] ^= 0x10;
        Files.write(vote, bytes);

        // then
        Ran refused = run("", "force-new-cluster", node(1), "--yes");
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err())
                .contains("is damaged")
                .contains("--accept-damage")
                .contains(vote.toString());
        assertThat(run("", "force-new-cluster", node(1), "--yes", "--accept-damage")
                        .code())
                .isZero();
        assertThat(run("", "verify", node(1)).code()).isZero();
    }

    @Test
    void shouldGoOnFromASnapshotWhenTheLogIsGone() throws IOException {
        // given: one command behind the snapshot, which the state has and the log had
        delete(directory.resolve("node-1/log"));

        // then: nobody can make the state and a shorter log agree
        Ran ahead = run("", "force-new-cluster", node(1), "--yes", "--accept-damage");
        assertThat(ahead.code()).isEqualTo(1);
        assertThat(ahead.err()).contains("the state is ahead of the log").contains("move the state directory away");

        // and when
        delete(directory.resolve("node-1/state"));
        Ran forced = run("", "force-new-cluster", node(1), "--yes", "--accept-damage");

        // then
        assertThat(forced.code()).as(forced.toString()).isZero();
        assertThat(forced.out()).contains("is lost, if it was committed: node 1");
        cluster.start(1).ready().orTimeout(20, TimeUnit.SECONDS).join();
        assertThat(cluster.awaitLeader()).isEqualTo(1);
        await().atMost(SOON).until(() -> cluster.state(1).view().revision() == 5);
        cluster.submit(Commands.publish(1, "newest, again"));
        assertThat(cluster.state(1).view().revision()).isEqualTo(6);
    }

    @Test
    void shouldRefuseToStartWhenItWasInterruptedAndFinishWhenRepeated() throws IOException {
        // given: everything but the last step
        Path membership = directory.resolve("node-1/raft/membership");
        byte[] old = Files.readAllBytes(membership);
        run("", "force-new-cluster", node(1), "--yes");
        Files.write(membership, old);

        // then
        assertThatThrownBy(() -> cluster.start(1))
                .isInstanceOf(IdentityException.class)
                .hasMessageContaining("force-new-cluster was interrupted");
        Ran shown = run("", "verify", node(1));
        assertThat(shown.code()).isEqualTo(1);
        assertThat(shown.out()).contains("do it again");

        // and when
        Ran again = run("", "force-new-cluster", node(1), "--yes", "--accept-damage");

        // then
        assertThat(again.out()).contains("1 -> 3");
        cluster.start(1).ready().orTimeout(20, TimeUnit.SECONDS).join();
        assertThat(cluster.awaitLeader()).isEqualTo(1);
        await().atMost(SOON).until(() -> cluster.state(1).view().digest().equals(digest));
    }

    private static String failure(JRaftNode node) {
        return node.ready().exceptionNow().getMessage();
    }

    private record Ran(int code, String out, String err) {}

    private Ran run(String answer, String... arguments) {
        var out = new StringWriter();
        var err = new StringWriter();
        int code = Main.run(
                new BufferedReader(new StringReader(answer)), new PrintWriter(out), new PrintWriter(err), arguments);
        return new Ran(code, out.toString(), err.toString());
    }

    private String node(int id) {
        return directory.resolve("node-" + id).toString();
    }

    private static void delete(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private static Map<String, byte[]> files(Path root) throws IOException {
        var files = new TreeMap<String, byte[]>();
        try (Stream<Path> there = Files.walk(root)) {
            for (Path file : there.filter(Files::isRegularFile).toList()) {
                files.put(root.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
        return files;
    }
}
