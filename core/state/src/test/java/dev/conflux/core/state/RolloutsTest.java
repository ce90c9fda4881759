package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.Rollout.Stage;
import dev.conflux.core.model.Rollout.State;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.RolloutCommand.Direction;
import dev.conflux.core.model.RolloutCommand.Verdict;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Rollouts: every transition and every refusal. */
class RolloutsTest extends DeliveryFixture {

    private static final Labels CANARY = Labels.of(Map.of("canary", "true"));

    private static Stage canary(Gate... gates) {
        return new Stage(new TreeMap<>(Map.of("canary", "true")), null, MINUTE, List.of(gates));
    }

    private static Stage share(int hundredths, Gate... gates) {
        return new Stage(new TreeMap<>(), hundredths, MINUTE, List.of(gates));
    }

    private static RolloutCommand.StartRollout start(Stage... stages) {
        return new RolloutCommand.StartRollout(
                1, null, 2, List.of(stages), Release.DEFAULT_BUCKET_BY, "new prices", null, null);
    }

    private static RolloutCommand step(Rollout rollout, Verdict verdict) {
        return new RolloutCommand.StepRollout(1, rollout.id(), rollout.changedRevision(), verdict, "because");
    }

    private static RolloutCommand steer(Rollout rollout, Direction direction) {
        return new RolloutCommand.SteerRollout(1, rollout.id(), null, direction, "I say so");
    }

    private Rollout done(RolloutCommand command) {
        return ((Result.RolloutChanged) accepted(command).result()).rollout();
    }

    private long rules() {
        return state.reader().releaseHistory(1, Long.MAX_VALUE, 100).size();
    }

    @Test
    void shouldGoStageByStageAndMakeTheVersionTheDefaultAtTheEnd() {
        // given
        Rollout rollout = done(start(canary(), share(2_500), share(7_500)));
        assertThat(rollout.state()).isEqualTo(State.RUNNING);
        assertThat(rollout.base()).containsExactly(Release.defaultTo(1));
        assertThat(served(CANARY)).isEqualTo(2);
        assertThat(served(Labels.NONE)).isEqualTo(1);
        assertThat(state.agenda()).isEqualTo(new Agenda(now + MINUTE, 0, 1));

        // when
        assertThat(refused(step(rollout, Verdict.PASS)).message()).contains("its bake time ends in 60000 ms");
        now += MINUTE;
        Rollout second = ((Result.RolloutChanged)
                        ((Outcome.Accepted) apply(step(rollout, Verdict.PASS), rollout.author())).result())
                .rollout();

        // then
        assertThat(second.stage()).isEqualTo(1);
        assertThat(second.enteredAtMillis()).isEqualTo(now);
        assertThat(second.salt()).isEqualTo(rollout.salt());
        assertThat(served(CANARY)).as("who has it keeps it").isEqualTo(2);
        ReleaseChange change =
                state.reader().releaseHistory(1, Long.MAX_VALUE, 1).getFirst();
        assertThat(change.changedBy()).isEqualTo("rollout " + rollout.id() + " of ann");
        assertThat(change.comment()).isEqualTo("rollout " + rollout.id() + ", stage 2 of 3: because");
        assertThat(refused(step(rollout, Verdict.PASS)).code())
                .as("a deposed leader's verdict on the first stage")
                .isEqualTo(ErrorCode.ROLLOUT_STATE_CONFLICT);
        assertThat(events).hasSize(2);

        // when
        now += MINUTE;
        Rollout third = done(step(second, Verdict.PASS));
        now += MINUTE;
        Rollout completed = done(step(third, Verdict.PASS));

        // then
        assertThat(completed.state()).isEqualTo(State.COMPLETED);
        assertThat(completed.history())
                .extracting(Rollout.Step::action)
                .containsExactly("start", "advance", "advance", "complete");
        assertThat(state.reader().config(1).orElseThrow().releases()).containsExactly(Release.defaultTo(2));
        assertThat(state.agenda()).isEqualTo(new Agenda(Agenda.NOTHING, 0, 0));
        assertThat(state.reader().rollout(1, rollout.id())).contains(completed);
        assertThat(refused(step(third, Verdict.PASS)).code()).isEqualTo(ErrorCode.ROLLOUT_STATE_CONFLICT);
        assertThat(refused(steer(completed, Direction.ROLL_BACK)).message()).contains("it has ended");
        assertThat(rules()).isEqualTo(5);
        accepted(Commands.publish(1, "free again"));
    }

