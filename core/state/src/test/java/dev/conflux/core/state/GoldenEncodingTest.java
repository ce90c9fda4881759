package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.ApprovalSettings;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.Encryption;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.VersionFate;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Bytes that logs and stores hold already: a changed line here is a broken upgrade. */
class GoldenEncodingTest {

    private static final Path FILE = Path.of("src/test/golden/encoding-v1.txt");

    @Test
    void shouldWriteTheBytesOfVersionOneAndReadThemBack() throws Exception {
        Map<String, String> actual = new LinkedHashMap<>();
        commands().forEach((name, command) -> {
            byte[] bytes = CommandCodec.encode(Commands.keyed("key", "hash", command));
            byte[] again = CommandCodec.encode(CommandCodec.decode(bytes));
            assertThat(again).as(name).isEqualTo(bytes);
            actual.put("command " + name, HexFormat.of().formatHex(bytes));
        });
        byte[] requested = CommandCodec.encode(Commands.requested(7, 9, new Command.DeleteConfig(1)));
        assertThat(CommandCodec.encode(CommandCodec.decode(requested))).isEqualTo(requested);
        actual.put("command with a request number", HexFormat.of().formatHex(requested));
        for (ConfluxError error : errors()) {
            var outcome = new Outcome.Rejected(9, error);
            byte[] bytes = CommandCodec.encodeOutcome(outcome);
            assertThat(CommandCodec.decodeOutcome(bytes)).isEqualTo(outcome);
            actual.put(
                    "outcome " + error.getClass().getSimpleName(),
                    HexFormat.of().formatHex(bytes));
        }
        var store = new InMemoryStateStore();
        var state = new ConfigState(store);
        int i = 0;
        for (Command command : commands().values()) {
            byte[] bytes = state.apply(List.of(
                            Commands.entry(state.applied().index() + 1, Commands.keyed("k" + i, "hash", command))))
                    .getFirst();
            Outcome outcome = CommandCodec.decodeOutcome(bytes);
            assertThat(outcome).as("%s", command).isInstanceOf(Outcome.Accepted.class);
            assertThat(CommandCodec.encodeOutcome(outcome)).isEqualTo(bytes);
            actual.put("outcome accepted " + i++, HexFormat.of().formatHex(bytes));
            dump(store, "after " + i, actual);
        }
        var text = new StringBuilder();
        actual.forEach(
                (name, hex) -> text.append(name).append(" = ").append(hex).append('\n'));
        if (Boolean.getBoolean("golden.update")) {
            Files.createDirectories(FILE.getParent());
            Files.writeString(FILE, text);
        }
        assertThat(text.toString()).isEqualTo(Files.readString(FILE));
    }

    private static void dump(StateStore store, String title, Map<String, String> into) {
        for (StateArea area : StateArea.values()) {
            store.scan(area.from(), area.to(), StateReads.Order.ASCENDING, (key, value) -> {
                into.put(
                        title + " " + area + " " + HexFormat.of().formatHex(key),
                        HexFormat.of().formatHex(value));
                return true;
            });
        }
    }

