package dev.conflux.tool.inspector;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.conflux.consensus.jraft.OfflineEntry;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.CommandEnvelope;
import dev.conflux.core.state.UnknownCommandException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A log entry in print. Content appears as length and hash; as bytes only when asked for, and never when its publisher
 * encrypted it.
 *
 * @param kind command, membership, nothing or unreadable
 * @param at the leader's clock when it was appended; empty when the entry has none
 * @param what the command's name, or what the entry is
 * @param target config name or id; empty when there is none
 * @param author who asked for it
 * @param bytes of the command
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
record EntryReport(
        long index,
        long term,
        String kind,
        String at,
        String what,
        String target,
        String author,
        int bytes,
        List<Content> contents) {

    /**
     * Published content.
     *
     * @param sha256 of the bytes as stored
     * @param encryption how the publisher encrypted it; absent for plain content
     * @param text the bytes, when asked for: UTF-8 text, or Base64 with {@code base64:} in front
     */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    record Content(
            long configId,
            String format,
            int bytes,
            String sha256,
            @Nullable String encryption,
            @Nullable String text) {

        static Content of(long configId, NewVersion version, boolean show) {
            Encryption encryption = version.encryption();
            return new Content(
                    configId,
                    version.format().name(),
                    version.content().length,
                    version.hash(),
                    encryption == null ? null : encryption.algorithm() + ", key " + encryption.kekId(),
                    show && encryption == null ? printable(version.content()) : null);
        }

        @Override
        public String toString() {
            return format + ", " + bytes + " bytes, sha256 " + sha256
                    + (encryption == null ? "" : ", encrypted (" + encryption + ")");
        }
    }

    static EntryReport of(OfflineEntry entry, boolean showContent) {
        long index = entry.position().index();
        long term = entry.position().term();
        return switch (entry) {
            case OfflineEntry.Command command -> command(command, showContent);
            case OfflineEntry.Membership membership ->
                new EntryReport(
                        index,
                        term,
                        "membership",
                        "",
                        "voters " + String.join(", ", membership.voters())
                                + (membership.learners().isEmpty()
                                        ? ""
                                        : "; learners " + String.join(", ", membership.learners()))
                                + (membership.oldVoters().isEmpty()
                                        ? ""
                                        : "; before " + String.join(", ", membership.oldVoters())),
                        "",
                        "",
                        0,
                        List.of());
            case OfflineEntry.MemberChange change ->
                new EntryReport(
                        index,
                        term,
                        "member change",
                        Output.time(change.proposedAtMillis()),
                        change.what(),
                        "",
                        "",
                        0,
                        List.of());
            case OfflineEntry.DigestMark mark ->
                new EntryReport(
                        index,
                        term,
                        "digest mark",
                        Output.time(mark.proposedAtMillis()),
                        mark.whole() ? "of the whole state" : "of what was applied",
                        "",
                        "",
                        0,
                        List.of());
            case OfflineEntry.Nothing nothing ->
                new EntryReport(index, term, "nothing", "", "a leader's first entry", "", "", 0, List.of());
            case OfflineEntry.Unreadable unreadable ->
                new EntryReport(index, term, "unreadable", "", unreadable.reason(), "", "", 0, List.of());
        };
    }

    private static EntryReport command(OfflineEntry.Command entry, boolean showContent) {
        String what;
        String target = "";
        String author = "";
        List<Content> contents = new ArrayList<>();
        try {
            CommandEnvelope envelope = CommandCodec.decode(entry.command());
            author = envelope.author();
            Command command = envelope.command();
            what = command.getClass().getSimpleName();
            switch (command) {
                case Command.CreateConfig create -> {
                    target = create.key().toString();
                    contents.add(Content.of(0, create.initial(), showContent));
                }
                case Command.CreateVersion create -> {
                    target = id(create.configId());
                    contents.add(Content.of(create.configId(), create.version(), showContent));
                }
                case Command.Publish publish -> {
                    target = String.join(
                            ", ",
                            publish.items().stream()
                                    .map(item -> id(item.configId()))
                                    .toList());
                    publish.items()
                            .forEach(item -> contents.add(Content.of(item.configId(), item.version(), showContent)));
                }
                case Command.UpdateMetadata update -> target = id(update.configId());
                case Command.UpdateReleases update -> target = id(update.configId());
                case Command.Rollback rollback ->
                    target = id(rollback.configId()) + " to version " + rollback.targetVersionId();
                case Command.DeleteConfig delete -> target = id(delete.configId());
                case Command.PruneVersions prune ->
                    target = id(prune.configId()) + ", " + prune.versionIds().size() + " versions";
                case Command.Trash trash ->
                    target = id(trash.configId()) + ", "
                            + trash.step().getClass().getSimpleName();
                case Command.Gc gc -> target = gc.step().getClass().getSimpleName();
                case RolloutCommand.StartRollout start -> {
                    target = id(start.configId());
                    if (start.version() != null) {
                        contents.add(Content.of(start.configId(), start.version(), showContent));
                    }
                }
                case RolloutCommand.StepRollout step -> target = id(step.configId()) + ", rollout " + step.rolloutId();
                case RolloutCommand.SteerRollout steer ->
                    target = id(steer.configId()) + ", rollout " + steer.rolloutId();
                case ScheduleCommand.CreateSchedule create ->
                    target = id(create.configId()) + ", version " + create.versionId();
                case ScheduleCommand.CancelSchedule cancel ->
                    target = id(cancel.configId()) + ", schedule " + cancel.scheduleId();
                case ScheduleCommand.RunSchedule run -> target = id(run.configId()) + ", schedule " + run.scheduleId();
            }
        } catch (UnknownCommandException e) {
            // Another service's command, or a newer version's.
            what = "not known to this tool, sha256 " + sha256(entry.command());
        }
        return new EntryReport(
                entry.position().index(),
                entry.position().term(),
                "command",
                Output.time(entry.proposedAtMillis()),
                what,
                target,
                author,
                entry.command().length,
                List.copyOf(contents));
    }

    static List<String> heading() {
        return List.of("INDEX", "TERM", "APPENDED", "WHAT", "TARGET", "BY", "CONTENT");
    }

    List<String> row() {
        return List.of(
                Long.toString(index),
                Long.toString(term),
                at,
                kind.equals("command") ? what : kind + ": " + what,
                target,
                author,
                String.join(
                        "; ",
                        contents.stream()
                                .map(content -> content + (content.text() == null ? "" : ": " + content.text()))
                                .toList()));
    }

    private static String id(long configId) {
        return "config " + configId;
    }

    /** Text with nothing in it that moves a terminal's cursor. */
    private static String printable(byte[] content) {
        String text = new String(content, StandardCharsets.UTF_8);
        boolean plain = java.util.Arrays.equals(text.getBytes(StandardCharsets.UTF_8), content)
                && text.chars().noneMatch(c -> Character.isISOControl(c) && c != '\n' && c != '\t' && c != '\r');
        return plain ? text : "base64:" + Base64.getEncoder().encodeToString(content);
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
