package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.jraft.OfflineDirectory.Finding;
import dev.conflux.consensus.jraft.OfflineDirectory.Severity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On directories that the real engine left behind: member 1 after a kill, with two snapshots and a log behind them. */
class OfflineDirectoryTest {

    private static final int MEMBER = 1;

    @TempDir
    static Path made;

    private static TestCluster cluster;
    private static LogPosition reached;

    @TempDir
    Path directory;

    private Path member;

    @BeforeAll
    static void runACluster() throws IOException {
        cluster = new TestCluster(made, 3);
        try (TestCluster running = cluster.startAll()) {
            int leader = running.awaitLeader();
            for (String round : List.of("a", "b", "c")) {
                running.proposeMany(leader, round, 50);
                running.awaitCount(MEMBER, 50L * (round.charAt(0) - 'a' + 1));
                if (!round.equals("c")) {
                    running.node(MEMBER).snapshot().join();
                }
            }
            reached = new LogPosition(151, running.node(leader).status().term());
            running.crash(MEMBER);
        }
    }

    @BeforeEach
    void copy() throws IOException {
        member = directory.resolve("copy");
        copy(cluster.dataDir(MEMBER), member);
    }

    @Test
    void shouldShowWhatAMemberHas() throws IOException {
        try (OfflineDirectory offline = open()) {
            assertThat(offline.who()).hasValueSatisfying(who -> {
                assertThat(who.clusterName()).isEqualTo(TestCluster.NAME);
                assertThat(who.nodeId()).isEqualTo(MEMBER);
                assertThat(who.clusterId()).isNotEmpty();
                assertThat(who.clusterEpoch()).isEqualTo(1);
            });
            assertThat(offline.register()).hasValueSatisfying(register -> {
                assertThat(register.members()).containsOnlyKeys(1, 2, 3);
                assertThat(register.members().get(MEMBER).storageId())
                        .isEqualTo(offline.who().orElseThrow().storageId());
                assertThat(register.removed()).isEmpty();
            });
            assertThat(offline.vote()).hasValueSatisfying(vote -> {
                assertThat(vote.term()).isEqualTo(reached.term());
                assertThat(vote.votedFor()).startsWith("127.0.0.1:");
            });
            assertThat(offline.highWater()).contains(reached);
            assertThat(offline.end()).isEqualTo(reached);
            // The engine keeps the log back to the snapshot before the newest.
            assertThat(offline.log()).isEqualTo(new OfflineDirectory.LogExtent(52, reached));
            assertThat(offline.voters())
                    .hasValueSatisfying(voters -> assertThat(voters.voters())
                            .containsExactlyInAnyOrderElementsOf(cluster.members.stream()
                                    .map(member -> member.address())
                                    .toList()));
            assertThat(offline.snapshots()).hasSize(1).first().satisfies(snapshot -> {
                assertThat(snapshot.includes().index()).isEqualTo(101);
                assertThat(snapshot.statePosition())
                        .hasValueSatisfying(
                                position -> assertThat(position.index()).isEqualTo(101));
            });
            assertThat(offline.findings()).isEmpty();
            assertThat(offline.verify()).isEmpty();
        }
    }

    @Test
    void shouldListTheEntries() throws IOException {
        var entries = new ArrayList<OfflineEntry>();
        try (OfflineDirectory offline = open()) {
            offline.entries(101, 110, entries::add);
        }
        assertThat(entries).hasSize(10);
        assertThat(entries).element(1).isInstanceOfSatisfying(OfflineEntry.Command.class, command -> {
            assertThat(command.position()).isEqualTo(new LogPosition(102, reached.term()));
            assertThat(new String(command.command(), StandardCharsets.UTF_8)).isEqualTo("c0");
            assertThat(command.proposedAtMillis()).isPositive();
        });
    }

    @Test
    void shouldNotChangeAByte() throws IOException {
        // given
        Map<String, String> before = checksums(member);

        // when
        try (OfflineDirectory offline = open()) {
            offline.entries(0, Long.MAX_VALUE, entry -> true);
            offline.verify();
        }

        // then
        assertThat(checksums(member)).isEqualTo(before);
    }

    @Test
    void shouldRefuseALiveDirectoryAndKeepAMemberFromStarting() throws IOException {
        try (DirectoryLock running = DirectoryLock.acquire(member)) {
            assertThat(running).isNotNull();
            assertThatThrownBy(this::open)
                    .isInstanceOf(IdentityException.class)
                    .hasMessageContaining(member.toString())
                    .hasMessageContaining("process " + ProcessHandle.current().pid())
                    .hasMessageContaining("read a copy");
        }
        try (OfflineDirectory offline = open()) {
            assertThat(offline.who()).isPresent();
            assertThatThrownBy(() -> DirectoryLock.acquire(member)).isInstanceOf(IdentityException.class);
        }
    }

