package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.model.VersionFate;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a schedule or a rollout is going to serve never falls to retention. */
class PlannedVersionsTest extends DeliveryFixture {

    @BeforeEach
    void keepTheNewestVersionOnly() {
        for (int i = 3; i <= 6; i++) {
            accepted(new Command.CreateVersion(1, Commands.content("text " + i), null));
        }
        accepted(new Command.Gc(new Command.GcStep.Configure(new GcSettings(new RetentionPolicy(null, 1), 10, 1))));
    }

    @Test
    void shouldKeepWhatAScheduleIsGoingToServe() {
        // given
        accepted(DeliveryCommands.promote(1, 3, now + MINUTE));
        accepted(DeliveryCommands.schedule(
                1, 4, DeliveryCommands.rule(Map.of("z", "y"), 5), ScheduleCommand.Pin.VERSION, now + MINUTE));

        // when, then
        for (long version : List.of(3L, 4L, 5L)) {
            assertThat(refused(prune(version)))
                    .isEqualTo(new ConfluxError.VersionInUse(1, version, VersionFate.PLANNED));
        }
        accepted(prune(2));
    }

    @Test
    void shouldLetItGoOnceTheScheduleIsCancelled() {
        // given
        var scheduled = (Result.ScheduleChanged)
                accepted(DeliveryCommands.promote(1, 3, now + MINUTE)).result();

        // when
        accepted(new ScheduleCommand.CancelSchedule(1, scheduled.schedule().id(), ""));

        // then
        accepted(prune(3));
    }

    @Test
    void shouldKeepWhatARolloutServesInLaterStagesAndGoesBackTo() {
        // given
        var started = (Result.RolloutChanged)
                accepted(DeliveryCommands.rollout(1, 2, MINUTE)).result();

        // when, then
        assertThat(refused(prune(2))).isInstanceOf(ConfluxError.VersionInUse.class);
        assertThat(refused(prune(1))).isInstanceOf(ConfluxError.VersionInUse.class);
        accepted(
                new RolloutCommand.SteerRollout(1, started.rollout().id(), null, RolloutCommand.Direction.ADVANCE, ""));
        assertThat(refused(prune(2))).isInstanceOf(ConfluxError.VersionInUse.class);
    }

    private static Command prune(long version) {
        return new Command.PruneVersions(1, 1, List.of(version), List.of(), List.of());
    }
}
