package dev.conflux.consensus.api;

/**
 * One committed command as {@link StateMachine#apply} sees it: identical on every member.
 *
 * @param position where it stands in the log
 * @param proposedAtMillis wall clock of the leader that appended it, Unix milliseconds. It may go backwards between
 *     leaders: a state machine that needs monotone time takes the maximum with the last one it applied
 * @param command the proposer's bytes, not to be modified
 */
public record LogEntry(LogPosition position, long proposedAtMillis, byte[] command) {}
