package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.RolloutCommand.Direction;
import dev.conflux.core.model.RolloutCommand.Verdict;
import dev.conflux.core.model.ScheduleCommand;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Bytes of schedules and rollouts, as logs and stores hold them: a changed line here is a broken upgrade. */
class DeliveryEncodingTest extends DeliveryFixture {

    private static final Path FILE = Path.of("src/test/golden/delivery-v1.txt");

    private final StringBuilder text = new StringBuilder();

    @Test
    void shouldWriteTheBytesOfVersionOne() throws Exception {
        say(DeliveryCommands.canary(1, "three", 7));
        say(new ScheduleCommand.CreateSchedule(
                1,
                2,
                Commands.content("two").hash(),
                new Command.ReleasePlan.Replace(List.of(Command.PlannedRelease.existing(Release.defaultTo(2)))),
                ScheduleCommand.Pin.RELEASES,
                now + MINUTE,
                "c",
                2L));
        say(DeliveryCommands.schedule(
                1, 2, DeliveryCommands.rule(Map.of("a", "b"), 2), ScheduleCommand.Pin.VERSION, now + MINUTE));
        say(new ScheduleCommand.CancelSchedule(1, 3, "no"));
        now += MINUTE;
        say(new ScheduleCommand.RunSchedule(1, 4));
        var stages = List.of(
                new Rollout.Stage(
                        new TreeMap<>(Map.of("canary", "true")),
                        null,
                        1_000,
                        List.of(
                                new Gate.Manual(),
                                new Gate.Webhook("https://h/x"),
                                new Gate.Prometheus("http://p:9090", "up", Gate.Comparison.LESS_OR_EQUAL, 0.25))),
                new Rollout.Stage(new TreeMap<>(), 500, 0, List.of()));
        say(new RolloutCommand.StartRollout(1, Commands.content("four"), 0, stages, "user", "c", 3L, 3L));
        long id = state.view().revision();
        now += MINUTE;
        say(new RolloutCommand.StepRollout(1, id, id, Verdict.PASS, "r"));
        for (Direction direction :
                List.of(Direction.ADVANCE, Direction.PAUSE, Direction.RESUME, Direction.ROLL_BACK, Direction.CANCEL)) {
            say(new RolloutCommand.SteerRollout(1, id, direction == Direction.PAUSE ? 1 : null, direction, "c"));
        }
        say(new RolloutCommand.StepRollout(1, id, id, Verdict.FAIL, "r"));
        say(new RolloutCommand.StepRollout(1, id, id, Verdict.UNKNOWN, "r"));
        say(DeliveryCommands.rollout(1, 1, MINUTE));
        outcome(new Outcome.Rejected(
                9, new ConfluxError.DeliveryConflict(ErrorCode.ROLLOUT_IN_PROGRESS, "rollout 3 runs")));
        for (StateArea area : List.of(
                StateArea.META, StateArea.SCHEDULES, StateArea.ROLLOUTS, StateArea.AGENDA, StateArea.ACTIVE_ROLLOUTS)) {
            store.scan(area.from(), area.to(), StateReads.Order.ASCENDING, (key, value) -> {
                line(area + " " + HexFormat.of().formatHex(key), value);
                return true;
            });
        }

        if (Boolean.getBoolean("golden.update")) {
            Files.writeString(FILE, text);
        }
        assertThat(text.toString()).isEqualTo(Files.readString(FILE));
    }

    private void say(Command command) {
        line("command " + command.getClass().getSimpleName(), CommandCodec.encode(Commands.envelope(command)));
        outcome(apply(command, "ann"));
    }

    private void outcome(Outcome outcome) {
        byte[] bytes = CommandCodec.encodeOutcome(outcome);
        assertThat(CommandCodec.decodeOutcome(bytes)).isEqualTo(outcome);
        line("outcome", bytes);
    }

    private void line(String name, byte[] bytes) {
        text.append(name).append(" = ").append(HexFormat.of().formatHex(bytes)).append('\n');
    }
}
