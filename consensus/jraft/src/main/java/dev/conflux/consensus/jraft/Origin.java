package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * How a member with empty directories comes into a cluster. A member that has come into one does not look at it again:
 * from then on the replicated membership says who the others are and where.
 */
public sealed interface Origin {

    /** Which nodes found the cluster together; empty when this node only ever joins one. */
    SortedSet<Integer> founders();

    /** Where to look for others: addresses, with the node id expected there, or 0. May block for some seconds. */
    Map<PeerAddress, Integer> contacts() throws IOException;

    /** What every founder must agree on, for people and for comparing. */
    String expectation();

    /** Where peers can be found at this moment, as {@code host:port}; may block for some seconds. */
    @FunctionalInterface
    interface Contacts {
        List<String> addresses() throws IOException;
    }

    /**
     * The members of the first start, this one included; the same on each.
     *
     * @param members voters, sorted by id
     */
    record Founders(List<Member> members) implements Origin {

        public Founders {
            members = members.stream().sorted(Comparator.comparing(Member::id)).toList();
            var ids = new HashSet<NodeId>();
            var addresses = new HashSet<String>();
            for (Member member : members) {
                if (!member.voter()) {
                    throw new IllegalArgumentException("member " + member.id() + ": a learner (expected: voters only)");
                }
                PeerAddress.parse(member.address());
                if (!ids.add(member.id()) || !addresses.add(member.address())) {
                    throw new IllegalArgumentException("member " + member + ": id or address occurs twice");
                }
            }
        }

        @Override
        public SortedSet<Integer> founders() {
            return members.stream().map(member -> member.id().value()).collect(Collectors.toCollection(TreeSet::new));
        }

        @Override
        public Map<PeerAddress, Integer> contacts() {
            var contacts = new HashMap<PeerAddress, Integer>();
            for (Member member : members) {
                contacts.put(PeerAddress.parse(member.address()), member.id().value());
            }
            return contacts;
        }

        @Override
        public String expectation() {
            return members.stream().map(m -> m.id() + "=" + m.address()).collect(Collectors.joining(","));
        }
    }

    /**
     * Nodes 1 to {@code size} found the cluster as soon as all of them have found each other. That the founders' ids are
     * fixed beforehand is what makes it impossible that two clusters are founded.
     */
    record Discovery(int size, Contacts source) implements Origin {

        public Discovery {
            if (size < 1) {
                throw new IllegalArgumentException("founders: " + size + " (expected: > 0)");
            }
        }

        @Override
        public SortedSet<Integer> founders() {
            return IntStream.rangeClosed(1, size).boxed().collect(Collectors.toCollection(TreeSet::new));
        }

        @Override
        public Map<PeerAddress, Integer> contacts() throws IOException {
            return anybody(source);
        }

        @Override
        public String expectation() {
            return "nodes 1 to " + size + ", discovered";
        }
    }

    /** Waits to be added by the operator of a cluster that is there. */
    record Joining(Contacts source) implements Origin {

        @Override
        public SortedSet<Integer> founders() {
            return new TreeSet<>();
        }

        @Override
        public Map<PeerAddress, Integer> contacts() throws IOException {
            return anybody(source);
        }

        @Override
        public String expectation() {
            return "";
        }
    }

    private static Map<PeerAddress, Integer> anybody(Contacts source) throws IOException {
        var contacts = new HashMap<PeerAddress, Integer>();
        for (String address : new ArrayList<>(source.addresses())) {
            contacts.put(PeerAddress.contact(address), 0);
        }
        return contacts;
    }
}
