package dev.conflux.core.state;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.RequestId;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.RetentionPolicy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Commands for tests, and a seeded stream of them. */
public final class Commands {

    public static final long T0 = 1_700_000_000_000L;

    private Commands() {}

    public static NewVersion content(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new NewVersion(
                bytes,
                HexFormat.of().formatHex(SnapshotFiles.sha256().digest(bytes)),
                Format.TEXT,
                "about " + text,
                null,
                null);
    }

    public static Command.CreateConfig create(String path, String text, Command.PlannedRelease... releases) {
        String[] parts = path.split("/", -1);
        return new Command.CreateConfig(
                ConfigKey.of(parts[0], parts[1], parts[2], parts[3]),
                Metadata.EMPTY,
                content(text),
                List.of(releases),
                "first");
    }

    public static Command.PlannedRelease fresh() {
        return new Command.PlannedRelease(Release.defaultTo(0), true);
    }

    public static Command.Publish publish(long configId, String text) {
        return new Command.Publish(
                List.of(new Command.PublishItem(
                        configId, content(text), new Command.ReleasePlan.MakeDefault(), null, null)),
                "go");
    }

    public static MetadataPatch attribute(String key, String value) {
        return new MetadataPatch(
                null, null, false, null, new TreeMap<>(Map.of(key, value)), List.of(), null, null, null);
    }

    public static CommandEnvelope envelope(Command command) {
        return new CommandEnvelope("ann", 7, "0af7651916cd43dd8448eb211c80319c", null, command);
    }

    public static CommandEnvelope keyed(String key, String hash, Command command) {
        return new CommandEnvelope(
                "ann",
                7,
                "0af7651916cd43dd8448eb211c80319c",
                new CommandEnvelope.IdempotencyKey("acme/7", key, hash.getBytes(StandardCharsets.UTF_8)),
                command);
    }

    /** A write without a key of the client's, proposed by a node that had applied {@code afterIndex}. */
    public static CommandEnvelope requested(long id, long afterIndex, Command command) {
        return new CommandEnvelope(
                "ann",
                7,
                "0af7651916cd43dd8448eb211c80319c",
                new CommandEnvelope.RequestKey(new RequestId(42, id), afterIndex),
                command);
    }

    /** A UUID of version 7. */
    public static String uuid(long madeAtMillis, int number) {
        String time = String.format(Locale.ROOT, "%012x", madeAtMillis);
        return time.substring(0, 8) + "-" + time.substring(8) + "-7000-8000-"
                + String.format(Locale.ROOT, "%012x", number);
    }

    public static LogEntry entry(long index, CommandEnvelope envelope) {
        return new LogEntry(new LogPosition(index, 1), T0 + index, CommandCodec.encode(envelope));
    }

    /** Applies one command at the next index. */
    public static Outcome apply(ConfigState state, CommandEnvelope envelope) {
        return CommandCodec.decodeOutcome(
                state.apply(List.of(entry(state.applied().index() + 1, envelope)))
                        .getFirst());
    }

    public static Outcome apply(ConfigState state, Command command) {
        return apply(state, envelope(command));
    }

    /** A mix of good and bad commands over few names, so that they meet. */
    public static List<LogEntry> random(long seed, int count) {
        var random = new Random(seed);
        var entries = new ArrayList<LogEntry>();
        for (int i = 1; i <= count; i++) {
            Command command = i % 5 == 3 ? DeliveryCommands.random(random, T0 + i * 60_000L) : randomCommand(random);
            // The clock of a new leader may be behind.
            long stamp = T0 + i * 60_000L - random.nextInt(200_000);
            CommandEnvelope envelope = switch (random.nextInt(6)) {
                case 0, 1 -> keyed("k" + random.nextInt(40), "h" + random.nextInt(2), command);
                case 2 -> {
                    int made = Math.max(0, i - 1 - random.nextInt(40));
                    yield keyed(uuid(T0 + made * 60_000L + random.nextInt(300_000), made), "h", command);
                }
                case 3 -> {
                    // A number is made once, so it always goes with the same index.
                    int made = Math.max(0, i - 1 - random.nextInt(40));
                    yield requested(made, made * 2L, command);
                }
                default -> envelope(command);
            };
            entries.add(new LogEntry(new LogPosition(i * 2L, 1 + i / 50), stamp, CommandCodec.encode(envelope)));
        }
        return entries;
    }