    @Test
    void shouldRefuseWhatIsNoMembersDirectory() {
        assertThatThrownBy(() -> OfflineDirectory.open(directory, directory.resolve("log")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no member's directory");
    }

    @Test
    void shouldNameTheFileAndThePlaceOfAFlippedBitInTheLog() throws IOException {
        // given
        Path wal = newestWal();
        damage(wal, bytes -> flip(bytes, bytes.length / 2));

        // then
        assertThat(verify())
                .anySatisfy(finding -> {
                    assertThat(finding.severity()).isEqualTo(Severity.DAMAGE);
                    assertThat(finding.file()).isEqualTo(wal);
                    assertThat(finding.what()).contains("checksum does not fit at byte");
                })
                .anySatisfy(finding -> assertThat(finding.what()).contains("once reached 151@" + reached.term()));
    }

    @Test
    void shouldCallATornTailHarmlessOnlyWhenTheMarkIsReached() throws IOException {
        // given: half a record behind everything that the mark knows of
        Path wal = newestWal();
        damage(wal, bytes -> Arrays.copyOf(bytes, bytes.length + 5));
        damage(wal, bytes -> {
            bytes[bytes.length - 1] = 1;
            return bytes;
        });

        // then
        assertThat(verify()).singleElement().satisfies(finding -> {
            assertThat(finding.severity()).isEqualTo(Severity.NOTE);
            assertThat(finding.file()).isEqualTo(wal);
            assertThat(finding.what()).contains("interrupted write");
        });

        // and given: a cut through entries that were acknowledged; behind them may be the engine's own housekeeping
        damage(wal, bytes -> Arrays.copyOf(bytes, bytes.length / 2));

        // then
        assertThat(verify())
                .anySatisfy(finding -> {
                    assertThat(finding.severity()).isEqualTo(Severity.DAMAGE);
                    assertThat(finding.file()).isEqualTo(wal);
                    assertThat(finding.what()).contains("cut off");
                })
                .anySatisfy(finding -> assertThat(finding.what()).contains("what it acknowledged is missing"));
    }

    @Test
    void shouldNameATruncatedSnapshotFile() throws IOException {
        // given
        Path file = snapshotFile(".sst");
        damage(file, bytes -> Arrays.copyOf(bytes, bytes.length - 1));

        // then
        assertThat(verify()).singleElement().satisfies(finding -> {
            assertThat(finding.severity()).isEqualTo(Severity.DAMAGE);
            assertThat(finding.file()).isEqualTo(file);
            assertThat(finding.what()).contains("has checksum").contains("expected");
        });
    }

    @Test
    void shouldNameAMissingAndAForeignSnapshotFile() throws IOException {
        // given
        Path file = snapshotFile(".sst");
        Path foreign = file.resolveSibling("notes.txt");
        Files.move(file, foreign);

        // then
        assertThat(verify())
                .containsExactlyInAnyOrder(
                        new Finding(Severity.DAMAGE, file, "is missing"),
                        new Finding(Severity.NOTE, foreign, "belongs to no snapshot"));
    }

    @Test
    void shouldNameADamagedSnapshotMeta() throws IOException {
        // given
        Path meta = snapshotFile("__raft_snapshot_meta");
        damage(meta, bytes -> Arrays.copyOf(bytes, bytes.length / 2));

        // then
        assertThat(verify()).anySatisfy(finding -> assertThat(finding.file()).isEqualTo(meta));
    }

    @Test
    void shouldNameADamagedIdentityVoteAndMark() throws IOException {
        // given
        Path identity = member.resolve(Identity.FILE);
        Path vote = EngineOptions.raftMetaFile(member);
        Path mark = member.resolve(HighWaterMark.FILE);
        damage(identity, bytes -> flip(bytes, bytes.length / 2));
        damage(vote, bytes -> flip(bytes, 5));
        damage(mark, bytes -> flip(flip(bytes, 12), 4096 + 12));

        // then: each is named, and what is whole is shown all the same
        try (OfflineDirectory offline = open()) {
            assertThat(offline.findings()).extracting(Finding::file).containsExactlyInAnyOrder(identity, vote, mark);
            assertThat(offline.findings())
                    .allSatisfy(finding -> assertThat(finding.what()).contains("damaged"));
            assertThat(offline.end()).isEqualTo(reached);
        }
    }

    @Test
    void shouldSayThatAMemberMayLackWhatItAcknowledgedBeforeItsQuarantine() throws IOException {
        // given
        var before = new LogPosition(reached.index() + 10, reached.term());
        new Quarantine(member).close(before, "test");

        // then
        try (OfflineDirectory offline = open()) {
            assertThat(offline.highWater()).contains(before);
            assertThat(offline.findings())
                    .anySatisfy(finding -> assertThat(finding.file()).isEqualTo(member.resolve(Quarantine.FILE)));
        }
    }

    @Test
    void shouldNameAnOldVoteFile() throws IOException {
        // given
        Path vote = EngineOptions.raftMetaFile(member);
        Files.delete(vote);
        var old = new VoteStorage(vote, 0, term -> {}, Watchdog.Activity.unwatched("test"));
        old.setTerm(0);

        // then
        assertThat(verify()).singleElement().satisfies(finding -> {
            assertThat(finding.file()).isEqualTo(vote);
            assertThat(finding.what()).contains("an old copy?");
        });
    }

    private OfflineDirectory open() throws IOException {
        return OfflineDirectory.open(member, member.resolve("log"));
    }

    private List<Finding> verify() throws IOException {
        try (OfflineDirectory offline = open()) {
            return offline.verify();
        }
    }

    private Path newestWal() throws IOException {
        return file(member.resolve("log"), ".log");
    }

    private Path snapshotFile(String ending) throws IOException {
        return file(EngineOptions.snapshots(member), ending);
    }

    private static Path file(Path below, String ending) throws IOException {
        try (Stream<Path> files = Files.walk(below)) {
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

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }

    private static Map<String, String> checksums(Path root) throws IOException {
        var checksums = new TreeMap<String, String>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.toList()) {
                checksums.put(
                        root.relativize(file).toString(),
                        Files.isDirectory(file) ? "" : DurableFiles.checksum(file) + Files.getLastModifiedTime(file));
            }
        }
        return checksums;
    }
}