    @Test
    void shouldGoBackToTheBaseRulesWhenAGateFails() {
        accepted(new Command.UpdateReleases(
                1,
                List.of(
                        Command.PlannedRelease.existing(Release.of(Map.of("beta", "1"), 2, 5)),
                        Command.PlannedRelease.existing(Release.defaultTo(1))),
                "",
                null));
        List<Release> base = state.reader().config(1).orElseThrow().releases();
        Rollout rollout = done(start(canary(), share(5_000)));
        now += MINUTE;

        Rollout back = done(step(rollout, Verdict.FAIL));

        assertThat(back.state()).isEqualTo(State.ROLLED_BACK);
        assertThat(state.reader().config(1).orElseThrow().releases()).isEqualTo(base);
        assertThat(served(CANARY)).isEqualTo(1);
        assertThat(state.agenda().activeRollouts()).isZero();
    }

    @Test
    void shouldWaitForAPersonAtAManualGateAndPauseWhenAGateCannotBeAsked() {
        Rollout rollout = done(start(canary(new Gate.Manual()), share(5_000)));
        now += MINUTE;
        Rollout waiting = done(step(rollout, Verdict.PASS));
        assertThat(waiting.state()).isEqualTo(State.WAITING_FOR_APPROVAL);
        assertThat(waiting.stage()).isZero();
        assertThat(state.agenda()).isEqualTo(new Agenda(Agenda.NOTHING, 0, 1));
        assertThat(refused(step(waiting, Verdict.PASS)).code()).isEqualTo(ErrorCode.ROLLOUT_STATE_CONFLICT);

        Rollout second = done(steer(waiting, Direction.ADVANCE));
        assertThat(second.stage()).isEqualTo(1);
        assertThat(second.state()).isEqualTo(State.RUNNING);

        now += MINUTE;
        Rollout paused = done(step(second, Verdict.UNKNOWN));
        assertThat(paused.state()).isEqualTo(State.PAUSED);
        assertThat(state.agenda().nextDueMillis()).isEqualTo(Agenda.NOTHING);
        assertThat(refused(steer(paused, Direction.ADVANCE)).message()).contains("resume it first");
        assertThat(refused(steer(paused, Direction.PAUSE)).message()).contains("paused already");
        now += MINUTE;
        Rollout resumed = done(steer(paused, Direction.RESUME));
        assertThat(resumed.dueAtMillis()).as("its bake time begins anew").isEqualTo(now + MINUTE);
        assertThat(refused(steer(resumed, Direction.RESUME)).message()).contains("only a paused one");
        assertThat(refused(new RolloutCommand.SteerRollout(1, rollout.id(), 0, Direction.ADVANCE, ""))
                        .message())
                .contains("is running at stage 2 of 2 (expected: stage 1)");
    }

    @Test
    void shouldEndWhereItIsOrGoBackWhenAPersonSaysSo() {
        Rollout first = done(start(canary()));
        Rollout cancelled = done(steer(first, Direction.CANCEL));
        assertThat(cancelled.state()).isEqualTo(State.CANCELLED);
        assertThat(served(CANARY)).as("the rules stay").isEqualTo(2);
        accepted(new Command.Rollback(1, 1, Command.RollbackMode.EMERGENCY, "", null));

        Rollout second = done(start(canary()));
        assertThat(second.id()).isNotEqualTo(first.id());
        done(steer(second, Direction.PAUSE));
        Rollout back = done(steer(second, Direction.ROLL_BACK));
        assertThat(back.state()).isEqualTo(State.ROLLED_BACK);
        assertThat(back.history().getLast().by()).isEqualTo("ann");
        assertThat(served(CANARY)).isEqualTo(1);
    }

