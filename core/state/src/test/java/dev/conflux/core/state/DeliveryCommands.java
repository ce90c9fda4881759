package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.ScheduleCommand;
import java.util.List;
import java.util.Map;
import java.util.Random;
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

    /** What comes now and then in a stream of commands, over the same few configs. */
    static Command random(Random random, long nowMillis) {
        long id = 1L + random.nextInt(12);
        return switch (random.nextInt(4)) {
            case 0 -> canary(id, "canary-" + random.nextInt(1000), random.nextInt(3) * 30);
            case 1 -> promote(id, 1 + random.nextInt(3), nowMillis + random.nextInt(3_600_000) - 60_000);
            case 2 ->
                schedule(
                        id,
                        1 + random.nextInt(3),
                        rule(Map.of("z", "y"), 1 + random.nextInt(2)),
                        random.nextBoolean() ? ScheduleCommand.Pin.VERSION : ScheduleCommand.Pin.RELEASES,
                        nowMillis + random.nextInt(600_000));
            default -> new ScheduleCommand.RunSchedule(id, 1 + random.nextInt(40));
        };
    }
}
