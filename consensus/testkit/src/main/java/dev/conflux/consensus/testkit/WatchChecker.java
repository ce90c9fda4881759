package dev.conflux.consensus.testkit;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Judges what watchers were told against the ground truth. For each watcher, from the revision after which it
 * subscribed:
 *
 * <ol>
 *   <li><b>ordered</b>: revisions only rise;
 *   <li><b>unique</b>: nothing is told twice;
 *   <li><b>without gap</b>: nothing of its keys is left out before something later, nor when it has come to rest;
 *   <li><b>atomic</b>: one frame has all that a revision did to its keys, and only that;
 *   <li><b>resumable</b>: the same holds over a reconnect, on whatever node;
 *   <li><b>bookmarkable</b>: a progress frame means that everything up to its revision has been told.
 * </ol>
 *
 * <p>Linear in frames times the changes between two frames of a watcher. Changes older than the ground truth are not
 * judged.
 */
public final class WatchChecker implements Checker {

    private static final String NAME = "watch";

    /** Frames of context in a witness. */
    private static final int WITNESS_FRAMES = 12;

    @Override
    public Verdict check(History history) {
        if (history.frames().isEmpty()) {
            return new Verdict.Valid(NAME, 0);
        }
        Truth truth = Truth.of(history);
        if (!truth.known()) {
            return new Verdict.Undecided(NAME, "no ground truth (expected: the log of a node)");
        }
        String disagreement = truth.disagreement();
        if (disagreement != null) {
            return new Verdict.Invalid(NAME, "every node holds the same log", disagreement, List.of());
        }
        Map<Integer, List<WatchFrame>> byWatcher = new LinkedHashMap<>();
        for (WatchFrame frame : history.frames()) {
            byWatcher
                    .computeIfAbsent(frame.watcher(), watcher -> new ArrayList<>())
                    .add(frame);
        }
        long origin = HistoryText.origin(history);
        for (List<WatchFrame> frames : byWatcher.values()) {
            Verdict verdict = new Session(truth, frames, origin).check();
            if (verdict != null) {
                return verdict;
            }
        }
        return new Verdict.Valid(NAME, history.frames().size());
    }

    /** One watcher's life. */
    private static final class Session {

        private final Truth truth;
        private final List<WatchFrame> frames;
        private final long origin;

        private boolean connected;
        private Set<String> keys = Set.of();

        /** Everything up to here has been told, or need not be. */
        private long told;

        /** Everything up to here was told before the last reconnect. */
        private long toldBefore;

        Session(Truth truth, List<WatchFrame> frames, long origin) {
            this.truth = truth;
            this.frames = frames;
            this.origin = origin;
        }

        @Nullable
        Verdict check() {
            for (int i = 0; i < frames.size(); i++) {
                WatchFrame frame = frames.get(i);
                String wrong = wrong(frame, i);
                if (wrong != null) {
                    int colon = wrong.indexOf(':');
                    List<WatchFrame> prefix = frames.subList(Math.max(0, i + 1 - WITNESS_FRAMES), i + 1);
                    var text = new StringBuilder(wrong.substring(colon + 2));
                    text.append("\nShortest failing prefix of watcher ")
                            .append(frame.watcher())
                            .append(": ");
                    text.append(i + 1).append(" frames");
                    text.append(prefix.size() == i + 1 ? ":" : ", the last of them:");
                    prefix.forEach(each -> text.append("\n  ").append(HistoryText.line(each, origin)));
                    return new Verdict.Invalid(NAME, wrong.substring(0, colon), text.toString(), List.of());
                }
            }
            return null;
        }

