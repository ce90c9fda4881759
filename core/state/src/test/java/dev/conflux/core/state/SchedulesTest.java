package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Command.ReleasePlan;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Schedules: every transition and every refusal. */
class SchedulesTest extends DeliveryFixture {

    @Test
    void shouldPromoteOnceWhenDueAndSayWho() {
        // given
        Schedule schedule = scheduled(DeliveryCommands.promote(1, 2, now + MINUTE));
        assertThat(schedule.state()).isEqualTo(Schedule.State.PENDING);
        assertThat(schedule.isPromotion()).isTrue();
        assertThat(schedule.pinnedReleases()).isEqualTo(1);
        assertThat(state.agenda()).isEqualTo(new Agenda(now + MINUTE, 1, 0));
        assertThat(state.reader().agenda(null, now, 10)).isEmpty();
        assertThat(state.reader().agenda(null, now + MINUTE, 10))
                .containsExactly(new Agenda.Item(now + MINUTE, Agenda.Kind.SCHEDULE, 1, schedule.id()));
        assertThat(served(Labels.NONE)).isEqualTo(1);

        // when
        assertThat(refused(run(schedule)).code()).isEqualTo(ErrorCode.SCHEDULE_NOT_DUE);
        now += MINUTE;
        Schedule done = changed(apply(run(schedule), schedule.author()));

        // then
        assertThat(done.state()).isEqualTo(Schedule.State.DONE);
        assertThat(done.endedRevision()).isEqualTo(state.view().revision());
        assertThat(served(Labels.NONE)).isEqualTo(2);
        assertThat(events)
                .singleElement()
                .satisfies(event -> assertThat(event.after()).containsExactly(Release.defaultTo(2)));
        ReleaseChange change =
                state.reader().releaseHistory(1, Long.MAX_VALUE, 10).getFirst();
        assertThat(change.changedBy()).isEqualTo("schedule " + schedule.id() + " of ann");
        assertThat(change.action()).isEqualTo("schedule");
        assertThat(change.comment()).isEqualTo("later");
        assertThat(state.agenda()).isEqualTo(new Agenda(Agenda.NOTHING, 0, 0));
        // and a deposed leader's late command changes nothing
        assertThat(refused(run(schedule)).code()).isEqualTo(ErrorCode.SCHEDULE_NOT_PENDING);
        assertThat(state.reader().releaseHistory(1, Long.MAX_VALUE, 10)).hasSize(2);
        assertThat(state.reader().schedule(1, schedule.id())).contains(done);
    }

    @Test
    void shouldFailWithoutEffectWhenTheReviewedRulesHaveChanged() {
        Schedule schedule = scheduled(DeliveryCommands.promote(1, 2, now + MINUTE));
        accepted(new Command.Rollback(1, 1, Command.RollbackMode.EMERGENCY, "", null));
        long history = state.reader().releaseHistory(1, Long.MAX_VALUE, 10).size();
        now += MINUTE;

        Schedule failed = changed(accepted(run(schedule)));

        assertThat(failed.state()).isEqualTo(Schedule.State.FAILED);
        assertThat(failed.reason()).contains("releases_revision: 2 (expected: 1, the one that was reviewed");
        assertThat(served(Labels.NONE)).isEqualTo(1);
        assertThat(state.reader().releaseHistory(1, Long.MAX_VALUE, 10)).hasSize((int) history);
        assertThat(events).isEmpty();
        assertThat(state.agenda().pendingSchedules()).isZero();
    }

    @Test
    void shouldLayAPlanOverWhateverRulesThereAreWhenOnlyTheVersionIsPinned() {
        Schedule schedule = scheduled(DeliveryCommands.schedule(
                1, 2, DeliveryCommands.rule(Map.of("beta", "1"), 2), ScheduleCommand.Pin.VERSION, now + MINUTE));
        accepted(Commands.publish(1, "three"));
        now += MINUTE;

        assertThat(changed(accepted(run(schedule))).state()).isEqualTo(Schedule.State.DONE);

        assertThat(served(Labels.NONE)).isEqualTo(3);
        assertThat(served(Labels.of(Map.of("beta", "1")))).isEqualTo(2);
    }