    @Test
    void shouldRefuseEverybodyElseWhileItIsActiveButAnEmergencyRollback() {
        Schedule schedule = ((Result.ScheduleChanged) accepted(DeliveryCommands.schedule(
                                1, 2, new Command.ReleasePlan.MakeDefault(), ScheduleCommand.Pin.VERSION, now + MINUTE))
                        .result())
                .schedule();
        Rollout rollout = done(start(canary()));
        for (Command command : List.of(
                Commands.publish(1, "hotfix"),
                new Command.UpdateReleases(1, List.of(), "", null),
                new Command.Rollback(1, 1, Command.RollbackMode.STABLE_ONLY, "", null),
                start(share(1)))) {
            ConfluxError refused = refused(command);
            assertThat(refused.code()).isEqualTo(ErrorCode.ROLLOUT_IN_PROGRESS);
            assertThat(refused.message())
                    .contains("rollout " + rollout.id() + " of config 1 is running at stage 1 of 1", "/rollouts/");
        }
        accepted(new Command.CreateVersion(1, Commands.content("three"), null));
        now += MINUTE;
        Schedule failed = ((Result.ScheduleChanged) accepted(new ScheduleCommand.RunSchedule(1, schedule.id()))
                        .result())
                .schedule();
        assertThat(failed.state()).isEqualTo(Schedule.State.FAILED);
        assertThat(failed.reason()).contains("rollout " + rollout.id());

        accepted(new Command.Rollback(1, 1, Command.RollbackMode.EMERGENCY, "", null));

        Rollout cancelled = state.reader().rollout(1, rollout.id()).orElseThrow();
        assertThat(cancelled.state()).isEqualTo(State.CANCELLED);
        assertThat(cancelled.history().getLast().reason()).isEqualTo("emergency rollback to version 1");
        assertThat(served(CANARY)).isEqualTo(1);
        assertThat(state.agenda().activeRollouts()).isZero();
    }

    @Test
    void shouldMakeTheVersionInTheSameStep() {
        Outcome.Accepted outcome = accepted(new RolloutCommand.StartRollout(
                1, Commands.content("three"), 0, List.of(canary()), "user", "", 2L, 1L));
        var result = (Result.RolloutChanged) outcome.result();
        assertThat(result.rollout().versionId()).isEqualTo(3);
        assertThat(result.config().latestVersionId()).isEqualTo(3);
        assertThat(served(CANARY)).isEqualTo(3);
        assertThat(state.view().revision()).isEqualTo(outcome.revision());
    }

    @Test
    void shouldLeaveMoreSpecialRulesAloneAndStartFromNothing() {
        accepted(new Command.UpdateReleases(
                1,
                List.of(
                        Command.PlannedRelease.existing(Release.of(Map.of("canary", "true"), 1, 5)),
                        Command.PlannedRelease.existing(Release.defaultTo(1))),
                "",
                null));
        Rollout rollout = done(start(canary(), share(10_000)));
        assertThat(served(CANARY)).isEqualTo(1);
        done(steer(rollout, Direction.ADVANCE));
        assertThat(served(Labels.of(Map.of("client-id", "x")))).isEqualTo(2);
        assertThat(served(CANARY)).isEqualTo(1);
        assertThat(served(Labels.NONE)).as("has no bucket").isEqualTo(1);
        accepted(new Command.Rollback(1, 1, Command.RollbackMode.EMERGENCY, "", null));
        accepted(new Command.UpdateReleases(1, List.of(), "", null));
        Rollout fromNothing = done(start(canary()));
        assertThat(served(CANARY)).isEqualTo(2);
        assertThat(done(steer(fromNothing, Direction.ROLL_BACK)).state()).isEqualTo(State.ROLLED_BACK);
        assertThat(state.reader().config(1).orElseThrow().releases()).isEmpty();
    }

