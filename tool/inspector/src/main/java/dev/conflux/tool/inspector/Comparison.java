package dev.conflux.tool.inspector;

import dev.conflux.consensus.api.LogPosition;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Which of several directories to go on from: the one whose log would win every election among them (Raft §5.4.1), and
 * what that cannot save.
 *
 * @param best absent when every directory is damaged
 * @param reason why that one
 * @param majority true when the undamaged directories, backups not counted, are a majority of the voters: then nothing
 *     committed is missing from the best, and its members need only be started
 * @param notes what an operator must know before going on
 */
record Comparison(
        List<MemberReport> members, @Nullable MemberReport best, String reason, boolean majority, List<String> notes) {

    /** Raft's order, then what has been applied, then the lower id: so that everybody finds the same one. */
    private static final Comparator<MemberReport> BEST_FIRST = Comparator.comparing(MemberReport::end)
            .thenComparing(Comparison::applied)
            .reversed()
            .thenComparingInt(MemberReport::nodeId);

    /**
     * Compares.
     *
     * @throws IllegalArgumentException when they are not of one cluster, or one node occurs twice
     */
    static Comparison of(List<MemberReport> members) {
        check(members);
        List<MemberReport> candidates = members.stream()
                .filter(member -> !member.damaged())
                .sorted(BEST_FIRST)
                .toList();
        var notes = new ArrayList<String>();
        if (candidates.isEmpty()) {
            return new Comparison(
                    members,
                    null,
                    "every directory is damaged; see what each one lacks, or take a backup",
                    false,
                    notes);
        }
        MemberReport best = candidates.getFirst();
        boolean majority = majority(best, candidates);
        for (MemberReport member : members) {
            if (member.damaged()) {
                notes.add(member.name() + " is damaged and not considered; it ends with "
                        + Output.position(member.end()) + reached(member));
            }
        }
        notes.addAll(loss(best, majority, members));
        return new Comparison(members, best, reason(best, candidates), majority, List.copyOf(notes));
    }

    private static void check(List<MemberReport> members) {
        var clusters = new HashSet<String>();
        var nodes = new HashSet<Integer>();
        var epochs = new TreeSet<Long>();
        for (MemberReport member : members) {
            if (!member.clusterId().isEmpty() && clusters.add(member.clusterId()) && clusters.size() > 1) {
                throw new IllegalArgumentException(member.directory() + ": of cluster " + member.clusterId()
                        + ", the others are of another one; compare members of one cluster");
            }
            if (member.clusterEpoch() > 0 && epochs.add(member.clusterEpoch()) && epochs.size() > 1) {
                throw new IllegalArgumentException(member.directory() + ": of epoch " + member.clusterEpoch()
                        + ", others are of another one: the cluster was founded again, and what is of epoch "
                        + epochs.first() + " is fenced; compare directories of epoch " + epochs.last());
            }
            if (member.nodeId() != 0 && !member.backup() && !nodes.add(member.nodeId())) {
                throw new IllegalArgumentException(member.directory() + ": node " + member.nodeId()
                        + " is there twice; of older copies say --backup");
            }
        }
    }

    private static String reason(MemberReport best, List<MemberReport> candidates) {
        if (candidates.size() == 1) {
            return "it is the only undamaged one";
        }
        MemberReport second = candidates.get(1);
        LogPosition first = best.end();
        LogPosition next = second.end();
        String other = second.shortName();
        if (first.term() != next.term()) {
            return "its last entry is of term " + first.term() + ", that of " + other + " of term " + next.term()
                    + ": a later term wins, whatever the index";
        }
        if (first.index() != next.index()) {
            return "in the same last term, " + first.term() + ", it reaches index " + first.index() + ", " + other
                    + " index " + next.index();
        }
        if (!applied(best).equals(applied(second))) {
            return "its log is the same as that of " + other + ", and its state has applied more of it";
        }
        return "it is the same as " + other + ", and has the lower id";
    }

    /** What going on from this one may lose, as exactly as the directories tell. */
    List<String> loss(MemberReport survivor) {
        return loss(survivor, majority, members);
    }

    private static List<String> loss(MemberReport best, boolean majority, List<MemberReport> members) {
        var notes = new ArrayList<String>();
        if (majority) {
            notes.add("nothing committed is missing: the undamaged directories are a majority of the "
                    + best.voters().size() + " voters. Start those nodes; no new cluster is needed");
            return notes;
        }
        notes.add("may be lost: whatever the absent voters committed after " + Output.position(best.end())
                + "; the newest command here is of " + Output.time(best.newestCommandAtMillis())
                + " by its leader's clock: only writes acknowledged later can be missing");
        Optional<MemberReport> further = members.stream()
                .filter(member -> mark(member).compareTo(best.end()) > 0)
                .max(Comparator.comparing(Comparison::mark));
        further.ifPresent(member -> notes.add("is lost, if it was committed: " + member.name() + " once reached "
                + Output.position(mark(member)) + ", this one ends with " + Output.position(best.end())));
        long terms = members.stream()
                .map(MemberReport::term)
                .mapToLong(term -> term == null ? 0 : term)
                .max()
                .orElse(0);
        if (terms > best.end().term()) {
            notes.add(
                    "there have been elections up to term " + terms + "; of what was written in them, nothing is here");
        }
        LogPosition applied = applied(best);
        if (best.applied() != null && applied.index() < best.end().index()) {
            notes.add("is kept, though it may never have been acknowledged: index " + (applied.index() + 1) + " to "
                    + best.end().index() + ", not applied yet");
        }
        return notes;
    }

    /** Of the voters of the newest membership; while a change is under way, of the old ones as well. */
    private static boolean majority(MemberReport best, List<MemberReport> candidates) {
        return majorityOf(best.voters(), candidates)
                && (best.oldVoters().isEmpty() || majorityOf(best.oldVoters(), candidates));
    }

    private static boolean majorityOf(List<String> voters, List<MemberReport> candidates) {
        long here = voters.stream()
                .filter(address -> candidates.stream()
                        .anyMatch(member -> !member.backup()
                                && address.equals(member.members().get(member.nodeId()))))
                .count();
        return here > voters.size() / 2;
    }

    private static LogPosition applied(MemberReport member) {
        LogPosition applied = member.applied();
        return applied == null ? LogPosition.ZERO : applied;
    }

    private static LogPosition mark(MemberReport member) {
        LogPosition mark = member.highWater();
        return mark == null ? LogPosition.ZERO : mark;
    }

    private static String reached(MemberReport member) {
        return mark(member).compareTo(member.end()) > 0 ? " and once reached " + Output.position(mark(member)) : "";
    }

    void print(Output out) {
        var rows = new ArrayList<List<String>>();
        rows.add(List.of(
                "NODE",
                "LAST TERM",
                "LAST INDEX",
                "APPLIED",
                "REVISION",
                "VOTED IN",
                "NEWEST COMMAND",
                "STATE",
                "DIRECTORY"));
        for (MemberReport member : members) {
            LogPosition applied = member.applied();
            rows.add(List.of(
                    member.nodeId() == 0 ? "?" : Integer.toString(member.nodeId()),
                    Long.toString(member.end().term()),
                    Long.toString(member.end().index()),
                    applied == null ? "?" : Long.toString(applied.index()),
                    member.revision() == null ? "?" : Long.toString(member.revision()),
                    member.term() == null ? "?" : "term " + member.term(),
                    Output.time(member.newestCommandAtMillis()),
                    (member.damaged() ? "damaged" : "good") + (member.backup() ? ", backup" : ""),
                    member.directory()));
        }
        out.table(rows);
        out.line("");
        if (best == null) {
            out.line("best survivor: none; " + reason);
        } else {
            out.line("best survivor: " + best.name());
            out.line("because " + reason);
        }
        notes.forEach(out::line);
        for (MemberReport member : members) {
            MemberReport.print(member.problems(), out);
        }
    }
}
