package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Judges committed memberships, of which every one must have been reported by some node: nodes agree on the membership
 * at an index, one index changes the role of at most one member, somebody always votes, and every acknowledged change is
 * there. Linear.
 */
public final class MembershipChecker implements Checker {

    private static final String NAME = "membership";

    private enum Role {
        ABSENT,
        LEARNER,
        VOTER
    }

    private record Step(String member, Role role) {}

    @Override
    public Verdict check(History history) {
        long origin = HistoryText.origin(history);
        var byIndex = new TreeMap<Long, Membership>();
        for (Membership reported : history.memberships()) {
            Membership known = byIndex.putIfAbsent(reported.index(), reported);
            if (known != null
                    && (!known.voters().equals(reported.voters())
                            || !known.learners().equals(reported.learners()))) {
                return invalid("nodes agree on the membership at an index", List.of(known, reported));
            }
        }
        Set<Step> steps = new HashSet<>();
        Membership previous = null;
        for (Membership membership : byIndex.values()) {
            if (membership.voters().isEmpty()) {
                return invalid("somebody votes", List.of(membership));
            }
            if (previous != null) {
                List<Step> made = steps(previous, membership);
                if (made.size() > 1) {
                    return invalid("one change at a time", List.of(previous, membership));
                }
                steps.addAll(made);
            }
            previous = membership;
        }
        long checked = byIndex.size();
        for (Operation operation : history.operations()) {
            Role role = switch (operation.kind()) {
                case ADD_MEMBER -> Role.LEARNER;
                case PROMOTE_MEMBER -> Role.VOTER;
                case REMOVE_MEMBER -> Role.ABSENT;
                default -> null;
            };
            if (role == null || operation.status() != Operation.Status.OK) {
                continue;
            }
            checked++;
            for (String member : operation.keys()) {
                if (!steps.contains(new Step(member, role))) {
                    return new Verdict.Invalid(
                            NAME,
                            "an acknowledged change is there",
                            "No membership follows from\n  " + HistoryText.line(operation, origin) + "\n"
                                    + lines(new ArrayList<>(byIndex.values())),
                            List.of(operation.id()));
                }
            }
        }
        return new Verdict.Valid(NAME, checked);
    }

    private static List<Step> steps(Membership from, Membership to) {
        Map<String, Role> before = roles(from);
        Map<String, Role> after = roles(to);
        Set<String> members = new HashSet<>(before.keySet());
        members.addAll(after.keySet());
        var made = new ArrayList<Step>();
        for (String member : members) {
            Role role = after.getOrDefault(member, Role.ABSENT);
            if (before.getOrDefault(member, Role.ABSENT) != role) {
                made.add(new Step(member, role));
            }
        }
        return made;
    }

    private static Map<String, Role> roles(Membership membership) {
        Map<String, Role> roles = new HashMap<>();
        membership.voters().forEach(member -> roles.put(member, Role.VOTER));
        membership.learners().forEach(member -> roles.putIfAbsent(member, Role.LEARNER));
        return roles;
    }

    private static Verdict invalid(String rule, List<Membership> memberships) {
        return new Verdict.Invalid(NAME, rule, lines(memberships), List.of());
    }

    private static String lines(List<Membership> memberships) {
        return String.join("\n", memberships.stream().map(HistoryText::line).toList());
    }
}
