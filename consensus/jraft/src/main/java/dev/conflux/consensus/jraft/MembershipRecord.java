package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.MemberChange;
import dev.conflux.consensus.api.NodeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Who is who in the cluster, as replicated. Who votes is the engine's business. Immutable: {@link #apply} gives the next
 * one, the same on every member.
 *
 * @param position of the last membership entry in it; zero = as founded
 * @param featureLevel what the whole cluster may use
 * @param change the one in progress
 * @param removed ids that may never come back
 */
record MembershipRecord(
        LogPosition position,
        String clusterId,
        long clusterEpoch,
        int featureLevel,
        Optional<MemberChange> change,
        SortedSet<Integer> removed,
        SortedMap<Integer, Entry> members) {

    static final String FILE = "membership";
    private static final String FORMAT = "1";
    private static final String MEMBER = "member.";

    /** @param clientAddress may be empty */
    record Entry(String address, String storageId, String clientAddress) {}

    /**
     * What an entry did.
     *
     * @param refusal why it had no effect; empty when it had
     */
    record Applied(MembershipRecord membership, String refusal) {}

    MembershipRecord {
        removed = Collections.unmodifiableSortedSet(new TreeSet<>(removed));
        members = Collections.unmodifiableSortedMap(new TreeMap<>(members));
    }

    static MembershipRecord founded(String clusterId, int featureLevel, SortedMap<Integer, Entry> members) {
        return new MembershipRecord(
                LogPosition.ZERO, clusterId, 1, featureLevel, Optional.empty(), new TreeSet<>(), members);
    }

    boolean changes(MemberChange.Kind kind, int id) {
        return change.filter(c -> c.kind() == kind && c.member().value() == id).isPresent();
    }

    @Nullable
    String storageOf(int id) {
        Entry entry = members.get(id);
        return entry == null ? null : entry.storageId();
    }

    /** Deterministic. A refused entry moves the position too. */
    Applied apply(LogPosition at, MembershipEntry entry) {
        if (entry instanceof MembershipEntry.FoundedAgain founded) {
            MembershipRecord next = founded.membership();
            return new Applied(
                    new MembershipRecord(
                            at,
                            next.clusterId,
                            next.clusterEpoch,
                            next.featureLevel,
                            next.change,
                            next.removed,
                            next.members),
                    "");
        }
        String refusal = refusal(entry);
        if (!refusal.isEmpty()) {
            return new Applied(with(at, featureLevel, change, removed, members), refusal);
        }
        var nextRemoved = new TreeSet<>(removed);
        var nextMembers = new TreeMap<>(members);
        Optional<MemberChange> nextChange = Optional.empty();
        int nextLevel = featureLevel;
        switch (entry) {
            case MembershipEntry.Add add -> {
                nextMembers.put(add.id(), new Entry(add.address(), add.storageId(), add.clientAddress()));
                nextChange = Optional.of(new MemberChange(MemberChange.Kind.ADD, new NodeId(add.id())));
            }
            case MembershipEntry.Added added -> {}
            case MembershipEntry.Remove remove ->
                nextChange = Optional.of(new MemberChange(MemberChange.Kind.REMOVE, new NodeId(remove.id())));
            case MembershipEntry.Removed gone -> {
                nextMembers.remove(gone.id());
                nextRemoved.add(gone.id());
            }
            case MembershipEntry.GiveUp giveUp -> nextMembers.remove(giveUp.id());
            case MembershipEntry.FeatureLevel raised -> {
                nextLevel = raised.level();
                nextChange = change;
            }
            case MembershipEntry.FoundedAgain founded -> throw new AssertionError("answered above");
        }
        return new Applied(with(at, nextLevel, nextChange, nextRemoved, nextMembers), "");
    }

    private MembershipRecord with(
            LogPosition at,
            int level,
            Optional<MemberChange> nextChange,
            SortedSet<Integer> nextRemoved,
            SortedMap<Integer, Entry> nextMembers) {
        return new MembershipRecord(at, clusterId, clusterEpoch, level, nextChange, nextRemoved, nextMembers);
    }

    /** Why an entry would have no effect; empty when it would. */
    String refusal(MembershipEntry entry) {
        return switch (entry) {
            case MembershipEntry.Add add -> refusalToAdd(add);
            case MembershipEntry.Added added ->
                changes(MemberChange.Kind.ADD, added.id()) ? "" : "node " + added.id() + " is not being added";
            case MembershipEntry.Remove remove -> refusalToRemove(remove.id());
            case MembershipEntry.Removed gone ->
                changes(MemberChange.Kind.REMOVE, gone.id()) ? "" : "node " + gone.id() + " is not being removed";
            case MembershipEntry.GiveUp giveUp ->
                changes(MemberChange.Kind.ADD, giveUp.id()) ? "" : "node " + giveUp.id() + " is not being added";
            case MembershipEntry.FeatureLevel raised ->
                raised.level() > featureLevel
                        ? ""
                        : "feature level: " + raised.level() + " (expected: higher than " + featureLevel + ")";
            case MembershipEntry.FoundedAgain founded -> "";
        };
    }

    private String refusalToAdd(MembershipEntry.Add add) {
        if (removed.contains(add.id())) {
            return "node id " + add.id() + " was removed and can never be used again; give the node a new one";
        }
        if (members.containsKey(add.id())) {
            return "node id " + add.id() + " is a member already, at "
                    + members.get(add.id()).address();
        }
        for (var member : members.entrySet()) {
            if (member.getValue().address().equals(add.address())) {
                return "address " + add.address() + " belongs to node " + member.getKey() + "; remove that one first";
            }
            if (member.getValue().storageId().equals(add.storageId())) {
                return "the data directory of node " + add.id() + " belongs to node " + member.getKey();
            }
        }
        return members.size() >= Limits.MAX_MEMBERS
                ? "the cluster has " + members.size() + " members (expected: < " + Limits.MAX_MEMBERS + ")"
                : inProgress().orElse("");
    }

    private String refusalToRemove(int id) {
        if (!members.containsKey(id)) {
            return "node " + id + " is not a member";
        }
        if (members.size() == 1) {
            return "node " + id + " is the only member";
        }
        return changes(MemberChange.Kind.ADD, id) ? "" : inProgress().orElse("");
    }

    /** Why another change has to wait; empty when it has not. */
    Optional<String> inProgress() {
        return change.map(c -> "node " + c.member() + " is being "
                + (c.kind() == MemberChange.Kind.ADD ? "added" : "removed") + "; one change at a time");
    }

    String encode() {
        var text = new CheckedText()
                .add("format", FORMAT)
                .add("index", position.index())
                .add("term", position.term())
                .add("cluster_id", clusterId)
                .add("cluster_epoch", clusterEpoch)
                .add("feature_level", featureLevel)
                .add(
                        "changing",
                        change.map(c -> (c.kind() == MemberChange.Kind.ADD ? "add " : "remove ") + c.member())
                                .orElse("none"))
                .add("removed", removed.stream().map(String::valueOf).collect(Collectors.joining(",")));
        members.forEach((id, entry) -> text.add(
                MEMBER + id,
                entry.address() + " " + entry.storageId() + " "
                        + (entry.clientAddress().isEmpty() ? "-" : entry.clientAddress())));
        return text.checked();
    }

    /** @throws IdentityException when it is damaged or of another format */
    static MembershipRecord decode(String text, String source) {
        var values = CheckedText.parseChecked(text, source);
        values.expectFormat(FORMAT);
        var removed = new TreeSet<Integer>();
        for (String id : values.text("removed").split(",", -1)) {
            if (!id.isEmpty()) {
                removed.add(Integer.valueOf(id));
            }
        }
        var members = new TreeMap<Integer, Entry>();
        values.all().forEach((key, value) -> {
            if (key.startsWith(MEMBER)) {
                String[] fields = value.split(" ", -1);
                if (fields.length != 3) {
                    throw new IdentityException(
                            source + ": " + key + "=" + value + " (expected: address, storage id, client address)");
                }
                members.put(
                        Integer.valueOf(key.substring(MEMBER.length())),
                        new Entry(fields[0], fields[1], fields[2].equals("-") ? "" : fields[2]));
            }
        });
        return new MembershipRecord(
                new LogPosition(values.number("index"), values.number("term")),
                values.text("cluster_id"),
                values.number("cluster_epoch"),
                values.integer("feature_level"),
                change(values.text("changing"), source),
                removed,
                members);
    }

    private static Optional<MemberChange> change(String text, String source) {
        if (text.equals("none")) {
            return Optional.empty();
        }
        int space = text.indexOf(' ');
        if (!text.startsWith("add ") && !text.startsWith("remove ")) {
            throw new IdentityException(source + ": changing=" + text + " (expected: none, add <id> or remove <id>)");
        }
        return Optional.of(new MemberChange(
                text.startsWith("add") ? MemberChange.Kind.ADD : MemberChange.Kind.REMOVE,
                new NodeId(Integer.parseInt(text.substring(space + 1)))));
    }

    void write(Path directory) throws IOException {
        DurableFiles.replace(directory.resolve(FILE), encode());
    }

    /** Reads a directory's record; null when it has none. */
    static @Nullable MembershipRecord read(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        return Files.exists(file) ? decode(Files.readString(file), file.toString()) : null;
    }
}