        /** "property: explanation", or null. */
        private @Nullable String wrong(WatchFrame frame, int index) {
            long revision = frame.revision();
            if (frame.kind() == WatchFrame.Kind.SUBSCRIBED) {
                Change missed = index == 0 ? null : firstBetween(told, revision);
                if (missed != null) {
                    return "resumable: It goes on after revision " + revision + ", but "
                            + HistoryText.changes(List.of(missed)) + " had not been told.";
                }
                connected = true;
                keys = new HashSet<>(frame.keys());
                toldBefore = told;
                told = revision;
                return null;
            }
            if (frame.kind() == WatchFrame.Kind.CLOSED) {
                connected = false;
                return null;
            }
            if (!connected) {
                return frame.kind() == WatchFrame.Kind.QUIESCED
                        ? "without gap: The watcher was not connected when the cluster had come to rest."
                        : "resumable: The watcher was told something without being subscribed.";
            }
            switch (frame.kind()) {
                case CHANGES -> {
                    if (revision <= told) {
                        return toldEarlier(frame, index);
                    }
                    Change missed = firstBetween(told, revision - 1);
                    if (missed != null) {
                        return missed(missed, "revision " + revision);
                    }
                    if (revision > truth.afterRevision()) {
                        List<Change> expected = at(revision);
                        if (!sameChanges(expected, frame.changes())) {
                            return "atomic: Revision " + revision + " changed " + HistoryText.changes(expected)
                                    + "; the frame says " + HistoryText.changes(frame.changes()) + ".";
                        }
                    }
                    told = revision;
                }
                case PROGRESS, QUIESCED -> {
                    if (revision < told && frame.kind() == WatchFrame.Kind.PROGRESS) {
                        return "bookmarkable: Progress went back from revision " + told + " to " + revision + ".";
                    }
                    Change missed = firstBetween(told, revision);
                    if (missed != null) {
                        return frame.kind() == WatchFrame.Kind.QUIESCED
                                ? missed(missed, "the end")
                                : "bookmarkable: Progress says revision " + revision + ", but "
                                        + HistoryText.changes(List.of(missed)) + " had not been told.";
                    }
                    told = Math.max(told, revision);
                }
                case RESYNC -> {
                    if (revision < told) {
                        return "ordered: Resync goes back from revision " + told + " to " + revision + ".";
                    }
                    told = revision;
                }
                case SUBSCRIBED, CLOSED -> {}
            }
            return null;
        }

        private String missed(Change missed, String before) {
            // What was told before the reconnect and is missing after it would be the resuming's fault.
            String property = missed.revision() <= toldBefore ? "resumable" : "without gap";
            return property + ": " + HistoryText.changes(List.of(missed)) + " was not told before " + before + ".";
        }

        private String toldEarlier(WatchFrame frame, int index) {
            for (int i = index - 1; i >= 0; i--) {
                WatchFrame earlier = frames.get(i);
                if (earlier.kind() == WatchFrame.Kind.SUBSCRIBED) {
                    break;
                }
                if (earlier.kind() == WatchFrame.Kind.CHANGES && earlier.revision() == frame.revision()) {
                    return (earlier.changes().equals(frame.changes()) ? "unique" : "atomic") + ": Revision "
                            + frame.revision() + " was told in two frames.";
                }
            }
            return "ordered: Revision " + frame.revision() + " was told after revision " + told + ".";
        }

        private @Nullable Change firstBetween(long after, long through) {
            List<Change> changes = truth.changes();
            for (int i = truth.indexAfter(Math.max(after, truth.afterRevision()));
                    i < changes.size() && changes.get(i).revision() <= through;
                    i++) {
                if (follows(changes.get(i))) {
                    return changes.get(i);
                }
            }
            return null;
        }

        private List<Change> at(long revision) {
            var found = new ArrayList<Change>();
            List<Change> changes = truth.changes();
            for (int i = truth.indexAfter(revision - 1);
                    i < changes.size() && changes.get(i).revision() == revision;
                    i++) {
                if (follows(changes.get(i))) {
                    found.add(changes.get(i));
                }
            }
            return found;
        }

        private boolean follows(Change change) {
            return keys.isEmpty() || keys.contains(change.key());
        }

        /** The order of changes within a revision means nothing. */
        private static boolean sameChanges(Collection<Change> expected, Collection<Change> told) {
            return expected.size() == told.size()
                    && !told.isEmpty()
                    && new HashSet<>(expected).equals(new HashSet<>(told));
        }
    }
}