    @Test
    void shouldFailOnceWhenThereIsNoRoomForItsRule() {
        Schedule schedule = scheduled(DeliveryCommands.schedule(
                1, 2, DeliveryCommands.rule(Map.of("beta", "1"), 2), ScheduleCommand.Pin.VERSION, now + MINUTE));
        var full = new ArrayList<Command.PlannedRelease>();
        for (int i = 0; i < Release.MAX_RULES; i++) {
            full.add(Command.PlannedRelease.existing(Release.of(Map.of("n", "" + i), 1, 1)));
        }
        accepted(new Command.UpdateReleases(1, full, "", null));
        now += MINUTE;
        Schedule failed = changed(accepted(run(schedule)));
        assertThat(failed.state()).isEqualTo(Schedule.State.FAILED);
        assertThat(failed.reason()).contains("at most 256 rules");
        assertThat(state.reader().releaseHistory(1, Long.MAX_VALUE, 10)).hasSize(2);
    }

    @Test
    void shouldReplaceAllRulesWhenThePlanSaysSo() {
        var rules = List.of(
                Command.PlannedRelease.existing(Release.of(Map.of("beta", "1"), 1, 5)),
                Command.PlannedRelease.existing(Release.defaultTo(2)));
        Schedule schedule = scheduled(DeliveryCommands.schedule(
                1, 2, new ReleasePlan.Replace(rules), ScheduleCommand.Pin.RELEASES, now + MINUTE));
        now += 2 * MINUTE;
        accepted(run(schedule));
        assertThat(served(Labels.NONE)).isEqualTo(2);
        assertThat(served(Labels.of(Map.of("beta", "1")))).isEqualTo(1);
    }

    @Test
    void shouldPromoteACanaryAfterItsMinutesByLogTime() {
        // given
        Outcome.Accepted outcome = accepted(DeliveryCommands.canary(1, "three", 5));
        var published = ((Result.Published) outcome.result()).items().getFirst();
        Schedule promotion = Objects.requireNonNull(published.promotion());
        assertThat(promotion.id()).isEqualTo(outcome.revision());
        assertThat(promotion.dueAtMillis()).isEqualTo(now + 5 * MINUTE);
        assertThat(promotion.pinnedReleases()).isEqualTo(published.config().releasesRevision());
        assertThat(served(Labels.NONE)).isEqualTo(1);

        // when
        now += 5 * MINUTE;
        accepted(run(promotion));

        // then
        assertThat(served(Labels.NONE)).isEqualTo(3);
        assertThat(refused(DeliveryCommands.canary(1, "x", 0)))
                .isEqualTo(new ConfluxError.InvalidArgument("make_default_after_minutes", "0", "1 to 527040"));
        assertThat(state.reader().version(1, 4)).as("all or nothing").isEmpty();
    }

    @Test
    void shouldCancelOnceAndOnlyWhilePending() {
        Schedule schedule = scheduled(DeliveryCommands.promote(1, 2, now + MINUTE));
        var cancel = new ScheduleCommand.CancelSchedule(1, schedule.id(), "not today");

        Schedule cancelled = changed(accepted(cancel));

        assertThat(cancelled.state()).isEqualTo(Schedule.State.CANCELLED);
        assertThat(cancelled.reason()).isEqualTo("not today");
        assertThat(cancelled.endedBy()).isEqualTo("ann");
        now += MINUTE;
        assertThat(refused(run(schedule)).code()).isEqualTo(ErrorCode.SCHEDULE_NOT_PENDING);
        assertThat(refused(cancel).message()).contains("is cancelled since revision " + cancelled.endedRevision());
        assertThat(served(Labels.NONE)).isEqualTo(1);
    }

