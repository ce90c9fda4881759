package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.LogPosition;
import java.util.List;

/** One entry of a stopped member's log. */
public sealed interface OfflineEntry {

    /** Where it stands; of an unreadable one only the index is known, the term is 0. */
    LogPosition position();

    /**
     * A command.
     *
     * @param proposedAtMillis wall clock of the leader that appended it, Unix milliseconds
     * @param command the proposer's bytes
     */
    record Command(LogPosition position, long proposedAtMillis, byte[] command) implements OfflineEntry {}

    /**
     * A membership.
     *
     * @param voters addresses ({@code host:port}) of the voting members from this entry on
     * @param learners addresses of those that only follow
     * @param oldVoters the voters before, while a change is under way; else empty
     */
    record Membership(LogPosition position, List<String> voters, List<String> learners, List<String> oldVoters)
            implements OfflineEntry {
        public Membership {
            voters = List.copyOf(voters);
            learners = List.copyOf(learners);
            oldVoters = List.copyOf(oldVoters);
        }
    }

    /**
     * A change of the membership record: who is who, who is coming and going.
     *
     * @param what in words
     */
    record MemberChange(LogPosition position, long proposedAtMillis, String what) implements OfflineEntry {}

    /**
     * Where every member took its state's digest.
     *
     * @param whole of every byte as read from the disk; else of what was applied
     */
    record DigestMark(LogPosition position, long proposedAtMillis, boolean whole) implements OfflineEntry {}

    /** The engine's own: a leader's first entry. */
    record Nothing(LogPosition position) implements OfflineEntry {}

    /** Damaged, or of a layout that this version does not know. */
    record Unreadable(LogPosition position, String reason) implements OfflineEntry {}
}
