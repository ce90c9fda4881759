package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.Checker;
import dev.conflux.consensus.testkit.HistoryWriter;
import dev.conflux.consensus.testkit.Membership;
import dev.conflux.consensus.testkit.MembershipChecker;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Another workload, with what became of the members besides: each node logs every change that it applies. */
record MembersWorkload(Workload load, ConfluxTarget target, HistoryWriter history) implements Workload {

    private static final Pattern CHANGE =
            Pattern.compile("membership position=(\\d+)@\\d+ entry=(\\w+)\\[id=(\\d+).*\\] result=\"applied\"");

    private record Change(String what, String member) {}

    @Override
    public void prepare() {
        load.prepare();
    }

    @Override
    public void run(int number, SplittableRandom random, BooleanSupplier running) {
        load.run(number, random, running);
    }

    @Override
    public void conclude() {
        load.conclude();
        List<Map<Long, Change>> told =
                target.allLogs().stream().map(MembersWorkload::changes).toList();
        var all = new TreeMap<Long, Change>();
        told.forEach(all::putAll);
        for (int node = 1; node <= told.size(); node++) {
            report(node, told.get(node - 1), all);
        }
    }

    private static Map<Long, Change> changes(Path log) {
        var changes = new TreeMap<Long, Change>();
        try {
            for (String line : Files.readAllLines(log, StandardCharsets.UTF_8)) {
                var found = CHANGE.matcher(line);
                if (found.find()) {
                    changes.put(Long.valueOf(found.group(1)), new Change(found.group(2), found.group(3)));
                }
            }
        } catch (IOException e) {
            throw new ChaosException(log + " cannot be read", e);
        }
        return changes;
    }

    /** The memberships that a node has seen come about; changes that it got in a snapshot, as others logged them. */
    private void report(int node, Map<Long, Change> own, TreeMap<Long, Change> all) {
        var changes = new TreeMap<>(all);
        changes.putAll(own);
        var voters = new TreeSet<>(
                IntStream.rangeClosed(1, founders()).mapToObj(Integer::toString).toList());
        var learners = new TreeSet<String>();
        if (node <= founders()) {
            history.membership(new Membership(node, 0, List.copyOf(voters), List.of()));
        }
        changes.forEach((index, change) -> {
            switch (change.what()) {
                case "Add" -> learners.add(change.member());
                case "Added" -> {
                    learners.remove(change.member());
                    voters.add(change.member());
                }
                case "Removed", "GiveUp" -> {
                    learners.remove(change.member());
                    voters.remove(change.member());
                }
                default -> {} // an intent, which changes nobody's role
            }
            if (own.containsKey(index)) {
                history.membership(new Membership(node, index, List.copyOf(voters), List.copyOf(learners)));
            }
        });
    }

    private int founders() {
        return target.founders();
    }

    @Override
    public List<Checker> checkers() {
        var checkers = new ArrayList<>(load.checkers());
        checkers.add(new MembershipChecker());
        return checkers;
    }
}
