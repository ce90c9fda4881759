package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.RolloutCommand.Direction;
import dev.conflux.core.model.RolloutCommand.Verdict;
import dev.conflux.core.model.ScheduleCommand;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Commands about schedules and rollouts, for tests. */
public final class DeliveryCommands {

    private DeliveryCommands() {}

    /** The version becomes the default at a time, if nobody changes the rules before. */
    public static ScheduleCommand.CreateSchedule promote(long configId, long versionId, long dueAtMillis) {
        return schedule(configId, versionId, new ReleasePlan.MakeDefault(), ScheduleCommand.Pin.RELEASES, dueAtMillis);
    }

    public static ScheduleCommand.CreateSchedule schedule(
            long configId, long versionId, ReleasePlan plan, ScheduleCommand.Pin pin, long dueAtMillis) {
        return new ScheduleCommand.CreateSchedule(configId, versionId, null, plan, pin, dueAtMillis, "later", null);
    }

    public static ReleasePlan rule(Map<String, String> labels, long versionId) {
        return new ReleasePlan.AddRule(Command.PlannedRelease.existing(Release.of(labels, versionId, 9)));
    }

    /** A publish of a canary that becomes the default later. */
    public static Command.Publish canary(long configId, String text, @Nullable Integer minutes) {
        var rule = new Command.PlannedRelease(Release.of(Map.of("canary", "true"), 0, 9), true);
        return new Command.Publish(
                List.of(new Command.PublishItem(
                        configId, Commands.content(text), new ReleasePlan.AddRule(rule), null, null, minutes)),
                "canary");
    }

    /** By share, then by label, then to everybody. */
    public static RolloutCommand.StartRollout rollout(long configId, long versionId, long bakeMillis) {
        return new RolloutCommand.StartRollout(
                configId,
                null,
                versionId,
                List.of(
                        new Rollout.Stage(new TreeMap<>(), 1_000, bakeMillis, List.of()),
                        new Rollout.Stage(
                                new TreeMap<>(Map.of("canary", "true")), null, bakeMillis, List.of(new Gate.Manual()))),
                Release.DEFAULT_BUCKET_BY,
                "rollout",
                null,
                null);
    }

    /** Steers or steps some rollout; now and then there is one with that id. */
    private static Command guess(Random random, long configId) {
        long rollout = 1L + random.nextInt(120);
        return random.nextBoolean()
                ? new RolloutCommand.SteerRollout(
                        configId, rollout, null, any(Direction.values(), random, Direction.values().length), "")
                : new RolloutCommand.StepRollout(
                        configId, rollout, rollout, any(Verdict.values(), random, Verdict.values().length), "");
    }

    /** What comes now and then in a stream of commands, over the same few configs. */
    static Command random(Random random, long nowMillis) {
        long id = 1L + random.nextInt(12);
        return switch (random.nextInt(6)) {
            case 0 -> canary(id, "canary-" + random.nextInt(1000), random.nextInt(3) * 30);
            case 1 -> promote(id, 1 + random.nextInt(3), nowMillis + random.nextLong(3_600_000) - 60_000);
            case 2 ->
                schedule(
                        id,
                        1 + random.nextInt(3),
                        rule(Map.of("z", "y"), 1 + random.nextInt(2)),
                        random.nextBoolean() ? ScheduleCommand.Pin.VERSION : ScheduleCommand.Pin.RELEASES,
                        nowMillis + random.nextLong(600_000));
            case 3 ->
                random.nextInt(3) == 0
                        ? rollout(id, 1 + random.nextInt(2), 60_000L * random.nextInt(5))
                        : guess(random, id);
            case 4 -> guess(random, id);
            default -> new ScheduleCommand.RunSchedule(id, 1 + random.nextInt(40));
        };
    }

    /** One of the first {@code count}. */
    static <T> T any(T[] values, Random random, int count) {
        return Arrays.asList(values).get(random.nextInt(count));
    }
}
