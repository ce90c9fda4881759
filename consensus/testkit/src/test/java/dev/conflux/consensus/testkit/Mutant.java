package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A bug that a service could have, done to a valid history.
 *
 * @param catcher the checker that must notice it
 * @param change null when the history has no place for it
 */
record Mutant(
        String name,
        Class<? extends Checker> catcher,
        BiFunction<History, SplittableRandom, @Nullable History> change) {

    static final List<Mutant> ALL = List.of(
            // Reads and updates, by revision.
            new Mutant("stale read", RevisionOrderChecker.class, Mutant::staleRead),
            new Mutant("stale read, by its value alone", WglChecker.class, Mutant::staleRead),
            new Mutant("old value under a new revision", RevisionOrderChecker.class, Mutant::oldValue),
            new Mutant("right value under an old revision", RevisionOrderChecker.class, Mutant::oldRevision),
            new Mutant("dirty read of a refused update", RevisionOrderChecker.class, Mutant::dirtyRead),
            new Mutant("dirty read, by its value alone", WglChecker.class, Mutant::dirtyRead),
            new Mutant("lost acknowledgement", RevisionOrderChecker.class, Mutant::lostAcknowledgement),
            new Mutant("value out of nowhere", WglChecker.class, Mutant::valueOutOfNowhere),
            new Mutant("double apply", RevisionOrderChecker.class, Mutant::doubleApply),
            new Mutant("applied though refused", RevisionOrderChecker.class, Mutant::appliedThoughRefused),
            new Mutant("CAS that did not compare", RevisionOrderChecker.class, Mutant::blindCas),
            new Mutant("CAS that did not compare, by values alone", WglChecker.class, Mutant::blindCas),
            new Mutant("two updates swapped", RevisionOrderChecker.class, Mutant::swappedUpdates),
            new Mutant("two updates at one revision", RevisionOrderChecker.class, Mutant::sharedRevision),
            new Mutant("wrong value stored", RevisionOrderChecker.class, Mutant::wrongValueStored),
            // Logs.
            new Mutant("one node lacks a change", RevisionOrderChecker.class, Mutant::oneNodeLacksAChange),
            new Mutant("one node has another value", RevisionOrderChecker.class, Mutant::oneNodeDiffers),
            new Mutant("one node has another order", RevisionOrderChecker.class, Mutant::oneNodeReorders),
            // Jobs.
            new Mutant("job assigned twice", AssignmentChecker.class, Mutant::assignedTwice),
            new Mutant("assignment lost", AssignmentChecker.class, Mutant::assignmentLost),
            new Mutant("wrong runner told", AssignmentChecker.class, Mutant::wrongRunner),
            new Mutant("assigned by nobody", AssignmentChecker.class, Mutant::assignedByNobody),
            // Bank.
            new Mutant("split publish", BankChecker.class, Mutant::splitPublish),
            new Mutant("half publish", BankChecker.class, Mutant::halfPublish),
            new Mutant("torn read", BankChecker.class, Mutant::tornRead),
            new Mutant("split frame breaks the sum", BankChecker.class, Mutant::splitFrame),
            // Watch.
            new Mutant("dropped event", WatchChecker.class, Mutant::droppedFrame),
            new Mutant("repeated event", WatchChecker.class, Mutant::repeatedFrame),
            new Mutant("two events swapped", WatchChecker.class, Mutant::swappedFrames),
            new Mutant("split event", WatchChecker.class, Mutant::splitFrame),
            new Mutant("event of a change that was not", WatchChecker.class, Mutant::phantomChange),
            new Mutant("event under another revision", WatchChecker.class, Mutant::wrongFrameRevision),
            new Mutant("progress too early", WatchChecker.class, Mutant::earlyProgress),
            new Mutant("event lost on resume", WatchChecker.class, Mutant::lostOnResume),
            new Mutant("event repeated on resume", WatchChecker.class, Mutant::repeatedOnResume),
            new Mutant("last event never told", WatchChecker.class, Mutant::lostTail),
            // Membership.
            new Mutant("two changes at once", MembershipChecker.class, Mutant::twoChanges),
            new Mutant("nodes disagree on the membership", MembershipChecker.class, Mutant::membershipDiffers),
            new Mutant("acknowledged member forgotten", MembershipChecker.class, Mutant::memberForgotten),
            new Mutant("nobody votes", MembershipChecker.class, Mutant::nobodyVotes));

    // --- reads and updates -----------------------------------------------------------------------------------------

    /** A read shows what was there before an update that had returned. */
    private static @Nullable History staleRead(History history, SplittableRandom random) {
        return pair(history, random, Mutant::isOverwrittenBefore, (update, read) -> {
            long before = update.revision() - 1;
            return read(read, value(history, read.keys().getFirst(), before), before);
        });
    }

    private static @Nullable History oldValue(History history, SplittableRandom random) {
        return pair(
                history,
                random,
                Mutant::isOverwrittenBefore,
                (update, read) ->
                        read(read, value(history, read.keys().getFirst(), update.revision() - 1), read.revision()));
    }

    private static @Nullable History oldRevision(History history, SplittableRandom random) {
        return pair(
                history,
                random,
                (update, read) -> isUpdate(update) && isRead(read) && update.returnNanos() < read.callNanos(),
                (update, read) -> read(read, read.results().getFirst(), update.revision() - 1));
    }

    private static @Nullable History dirtyRead(History history, SplittableRandom random) {
        return pair(
                history,
                random,
                (refused, read) -> refused.status() == Operation.Status.FAIL
                        && isRead(read)
                        && refused.keys().equals(read.keys())
                        && refused.callNanos() < read.returnNanos(),
                (refused, read) -> read(read, refused.written(0), read.revision()));
    }

    private static @Nullable History lostAcknowledgement(History history, SplittableRandom random) {
        Operation lost = pick(history.operations(), random, Mutant::isUpdate);
        return lost == null
                ? null
                : withChanges(history, change -> change.revision() == lost.revision() ? List.of() : List.of(change));
    }

    private static @Nullable History valueOutOfNowhere(History history, SplittableRandom random) {
        return pair(
                history,
                random,
                (update, read) -> isUpdate(update)
                        && isRead(read)
                        && update.keys().equals(read.keys())
                        && update.written(0) == read.results().getFirst(),
                (update, read) -> read(read, Long.MAX_VALUE, read.revision()));
    }

    private static @Nullable History doubleApply(History history, SplittableRandom random) {
        Operation twice = pick(history.operations(), random, Mutant::isUpdate);
        if (twice == null) {
            return null;
        }
        long last = lastRevision(history);
        return withLogs(history, log -> {
            if (log.lastRevision() < last) {
                return log;
            }
            var changes = new ArrayList<>(log.changes());
            for (int i = 0; i < twice.keys().size(); i++) {
                changes.add(new Change(last + 1, twice.keys().get(i), twice.written(i)));
            }
            return new NodeLog(log.node(), log.afterRevision(), last + 1, changes);
        });
    }

    private static @Nullable History appliedThoughRefused(History history, SplittableRandom random) {
        Operation refused = pick(history.operations(), random, Mutant::isUpdate);
        return refused == null
                ? null
                : withOperation(history, refused, copy(refused, refused.args(), List.of(), Operation.Status.FAIL, 0));
    }

    private static @Nullable History blindCas(History history, SplittableRandom random) {
        Operation cas = pick(
                history.operations(),
                random,
                operation -> isUpdate(operation) && operation.kind() == Operation.Kind.CAS);
        if (cas == null) {
            return null;
        }
        var args = new ArrayList<>(cas.args());
        args.set(0, Long.MAX_VALUE);
        return withOperation(history, cas, copy(cas, args, cas.results(), cas.status(), cas.revision()));
    }

    /** Both in the log and in the answers, so that only real time tells. */
    private static @Nullable History swappedUpdates(History history, SplittableRandom random) {
        Operation[] two = two(
                history,
                random,
                (first, second) -> isUpdate(first) && isUpdate(second) && first.returnNanos() < second.callNanos());
        if (two == null) {
            return null;
        }
        long a = two[0].revision();
        long b = two[1].revision();
        History swapped =
                withOperation(history, two[0], copy(two[0], two[0].args(), two[0].results(), two[0].status(), b));
        swapped = withOperation(swapped, two[1], copy(two[1], two[1].args(), two[1].results(), two[1].status(), a));
        return withLogs(swapped, log -> {
            var changes = new ArrayList<Change>();
            for (Change change : log.changes()) {
                long revision = change.revision();
                changes.add(new Change(revision == a ? b : revision == b ? a : revision, change.key(), change.value()));
            }
            changes.removeIf(
                    change -> change.revision() <= log.afterRevision() || change.revision() > log.lastRevision());
            changes.sort(java.util.Comparator.comparingLong(Change::revision));
            return log.afterRevision() > 0 || log.lastRevision() < lastRevision(history)
                    ? new NodeLog(log.node(), lastRevision(history), lastRevision(history), List.of())
                    : new NodeLog(log.node(), log.afterRevision(), log.lastRevision(), changes);
        });
    }

    private static @Nullable History sharedRevision(History history, SplittableRandom random) {
        Operation[] two = two(history, random, (a, b) -> isUpdate(a) && isUpdate(b) && a.id() != b.id());
        return two == null
                ? null
                : withOperation(
                        history,
                        two[0],
                        copy(two[0], two[0].args(), two[0].results(), two[0].status(), two[1].revision()));
    }

    private static @Nullable History wrongValueStored(History history, SplittableRandom random) {
        Operation update = pick(history.operations(), random, Mutant::isUpdate);
        return update == null
                ? null
                : withChanges(
                        history,
                        change -> List.of(
                                change.revision() == update.revision()
                                        ? new Change(change.revision(), change.key(), Long.MAX_VALUE)
                                        : change));
    }

    // --- logs ------------------------------------------------------------------------------------------------------

    private static @Nullable History oneNodeLacksAChange(History history, SplittableRandom random) {
        return oneNode(history, random, (changes, i) -> changes.remove(i));
    }

    private static @Nullable History oneNodeDiffers(History history, SplittableRandom random) {
        return oneNode(
                history,
                random,
                (changes, i) -> changes.set(
                        i, new Change(changes.get(i).revision(), changes.get(i).key(), -7)));
    }

    private static @Nullable History oneNodeReorders(History history, SplittableRandom random) {
        return oneNode(history, random, (changes, i) -> {
            Change one = changes.get(i);
            Change other = changes.get(i == 0 ? 1 : i - 1);
            changes.set(i, new Change(one.revision(), other.key(), other.value()));
            changes.set(i == 0 ? 1 : i - 1, new Change(other.revision(), one.key(), one.value()));
        });
    }

    private interface LogEdit {
        void accept(List<Change> changes, int i);
    }

    /** On node 3, whose whole log is also in that of node 1. */
    private static @Nullable History oneNode(History history, SplittableRandom random, LogEdit edit) {
        return withLogs(history, log -> {
            if (log.node() != 3) {
                return log;
            }
            var changes = new ArrayList<>(log.changes());
            edit.accept(changes, random.nextInt(changes.size()));
            return new NodeLog(log.node(), log.afterRevision(), log.lastRevision(), changes);
        });
    }

    // --- jobs ------------------------------------------------------------------------------------------------------

    private static boolean isAssigned(Operation operation) {
        return operation.kind() == Operation.Kind.ASSIGN && operation.status() == Operation.Status.OK;
    }

    private static @Nullable History assignedTwice(History history, SplittableRandom random) {
        Operation assigned = pick(history.operations(), random, Mutant::isAssigned);
        if (assigned == null) {
            return null;
        }
        long last = lastRevision(history);
        return withLogs(history, log -> {
            if (log.lastRevision() < last) {
                return log;
            }
            var changes = new ArrayList<>(log.changes());
            changes.add(new Change(
                    last + 1, assigned.keys().getFirst(), assigned.args().getFirst()));
            return new NodeLog(log.node(), log.afterRevision(), last + 1, changes);
        });
    }

    private static @Nullable History assignmentLost(History history, SplittableRandom random) {
        Operation lost = pick(history.operations(), random, Mutant::isAssigned);
        return lost == null
                ? null
                : withChanges(
                        history, change -> change.key().equals(lost.keys().getFirst()) ? List.of() : List.of(change));
    }

    private static @Nullable History wrongRunner(History history, SplittableRandom random) {
        Operation told = pick(history.operations(), random, Mutant::isAssigned);
        return told == null
                ? null
                : withOperation(
                        history,
                        told,
                        copy(
                                told,
                                told.args(),
                                List.of(told.results().getFirst() + 1),
                                told.status(),
                                told.revision()));
    }

    private static @Nullable History assignedByNobody(History history, SplittableRandom random) {
        Operation first = pick(history.operations(), random, Mutant::isAssigned);
        if (first == null) {
            return null;
        }
        // The runner who has the job gets another name, everywhere but in what was asked for.
        String job = first.keys().getFirst();
        History changed = history;
        for (Operation operation : history.operations()) {
            if (isAssigned(operation) && operation.keys().getFirst().equals(job)) {
                changed = withOperation(
                        changed,
                        operation,
                        copy(operation, operation.args(), List.of(777L), operation.status(), operation.revision()));
            }
        }
        return withChanges(
                changed,
                change -> List.of(change.key().equals(job) ? new Change(change.revision(), job, 777L) : change));
    }

    // --- bank ------------------------------------------------------------------------------------------------------

    private static boolean isTransfer(Operation operation) {
        return isUpdate(operation) && operation.keys().size() == 2;
    }

    /** The second account follows one revision later; everything after it moves on by one. */
    private static @Nullable History splitPublish(History history, SplittableRandom random) {
        Operation split = pick(history.operations(), random, Mutant::isTransfer);
        if (split == null) {
            return null;
        }
        return withLogs(history, log -> {
            if (log.node() != 1) {
                return new NodeLog(log.node(), lastRevision(history), lastRevision(history), List.of());
            }
            var changes = new ArrayList<Change>();
            for (Change change : log.changes()) {
                boolean later = change.revision() > split.revision()
                        || (change.revision() == split.revision()
                                && change.key().equals(split.keys().get(1)));
                changes.add(later ? new Change(change.revision() + 1, change.key(), change.value()) : change);
            }
            return new NodeLog(log.node(), 0, log.lastRevision() + 1, changes);
        });
    }

    private static @Nullable History halfPublish(History history, SplittableRandom random) {
        Operation half = pick(history.operations(), random, Mutant::isTransfer);
        return half == null
                ? null
                : withChanges(
                        history,
                        change -> change.revision() == half.revision()
                                        && change.key().equals(half.keys().get(1))
                                ? List.of()
                                : List.of(change));
    }

    private static @Nullable History tornRead(History history, SplittableRandom random) {
        Operation read = pick(
                history.operations(),
                random,
                operation -> operation.kind() == Operation.Kind.READ
                        && operation.status() == Operation.Status.OK
                        && operation.keys().equals(ValidHistory.ACCOUNTS));
        if (read == null) {
            return null;
        }
        String account = ValidHistory.ACCOUNTS.getFirst();
        long old = read.results().getFirst();
        for (long revision = read.revision();
                revision > 0 && old == read.results().getFirst();
                revision--) {
            old = value(history, account, revision);
        }
        if (old == read.results().getFirst() || old == Operation.NIL) {
            return null;
        }
        var results = new ArrayList<>(read.results());
        results.set(0, old);
        return withOperation(history, read, copy(read, read.args(), results, read.status(), read.revision()));
    }

    // --- watch -----------------------------------------------------------------------------------------------------

    /** Watcher 4 is sometimes told to fetch, which excuses what it was not told before. */
    private static boolean isChange(WatchFrame frame) {
        return frame.kind() == WatchFrame.Kind.CHANGES && frame.watcher() < 4;
    }

    private static @Nullable History droppedFrame(History history, SplittableRandom random) {
        return editFrames(history, random, (frames, i) -> isChange(frames.get(i)), List::remove);
    }

    private static @Nullable History repeatedFrame(History history, SplittableRandom random) {
        return editFrames(
                history, random, (frames, i) -> isChange(frames.get(i)), (frames, i) -> frames.add(i, frames.get(i)));
    }

    private static @Nullable History swappedFrames(History history, SplittableRandom random) {
        return editFrames(
                history,
                random,
                (frames, i) -> i > 0
                        && isChange(frames.get(i))
                        && isChange(frames.get(i - 1))
                        && frames.get(i).watcher() == frames.get(i - 1).watcher(),
                (frames, i) -> Collections.swap(frames, i, i - 1));
    }

    private static @Nullable History splitFrame(History history, SplittableRandom random) {
        return editFrames(
                history,
                random,
                (frames, i) -> isChange(frames.get(i))
                        && frames.get(i).watcher() <= 2
                        && frames.get(i).changes().size() == 2,
                (frames, i) -> {
                    WatchFrame whole = frames.get(i);
                    frames.set(i, frame(whole, whole.revision(), whole.changes().subList(0, 1)));
                    frames.add(
                            i + 1,
                            frame(whole, whole.revision(), whole.changes().subList(1, 2)));
                });
    }

    private static @Nullable History phantomChange(History history, SplittableRandom random) {
        return editFrames(history, random, (frames, i) -> isChange(frames.get(i)), (frames, i) -> {
            WatchFrame frame = frames.get(i);
            Change first = frame.changes().getFirst();
            frames.set(i, frame(frame, frame.revision(), List.of(new Change(first.revision(), first.key(), -9))));
        });
    }

    private static @Nullable History wrongFrameRevision(History history, SplittableRandom random) {
        return editFrames(history, random, (frames, i) -> isChange(frames.get(i)), (frames, i) -> {
            WatchFrame frame = frames.get(i);
            frames.set(i, frame(frame, frame.revision() + 1, frame.changes()));
        });
    }

    private static @Nullable History earlyProgress(History history, SplittableRandom random) {
        return editFrames(history, random, (frames, i) -> isChange(frames.get(i)), (frames, i) -> {
            WatchFrame next = frames.get(i);
            frames.add(
                    i,
                    new WatchFrame(
                            next.watcher(),
                            next.node(),
                            next.nanos(),
                            WatchFrame.Kind.PROGRESS,
                            next.revision(),
                            List.of(),
                            List.of()));
        });
    }

    private static boolean isFirstAfterReconnect(List<WatchFrame> frames, int i) {
        return i > 1
                && isChange(frames.get(i))
                && frames.get(i - 1).kind() == WatchFrame.Kind.SUBSCRIBED
                && frames.get(i - 2).kind() == WatchFrame.Kind.CLOSED;
    }

    private static @Nullable History lostOnResume(History history, SplittableRandom random) {
        return editFrames(history, random, Mutant::isFirstAfterReconnect, List::remove);
    }

    private static @Nullable History repeatedOnResume(History history, SplittableRandom random) {
        return editFrames(
                history,
                random,
                (frames, i) -> i > 2 && isFirstAfterReconnect(frames, i) && isChange(frames.get(i - 3)),
                (frames, i) -> frames.add(i, frames.get(i - 3)));
    }

    private static @Nullable History lostTail(History history, SplittableRandom random) {
        return editFrames(
                history,
                random,
                (frames, i) -> isChange(frames.get(i)) && frames.get(i + 1).kind() == WatchFrame.Kind.QUIESCED,
                List::remove);
    }

    // --- membership ------------------------------------------------------------------------------------------------

    private static @Nullable History twoChanges(History history, SplittableRandom random) {
        List<Long> indexes = history.memberships().stream()
                .map(Membership::index)
                .distinct()
                .sorted()
                .toList();
        // Add, promote, remove, add, ...: without the membership after a removal, it and the next addition are one
        // step.
        long gone = indexes.get(random.nextBoolean() ? 3 : 6);
        return withMemberships(
                history,
                history.memberships().stream()
                        .filter(membership -> membership.index() != gone)
                        .toList());
    }

    private static @Nullable History membershipDiffers(History history, SplittableRandom random) {
        var memberships = new ArrayList<>(history.memberships());
        int i = random.nextInt(memberships.size());
        Membership old = memberships.get(i);
        memberships.set(i, new Membership(old.node(), old.index(), List.of("1", "9"), old.learners()));
        return withMemberships(history, memberships);
    }

    private static @Nullable History memberForgotten(History history, SplittableRandom random) {
        Operation added = pick(
                history.operations(),
                random,
                operation ->
                        operation.kind() == Operation.Kind.ADD_MEMBER && operation.status() == Operation.Status.OK);
        if (added == null) {
            return null;
        }
        String member = added.keys().getFirst();
        return withMemberships(
                history,
                history.memberships().stream()
                        .map(membership -> new Membership(
                                membership.node(),
                                membership.index(),
                                membership.voters().stream()
                                        .filter(id -> !id.equals(member))
                                        .toList(),
                                membership.learners().stream()
                                        .filter(id -> !id.equals(member))
                                        .toList()))
                        .toList());
    }

    private static @Nullable History nobodyVotes(History history, SplittableRandom random) {
        long index = history.memberships()
                .get(random.nextInt(history.memberships().size()))
                .index();
        return withMemberships(
                history,
                history.memberships().stream()
                        .map(membership -> membership.index() == index
                                ? new Membership(membership.node(), index, List.of(), membership.learners())
                                : membership)
                        .toList());
    }

    // --- tools -----------------------------------------------------------------------------------------------------

    private static boolean isUpdate(Operation operation) {
        return operation.kind().isUpdate() && operation.status() == Operation.Status.OK && operation.id() > 1;
    }

    private static boolean isRead(Operation operation) {
        return operation.kind() == Operation.Kind.READ
                && operation.status() == Operation.Status.OK
                && operation.keys().size() == 1;
    }

    /** The update changed what the read shows, and had returned before it. */
    private static boolean isOverwrittenBefore(Operation update, Operation read) {
        return isUpdate(update)
                && isRead(read)
                && update.keys().equals(read.keys())
                && update.returnNanos() < read.callNanos();
    }

    private static long value(History history, String key, long revision) {
        long value = Operation.NIL;
        for (NodeLog log : history.logs()) {
            if (log.node() == 1) {
                for (Change change : log.changes()) {
                    if (change.key().equals(key) && change.revision() <= revision) {
                        value = change.value();
                    }
                }
            }
        }
        return value;
    }

    private static long lastRevision(History history) {
        return history.logs().stream().mapToLong(NodeLog::lastRevision).max().orElseThrow();
    }

    private static Operation read(Operation read, long value, long revision) {
        return copy(read, read.args(), List.of(value), read.status(), revision);
    }

    private static Operation copy(
            Operation old, List<Long> args, List<Long> results, Operation.Status status, long revision) {
        return new Operation(
                old.id(),
                old.process(),
                old.kind(),
                old.keys(),
                args,
                results,
                old.callNanos(),
                old.returnNanos(),
                status,
                revision,
                old.term(),
                old.node());
    }

    private static WatchFrame frame(WatchFrame old, long revision, List<Change> changes) {
        return new WatchFrame(old.watcher(), old.node(), old.nanos(), old.kind(), revision, old.keys(), changes);
    }

    private static <T> @Nullable T pick(List<T> from, SplittableRandom random, Predicate<T> fitting) {
        List<T> found = from.stream().filter(fitting).toList();
        return found.isEmpty() ? null : found.get(random.nextInt(found.size()));
    }

    private static Operation @Nullable [] two(
            History history, SplittableRandom random, BiPredicate<Operation, Operation> fitting) {
        var found = new ArrayList<Operation[]>();
        for (Operation first : history.operations()) {
            for (Operation second : history.operations()) {
                if (fitting.test(first, second)) {
                    found.add(new Operation[] {first, second});
                }
            }
        }
        return found.isEmpty() ? null : found.get(random.nextInt(found.size()));
    }

    /** Changes the second of two operations. */
    private static @Nullable History pair(
            History history,
            SplittableRandom random,
            BiPredicate<Operation, Operation> fitting,
            BiFunction<Operation, Operation, Operation> change) {
        Operation[] two = two(history, random, fitting);
        return two == null ? null : withOperation(history, two[1], change.apply(two[0], two[1]));
    }

    private static History withOperation(History history, Operation old, Operation changed) {
        return new History(
                history.operations().stream()
                        .map(operation -> operation.id() == old.id() ? changed : operation)
                        .toList(),
                history.frames(),
                history.logs(),
                history.memberships(),
                history.faults());
    }

    private static History withLogs(History history, UnaryOperator<NodeLog> change) {
        return new History(
                history.operations(),
                history.frames(),
                history.logs().stream().map(change).toList(),
                history.memberships(),
                history.faults());
    }

    private static History withChanges(History history, java.util.function.Function<Change, List<Change>> change) {
        return withLogs(
                history,
                log -> new NodeLog(
                        log.node(),
                        log.afterRevision(),
                        log.lastRevision(),
                        log.changes().stream()
                                .flatMap(each -> change.apply(each).stream())
                                .toList()));
    }

    private static History withMemberships(History history, List<Membership> memberships) {
        return new History(history.operations(), history.frames(), history.logs(), memberships, history.faults());
    }

    private interface FrameEdit {
        void accept(List<WatchFrame> frames, int i);
    }

    private static @Nullable History editFrames(
            History history, SplittableRandom random, BiPredicate<List<WatchFrame>, Integer> fitting, FrameEdit edit) {
        var places = new ArrayList<Integer>();
        for (int i = 0; i < history.frames().size(); i++) {
            if (fitting.test(history.frames(), i)) {
                places.add(i);
            }
        }
        if (places.isEmpty()) {
            return null;
        }
        var frames = new ArrayList<>(history.frames());
        edit.accept(frames, Objects.requireNonNull(places.get(random.nextInt(places.size()))));
        return new History(history.operations(), frames, history.logs(), history.memberships(), history.faults());
    }
}