    private static Command randomCommand(Random random) {
        long id = 1L + random.nextInt(12);
        String text = "content-" + random.nextInt(1000);
        return switch (random.nextInt(10)) {
            case 0, 1, 2 ->
                create(
                        "t" + random.nextInt(2) + "/Iapp/prod/In" + random.nextInt(6),
                        text,
                        random.nextBoolean() ? new Command.PlannedRelease[] {fresh()} : new Command.PlannedRelease[0]);
            case 3 -> new Command.CreateVersion(id, content(text), cas(random));
            case 4 -> new Command.UpdateMetadata(id, attribute("a" + random.nextInt(3), text), cas(random));
            case 5 -> new Command.UpdateReleases(id, List.of(rule(random), rule(random)), "rules", cas(random));
            case 6, 7 -> {
                var items = new ArrayList<Command.PublishItem>();
                for (int i = random.nextInt(3); i >= 0; i--) {
                    Command.ReleasePlan plan = switch (random.nextInt(3)) {
                        case 0 -> new Command.ReleasePlan.MakeDefault();
                        case 1 -> new Command.ReleasePlan.AddRule(rule(random));
                        default -> new Command.ReleasePlan.Replace(List.of(rule(random), fresh()));
                    };
                    items.add(new Command.PublishItem(
                            1 + random.nextInt(12), content(text + i), plan, cas(random), null));
                }
                yield new Command.Publish(items, "publish");
            }
            case 8 ->
                new Command.Rollback(
                        id,
                        1 + random.nextInt(3),
                        random.nextBoolean() ? Command.RollbackMode.EMERGENCY : Command.RollbackMode.STABLE_ONLY,
                        "back",
                        cas(random));
            default ->
                switch (random.nextInt(7)) {
                    case 0, 1 -> new Command.DeleteConfig(id);
                    case 2 -> collection(id, random);
                    case 3 -> trash(id, random);
                    default -> publish(id, text);
                };
        };
    }

    /** Of garbage collection. */
    private static Command collection(long id, Random random) {
        return switch (random.nextInt(6)) {
            case 0 ->
                new Command.Gc(new Command.GcStep.Configure(
                        new GcSettings(new RetentionPolicy(null, 1 + random.nextInt(2)), 10, 1 + random.nextInt(2))));
            case 1 -> new Command.Gc(new Command.GcStep.RequestCycle());
            case 2 -> new Command.Gc(new Command.GcStep.End(1 + random.nextInt(9), ""));
            default ->
                new Command.PruneVersions(
                        id,
                        1 + random.nextInt(9),
                        random.nextBoolean() ? List.of(1L + random.nextInt(4)) : List.of(),
                        List.of(),
                        random.nextBoolean() ? List.of(1L) : List.of());
        };
    }

    private static Command trash(long id, Random random) {
        return new Command.Trash(
                id,
                switch (random.nextInt(6)) {
                    case 0, 1, 2 -> new Command.TrashStep.MoveIn();
                    case 3, 4 -> new Command.TrashStep.Restore();
                    default -> new Command.TrashStep.Purge();
                });
    }

    private static @Nullable Long cas(Random random) {
        return random.nextInt(4) == 0 ? Long.valueOf((long) random.nextInt(4)) : null;
    }

    private static Command.PlannedRelease rule(Random random) {
        var labels = new TreeMap<String, String>();
        for (int i = random.nextInt(3); i > 0; i--) {
            labels.put("l" + random.nextInt(4), "v" + random.nextInt(2));
        }
        return new Command.PlannedRelease(
                new Release(
                        labels,
                        1 + random.nextInt(3),
                        random.nextInt(3),
                        random.nextBoolean() ? random.nextInt(10_001) : null,
                        Release.DEFAULT_BUCKET_BY,
                        "s"),
                random.nextBoolean());
    }
}