    private static Map<String, Command> commands() {
        var rich = new NewVersion(
                new byte[] {0, 1, (byte) 0xff},
                "ab".repeat(32),
                new Format("json"),
                "d",
                "{}",
                new Encryption("AES-256-GCM", new byte[] {1, 2}, "kek/1", new byte[] {3}));
        var metadata = new Metadata(
                "about",
                "{}",
                new RetentionPolicy(30, 5),
                new TreeMap<>(Map.of("a", "1", "b", "2")),
                false,
                false,
                new ApprovalSettings(true, "hook"));
        var rule = new Release(new TreeMap<>(Map.of("region", "eu")), 1, -5, 2_500, "user", "salt");
        Map<String, Command> all = new LinkedHashMap<>();
        all.put(
                "CreateConfig",
                new Command.CreateConfig(
                        ConfigKey.of("t", "a", "e", "n"), metadata, rich, List.of(Commands.fresh()), "c"));
        all.put("CreateVersion", new Command.CreateVersion(1, rich, 1L));
        all.put(
                "UpdateMetadata",
                new Command.UpdateMetadata(
                        1,
                        new MetadataPatch(
                                "new",
                                null,
                                true,
                                new RetentionPolicy(null, 7),
                                new TreeMap<>(Map.of("c", "3")),
                                List.of("a"),
                                false,
                                false,
                                new ApprovalSettings(false, null)),
                        1L));
        all.put(
                "UpdateReleases",
                new Command.UpdateReleases(1, List.of(Command.PlannedRelease.existing(rule)), "c", 1L));
        all.put("PublishMakeDefault", Commands.publish(1, "text"));
        all.put(
                "PublishReplace",
                new Command.Publish(
                        List.of(new Command.PublishItem(
                                1, rich, new Command.ReleasePlan.Replace(List.of(Commands.fresh())), 3L, 3L)),
                        "c"));
        all.put(
                "PublishAddRule",
                new Command.Publish(
                        List.of(new Command.PublishItem(
                                1,
                                rich,
                                new Command.ReleasePlan.AddRule(new Command.PlannedRelease(rule, true)),
                                null,
                                null)),
                        "c"));
        all.put("RollbackStable", new Command.Rollback(1, 1, Command.RollbackMode.STABLE_ONLY, "c", 5L));
        all.put("RollbackEmergency", new Command.Rollback(1, 2, Command.RollbackMode.EMERGENCY, "c", null));
        all.put("DeleteConfig", new Command.DeleteConfig(1));
        all.put("CreateConfigToPrune", Commands.create("t/a/e/p", "one"));
        all.put("CreateVersionToPrune", new Command.CreateVersion(2, Commands.content("two"), null));
        all.put(
                "GcConfigure",
                new Command.Gc(new Command.GcStep.Configure(
                        new GcSettings(new RetentionPolicy(1, 1, RetentionPolicy.Strategy.AND), 10, 1))));
        all.put("UpdateMetadataToPrune", new Command.UpdateMetadata(2, Commands.attribute("a", "b"), null));
        all.put("GcRequestCycle", new Command.Gc(new Command.GcStep.RequestCycle()));
        all.put("PruneVersions", new Command.PruneVersions(2, 7, List.of(1L), List.of(), List.of(1L)));
        all.put("GcEnd", new Command.Gc(new Command.GcStep.End(7, "archive")));
        all.put("TrashMoveIn", new Command.Trash(2, new Command.TrashStep.MoveIn()));
        all.put("TrashRestore", new Command.Trash(2, new Command.TrashStep.Restore()));
        all.put("TrashMoveInAgain", new Command.Trash(2, new Command.TrashStep.MoveIn()));
        all.put("TrashPurge", new Command.Trash(2, new Command.TrashStep.Purge()));
        // At the stamp of the second move: the test's 20th command.
        all.put("TrashRemove", new Command.Trash(2, new Command.TrashStep.Remove(8, Commands.T0 + 20)));
        return all;
    }

    private static List<ConfluxError> errors() {
        return List.of(
                new ConfluxError.InvalidArgument("f", "v", "r"),
                new ConfluxError.InvalidContent(
                        ErrorCode.SCHEMA_VIOLATION, List.of(new ConfluxError.Violation("/a", 1, 2, "type", "m"))),
                new ConfluxError.Unauthenticated("m"),
                new ConfluxError.PermissionDenied("read", "a/e/n"),
                new ConfluxError.NotFound(ErrorCode.CONFIG_NOT_FOUND, "config 1"),
                new ConfluxError.AlreadyExists("config"),
                new ConfluxError.CasMismatch(ConfluxError.Counter.METADATA, 1, 2),
                new ConfluxError.CasRequired(ConfluxError.Counter.RELEASES, 3),
                new ConfluxError.TooLarge("content", 2, 1),
                new ConfluxError.IdempotencyKeyReused("k"),
                new ConfluxError.IdempotencyExpired("k"),
                new ConfluxError.QuotaExceeded("max_configs", 5),
                new ConfluxError.RateLimited("writes", 3),
                new ConfluxError.Unavailable(ErrorCode.NO_LEADER, "m"),
                new ConfluxError.Indeterminate("k"),
                new ConfluxError.VersionInUse(1, 2, VersionFate.ROLLBACK_TARGET),
                new ConfluxError.ConfigInUse(1, 1_700_000_000_000L, 2, 3, 600, List.of(4, 5)),
                new ConfluxError.Internal("m"));
    }
}