    @Test
    void shouldRefuseWhatCannotBeScheduled() {
        assertThat(refused(DeliveryCommands.promote(9, 1, now + 1)).code()).isEqualTo(ErrorCode.CONFIG_NOT_FOUND);
        assertThat(refused(DeliveryCommands.promote(1, 9, now + 1)).code()).isEqualTo(ErrorCode.VERSION_NOT_FOUND);
        assertThat(refused(DeliveryCommands.promote(1, 2, now)).message()).startsWith("due_at: 0 ms from now");
        assertThat(refused(DeliveryCommands.promote(1, 2, now + Schedule.MAX_AHEAD_MILLIS + 1))
                        .message())
                .contains("by at most 366 days");
        assertThat(refused(DeliveryCommands.schedule(
                        1, 2, DeliveryCommands.rule(Map.of(), 7), ScheduleCommand.Pin.VERSION, now + 1)))
                .isInstanceOf(ConfluxError.NotFound.class);
        assertThat(refused(new ScheduleCommand.CreateSchedule(
                        1, 2, "00", new ReleasePlan.MakeDefault(), ScheduleCommand.Pin.RELEASES, now + 1, "", null)))
                .isInstanceOf(ConfluxError.InvalidArgument.class);
        assertThat(refused(new ScheduleCommand.CreateSchedule(
                        1, 2, null, new ReleasePlan.MakeDefault(), ScheduleCommand.Pin.RELEASES, now + 1, "", 7L)))
                .isEqualTo(new ConfluxError.CasMismatch(ConfluxError.Counter.RELEASES, 7, 1));
        assertThat(refused(new ScheduleCommand.RunSchedule(1, 5)))
                .isEqualTo(new ConfluxError.NotFound(ErrorCode.NOT_FOUND, "schedule 5 of config 1"));
        assertThat(state.agenda()).isEqualTo(new Agenda(Agenda.NOTHING, 0, 0));
    }

    @Test
    void shouldBoundPendingAndKeptSchedulesPerConfig() {
        for (int i = 0; i < Schedule.MAX_PENDING; i++) {
            scheduled(DeliveryCommands.promote(1, 2, now + MINUTE + i));
        }
        assertThat(refused(DeliveryCommands.promote(1, 2, now + MINUTE)))
                .isEqualTo(new ConfluxError.QuotaExceeded("pending schedules of config 1", Schedule.MAX_PENDING));
        for (int i = 0; i < Schedule.MAX_KEPT + 20; i++) {
            Schedule first = state.reader().schedules(1, Long.MAX_VALUE, 1000).stream()
                    .filter(schedule -> schedule.state() == Schedule.State.PENDING)
                    .findFirst()
                    .orElseThrow();
            accepted(new ScheduleCommand.CancelSchedule(1, first.id(), ""));
            scheduled(DeliveryCommands.promote(1, 2, now + MINUTE));
        }
        assertThat(state.reader().schedules(1, Long.MAX_VALUE, 1000)).hasSize(Schedule.MAX_PENDING + Schedule.MAX_KEPT);
        assertThat(state.agenda().pendingSchedules()).isEqualTo(Schedule.MAX_PENDING);
    }

    @Test
    void shouldForgetTheSchedulesOfADeletedConfig() {
        scheduled(DeliveryCommands.promote(1, 2, now + MINUTE));
        Schedule ended = scheduled(DeliveryCommands.promote(1, 2, now + MINUTE));
        accepted(new ScheduleCommand.CancelSchedule(1, ended.id(), ""));
        accepted(new Command.DeleteConfig(1));
        assertThat(state.agenda()).isEqualTo(new Agenda(Agenda.NOTHING, 0, 0));
        assertThat(state.reader().schedules(1, Long.MAX_VALUE, 10)).isEmpty();
    }

    @Test
    void shouldBeInSnapshots() throws Exception {
        Schedule schedule = scheduled(DeliveryCommands.promote(1, 2, now + MINUTE));
        Path files = Files.createDirectory(directory.resolve("snapshot"));
        state.beginSnapshot(files).complete();
        try (var restored = new ConfigState(new InMemoryStateStore())) {
            restored.restore(files);
            assertThat(restored.agenda()).isEqualTo(state.agenda());
            assertThat(restored.reader().schedule(1, schedule.id())).contains(schedule);
        }
    }

    // ---- helpers

    private static ScheduleCommand run(Schedule schedule) {
        return new ScheduleCommand.RunSchedule(schedule.configId(), schedule.id());
    }

    private Schedule scheduled(ScheduleCommand command) {
        return changed(accepted(command));
    }

    private static Schedule changed(Outcome outcome) {
        return ((Result.ScheduleChanged) ((Outcome.Accepted) outcome).result()).schedule();
    }
}