    @Test
    void shouldRefuseWhatCannotBeRolledOut() {
        assertThat(refused(start()).message()).startsWith("stages: 0");
        assertThat(refused(start(new Stage(new TreeMap<>(), null, 0, List.of())))
                        .message())
                .startsWith("stages[0]: everybody");
        assertThat(refused(start(share(500), share(500))).message())
                .isEqualTo("stages[1].percentage: 500 hundredths of a percent (expected: more than the 500 of an"
                        + " earlier stage for the same labels)");
        assertThat(refused(start(share(10_001))).message()).contains("percentage");
        assertThat(refused(start(new Stage(new TreeMap<>(), 5, -1, List.of()))).message())
                .contains("bake_seconds");
        assertThat(refused(start(canary(
                                new Gate.Manual(),
                                new Gate.Manual(),
                                new Gate.Manual(),
                                new Gate.Manual(),
                                new Gate.Manual(),
                                new Gate.Manual())))
                        .message())
                .contains("at most 5 gates");
        assertThat(refused(start(canary(new Gate.Webhook("h".repeat(3_000))))).message())
                .contains("URLs and queries of at most 2048");
        assertThat(refused(new RolloutCommand.StartRollout(1, null, 9, List.of(canary()), "client-id", "", null, null))
                        .code())
                .isEqualTo(ErrorCode.VERSION_NOT_FOUND);
        assertThat(refused(new RolloutCommand.StartRollout(1, null, 2, List.of(canary()), "client-id", "", null, 4L)))
                .isEqualTo(new ConfluxError.CasMismatch(ConfluxError.Counter.RELEASES, 4, 1));
        assertThat(refused(new RolloutCommand.SteerRollout(1, 77, null, Direction.PAUSE, "")))
                .isEqualTo(new ConfluxError.NotFound(ErrorCode.NOT_FOUND, "rollout 77 of config 1"));
        assertThat(state.agenda()).isEqualTo(new Agenda(Agenda.NOTHING, 0, 0));
    }

    @Test
    void shouldForgetTheRolloutsOfADeletedConfigAndBoundWhatItKeeps() {
        for (int i = 0; i < Rollout.MAX_KEPT + 5; i++) {
            done(steer(done(start(canary())), Direction.ROLL_BACK));
        }
        assertThat(state.reader().rollouts(1, Long.MAX_VALUE, 100)).hasSize(Rollout.MAX_KEPT);
        Rollout eventful = done(start(canary()));
        for (int i = 0; i < Rollout.MAX_HISTORY; i++) {
            done(steer(eventful, i % 2 == 0 ? Direction.PAUSE : Direction.RESUME));
        }
        assertThat(state.reader().rollout(1, eventful.id()).orElseThrow().history())
                .hasSize(Rollout.MAX_HISTORY);
        accepted(new Command.DeleteConfig(1));
        assertThat(state.agenda()).isEqualTo(new Agenda(Agenda.NOTHING, 0, 0));
        assertThat(state.reader().rollouts(1, Long.MAX_VALUE, 10)).isEmpty();
    }

    @Test
    void shouldNameTheVersionsThatRetentionMustKeep() {
        accepted(new Command.CreateVersion(1, Commands.content("three"), null));
        accepted(new Command.CreateVersion(1, Commands.content("four"), null));
        accepted(DeliveryCommands.promote(1, 4, now + MINUTE));
        assertThat(kept()).containsExactly(4L);
        Rollout rollout = done(start(canary()));
        assertThat(kept()).containsExactly(1L, 2L, 4L);
        done(steer(rollout, Direction.CANCEL));
        assertThat(kept()).containsExactly(4L);
    }

    private SortedSet<Long> kept() {
        return Deliveries.versions(1, store);
    }

    @Test
    void shouldBeInSnapshots() throws Exception {
        Rollout rollout = done(start(
                canary(
                        new Gate.Manual(),
                        new Gate.Webhook("http://h/x"),
                        new Gate.Prometheus("http://p", "up", Gate.Comparison.GREATER_OR_EQUAL, 0.5)),
                share(1)));
        Path files = Files.createDirectory(directory.resolve("snapshot"));
        state.beginSnapshot(files).complete();
        try (var restored = new ConfigState(new InMemoryStateStore())) {
            restored.restore(files);
            assertThat(restored.agenda()).isEqualTo(state.agenda());
            assertThat(restored.reader().rollout(1, rollout.id())).contains(rollout);
        }
    }
}
