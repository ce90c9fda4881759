package dev.conflux.tool.inspector;

import dev.conflux.adapter.rocksdb.OfflineStateReads;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.jraft.OfflineDirectory;
import dev.conflux.consensus.jraft.OfflineDirectory.Finding;
import dev.conflux.consensus.jraft.OfflineEntry;
import dev.conflux.core.state.StateAudit;
import dev.conflux.core.state.StateStoreException;
import dev.conflux.core.state.StateSummary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a member's directories say, in the form that is printed. Absent = could not be read; a problem says why.
 *
 * @param backup true: an older copy, of which the node may have gone on
 * @param nodeId 0 when the identity cannot be read
 * @param end the end of log or newest snapshot, whichever is later: what elections compare
 * @param newestCommandAtMillis the leader's clock when the newest command in the log was appended; 0 = none there
 * @param applied the last command in the state; null when there is no state of Conflux here
 * @param members address by node id, as recorded
 * @param removed node ids that can never come back
 * @param changing the membership change in progress; empty = none
 */
record MemberReport(
        String directory,
        boolean backup,
        String clusterName,
        String clusterId,
        long clusterEpoch,
        int nodeId,
        String storageId,
        @Nullable Long term,
        String votedFor,
        long firstIndex,
        LogPosition last,
        LogPosition end,
        long newestCommandAtMillis,
        @Nullable LogPosition highWater,
        @Nullable LogPosition applied,
        @Nullable Long revision,
        String digest,
        LogPosition membershipSince,
        List<String> voters,
        List<String> learners,
        List<String> oldVoters,
        Map<Integer, String> members,
        Set<Integer> removed,
        String changing,
        List<Snapshot> snapshots,
        List<Problem> problems) {

    /**
     * A snapshot in print.
     *
     * @param files path below {@code directory} to CRC-32C
     */
    record Snapshot(
            String directory,
            LogPosition includes,
            @Nullable LogPosition state,
            SortedMap<String, String> files) {}

    /** A finding in print. */
    record Problem(String severity, String file, String what) {

        static Problem of(Finding finding) {
            return new Problem(
                    switch (finding.severity()) {
                        case NOTE -> "note";
                        case DAMAGE -> "damage";
                    },
                    finding.file().toString(),
                    finding.what());
        }

        boolean damage() {
            return severity.equals("damage");
        }
    }

    /**
     * Reads one member.
     *
     * @param backup true for an older copy
     * @param whole true: check every checksum; false: look at the ends only
     */
    static MemberReport of(NodeDirectory node, OfflineDirectory offline, boolean backup, boolean whole)
            throws IOException {
        var problems = new ArrayList<Problem>();
        (whole ? offline.verify() : offline.findings()).forEach(finding -> problems.add(Problem.of(finding)));
        Optional<OfflineDirectory.Who> who = offline.who();
        StateSummary state =
                node.state().map(directory -> state(directory, whole, problems)).orElse(null);
        if (state != null && offline.end().index() < state.applied().index()) {
            problems.add(new Problem(
                    "damage",
                    offline.logDir().toString(),
                    "log and snapshots end with " + Output.position(offline.end()) + ", the state has applied "
                            + Output.position(state.applied())));
        }
        Optional<OfflineDirectory.Voters> voters = offline.voters();
        Optional<OfflineDirectory.Register> register = offline.register();
        return new MemberReport(
                node.given().toString(),
                backup,
                who.map(OfflineDirectory.Who::clusterName).orElse(""),
                who.map(OfflineDirectory.Who::clusterId).orElse(""),
                who.map(OfflineDirectory.Who::clusterEpoch).orElse(0L),
                who.map(OfflineDirectory.Who::nodeId).orElse(0),
                who.map(OfflineDirectory.Who::storageId).orElse(""),
                offline.vote().map(OfflineDirectory.Vote::term).orElse(null),
                offline.vote().map(OfflineDirectory.Vote::votedFor).orElse(""),
                offline.log().firstIndex(),
                offline.log().last(),
                offline.end(),
                newestCommandAt(offline),
                offline.highWater().orElse(null),
                state == null ? null : state.applied(),
                state == null ? null : state.revision(),
                state == null ? "" : state.digest(),
                voters.map(OfflineDirectory.Voters::since).orElse(LogPosition.ZERO),
                voters.map(OfflineDirectory.Voters::voters).orElse(List.of()),
                voters.map(OfflineDirectory.Voters::learners).orElse(List.of()),
                voters.map(OfflineDirectory.Voters::oldVoters).orElse(List.of()),
                register.map(MemberReport::addresses).orElse(Map.of()),
                register.<Set<Integer>>map(OfflineDirectory.Register::removed).orElse(Set.of()),
                register.map(OfflineDirectory.Register::change).orElse(""),
                offline.snapshots().stream()
                        .map(snapshot -> new Snapshot(
                                snapshot.directory().toString(),
                                snapshot.includes(),
                                snapshot.statePosition().orElse(null),
                                new TreeMap<>(snapshot.files())))
                        .toList(),
                List.copyOf(problems));
    }

    boolean damaged() {
        return problems.stream().anyMatch(Problem::damage);
    }

    /** For messages. */
    String name() {
        return nodeId == 0 ? directory : shortName() + " (" + directory + ")";
    }

    String shortName() {
        return nodeId == 0 ? directory : (backup ? "the backup of node " : "node ") + nodeId;
    }

    /** The voter's node id, when the identity knows its address. */
    String voter(String address) {
        return members.entrySet().stream()
                .filter(member -> member.getValue().equals(address))
                .map(member -> member.getKey() + "=" + address)
                .findFirst()
                .orElse(address);
    }

    void print(Output out) {
        var facts = new ArrayList<Output.Fact>();
        facts.add(new Output.Fact("directory", directory));
        facts.add(new Output.Fact(
                "cluster",
                clusterName.isEmpty()
                        ? "unknown"
                        : clusterName + ", id "
                                + (clusterId.isEmpty() ? "none yet" : clusterId + ", epoch " + clusterEpoch)));
        facts.add(new Output.Fact("node", nodeId == 0 ? "unknown" : nodeId + ", storage id " + storageId));
        facts.add(new Output.Fact(
                "vote",
                term == null
                        ? "unknown"
                        : "term " + term + ", " + (votedFor.isEmpty() ? "for nobody" : "for " + voter(votedFor))));
        facts.add(new Output.Fact(
                "log",
                last.equals(LogPosition.ZERO) ? "empty" : "from index " + firstIndex + " to " + Output.position(last)));
        facts.add(new Output.Fact("newest command", Output.time(newestCommandAtMillis)));
        facts.add(new Output.Fact("high-water mark", highWater == null ? "unknown" : Output.position(highWater)));
        facts.add(new Output.Fact(
                "state",
                applied == null
                        ? "none that this tool knows"
                        : "applied " + Output.position(applied) + "; revision " + revision + ", digest " + digest));
        facts.add(new Output.Fact("membership", "since " + Output.position(membershipSince)));
        voters.forEach(address -> facts.add(new Output.Fact("membership", "voter   " + voter(address))));
        learners.forEach(address -> facts.add(new Output.Fact("membership", "learner " + voter(address))));
        if (!removed.isEmpty()) {
            facts.add(new Output.Fact("membership", "removed for ever: nodes " + numbers(removed)));
        }
        if (!changing.isEmpty()) {
            facts.add(new Output.Fact("membership", "in progress: " + changing));
        }
        if (!oldVoters.isEmpty()) {
            facts.add(new Output.Fact("membership", "a change is under way from " + String.join(", ", oldVoters)));
        }
        for (Snapshot snapshot : snapshots) {
            facts.add(new Output.Fact(
                    "snapshot",
                    Output.position(snapshot.includes()) + "; "
                            + snapshot.files().size() + " files in " + snapshot.directory()));
        }
        out.facts(facts);
        print(problems, out);
    }

    static void print(List<Problem> problems, Output out) {
        problems.forEach(problem -> out.line(problem.severity() + ": " + problem.file() + " " + problem.what()));
    }

    private static @Nullable StateSummary state(Path directory, boolean whole, List<Problem> problems) {
        try (OfflineStateReads reads = OfflineStateReads.open(directory)) {
            if (whole) {
                reads.verify();
                StateAudit.of(reads, 0, config -> {})
                        .problems()
                        .forEach(problem -> problems.add(new Problem("damage", directory.toString(), problem)));
            }
            return StateSummary.of(reads);
        } catch (StateStoreException e) {
            problems.add(new Problem("damage", directory.toString(), String.valueOf(e.getMessage())));
            return null;
        }
    }

    private static long newestCommandAt(OfflineDirectory offline) throws IOException {
        var newest = new long[1];
        long to = offline.log().last().index();
        // The engine's own entries at the end are few: a command is near, if there is one.
        for (long from = to; from > 0 && from >= offline.log().firstIndex() && newest[0] == 0; from--) {
            offline.entries(from, from, entry -> {
                if (entry instanceof OfflineEntry.Command command) {
                    newest[0] = command.proposedAtMillis();
                }
                return false;
            });
        }
        return newest[0];
    }

    private static String numbers(Set<Integer> ids) {
        return String.join(", ", ids.stream().map(String::valueOf).toList());
    }

    private static Map<Integer, String> addresses(OfflineDirectory.Register register) {
        var addresses = new TreeMap<Integer, String>();
        register.members().forEach((id, member) -> addresses.put(id, member.address()));
        return addresses;
    }
}
