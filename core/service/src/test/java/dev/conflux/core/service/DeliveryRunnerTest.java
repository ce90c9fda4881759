package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.Role;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.InMemoryStateStore;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who leads does what is due, once. */
@Timeout(30)
class DeliveryRunnerTest {

    private static final Caller ANN = new Caller(new Principal(1, "ann", true), "0af7651916cd43dd8448eb211c80319c");

    private final ConfigState state = new ConfigState(new InMemoryStateStore());
    private final SingleNodeConsensus consensus = new SingleNodeConsensus(state);
    private final CommandLog log = new CommandLog(consensus, state, Duration.ofSeconds(5));
    private final ScriptedGates gates = new ScriptedGates();
    private final DeliveryRunner runner =
            DeliveryRunner.start(state, consensus, log, gates, Duration.ofMillis(50), Clock.systemUTC());

    @BeforeEach
    void createAConfigWithTwoVersions() {
        log.submit(ANN, Commands.create("t/a/e/n", "one", Commands.fresh()));
        log.submit(ANN, new Command.CreateVersion(1, Commands.content("two"), null));
    }

    @AfterEach
    void close() {
        runner.close();
        consensus.close();
        state.close();
    }

    @Test
    void shouldRunADueScheduleOnceInTheNameOfWhoMadeIt() {
        Schedule schedule = promoteIn(Duration.ofMillis(200));

        awaitState(schedule, Schedule.State.DONE);

        assertThat(history()).hasSize(2);
        assertThat(history().getFirst().changedBy()).isEqualTo("schedule " + schedule.id() + " of ann");
        assertThat(history().getFirst().after().getFirst().versionId()).isEqualTo(2);
    }

    @Test
    void shouldLeaveItToTheLeaderAndTakeOverWhenItLeads() {
        // given
        consensus.role(Role.FOLLOWER);
        Schedule mine = promoteIn(Duration.ofMillis(50));
        Schedule later = promoteIn(Duration.ofMinutes(5));
        await().until(() -> System.currentTimeMillis() > mine.dueAtMillis() + 700); // it looked more than once
        assertThat(history()).hasSize(1);

        // when
        consensus.role(Role.LEADER);

        // then
        awaitState(mine, Schedule.State.DONE);
        assertThat(history()).hasSize(2);
        assertThat(state.reader().schedule(1, later.id()).orElseThrow().state()).isEqualTo(Schedule.State.PENDING);
        assertThat(state.agenda().pendingSchedules()).isEqualTo(1);
    }

    @Test
    void shouldHaveOneEffectWhenItsAnswerIsLostAndGoOnWhenTheLogComesBack() {
        // given
        Schedule schedule = promoteIn(Duration.ofMillis(100));
        consensus.fail(new ConsensusException.NoQuorum("alone"));
        await().until(() -> System.currentTimeMillis() > schedule.dueAtMillis() + 700);
        assertThat(history()).hasSize(1);

        // when
        consensus.loseNextAnswer();
        consensus.fail(null);

        // then
        awaitState(schedule, Schedule.State.DONE);
        assertThat(history()).hasSize(2);
    }

    @Test
    void shouldTakeARolloutFromStageToStageAndCompleteIt() {
        Rollout rollout = start(Duration.ofMillis(150), new Gate.Webhook("http://gates.test/x"));

        awaitState(rollout, Rollout.State.COMPLETED);

        assertThat(gates.asked).hasValue(2);
        assertThat(history()).extracting(ReleaseChange::changedBy).startsWith("rollout " + rollout.id() + " of ann");
        assertThat(history())
                .extracting(ReleaseChange::comment)
                .containsExactly(
                        "rollout " + rollout.id() + ", completed: all gates pass",
                        "rollout " + rollout.id() + ", stage 2 of 2: all gates pass",
                        "rollout " + rollout.id() + ", stage 1 of 2",
                        "first");
        assertThat(history().getFirst().after().getFirst().versionId()).isEqualTo(2);
    }

    @Test
    void shouldRollBackWhenAGateFailsAndOnlyThen() {
        // given
        gates.answer(new GateProbe.Answer.Wait("not yet"));
        Rollout rollout = start(Duration.ofMillis(50), new Gate.Webhook("http://gates.test/x"));
        await().until(() -> gates.asked.get() > RolloutExecutor.MAX_ATTEMPTS + 3);
        assertThat(rollout(rollout).state()).isEqualTo(Rollout.State.RUNNING);
        assertThat(rollout(rollout).stage()).isZero();

        // when
        gates.answer(new GateProbe.Answer.Fail("5 % errors"));

        // then
        awaitState(rollout, Rollout.State.ROLLED_BACK);
        assertThat(rollout(rollout).history().getLast().reason()).isEqualTo("5 % errors");
        assertThat(history()).hasSize(3);
        assertThat(history().getFirst().after()).isEqualTo(rollout.base());
    }

    @Test
    void shouldPauseWhenAGateCannotBeAskedAndGoOnWhenAPersonHasLooked() {
        gates.answer(new GateProbe.Answer.Unknown("connection refused"));
        Rollout rollout = start(Duration.ofMillis(10), new Gate.Webhook("http://gates.test/x"));
        awaitState(rollout, Rollout.State.PAUSED);
        assertThat(gates.asked).hasValue(RolloutExecutor.MAX_ATTEMPTS);
        assertThat(rollout(rollout).history().getLast().reason()).isEqualTo("connection refused");
        assertThat(rollout(rollout).stage()).isZero();

        gates.answer(new GateProbe.Answer.Pass("fine"));
        log.submit(
                ANN, new RolloutCommand.SteerRollout(1, rollout.id(), null, RolloutCommand.Direction.RESUME, "looked"));
        awaitState(rollout, Rollout.State.COMPLETED);
    }

    @Test
    void shouldNotAskAHostThatIsNotAllowedAnyMore() {
        Rollout rollout = start(Duration.ZERO, new Gate.Webhook("http://elsewhere.test/x"));
        awaitState(rollout, Rollout.State.PAUSED);
        assertThat(gates.asked).hasValue(0);
    }

    private Rollout start(Duration bake, Gate gate) {
        var stages = List.of(
                new Rollout.Stage(new TreeMap<>(), 1_000, bake.toMillis(), List.of(gate)),
                new Rollout.Stage(new TreeMap<>(), 5_000, bake.toMillis(), List.of(gate)));
        var command = new RolloutCommand.StartRollout(1, null, 2, stages, "client-id", "", null, null);
        return ((Result.RolloutChanged) log.submit(ANN, command).result()).rollout();
    }

    private Rollout rollout(Rollout rollout) {
        return state.reader().rollout(1, rollout.id()).orElseThrow();
    }

    private void awaitState(Rollout rollout, Rollout.State wanted) {
        await().atMost(Duration.ofSeconds(20)).until(() -> rollout(rollout).state() == wanted);
    }

    private Schedule promoteIn(Duration delay) {
        var command = new ScheduleCommand.CreateSchedule(
                1,
                2,
                null,
                new Command.ReleasePlan.MakeDefault(),
                ScheduleCommand.Pin.RELEASES,
                System.currentTimeMillis() + delay.toMillis(),
                "later",
                null);
        return ((Result.ScheduleChanged) log.submit(ANN, command).result()).schedule();
    }

    private void awaitState(Schedule schedule, Schedule.State wanted) {
        await().atMost(Duration.ofSeconds(20))
                .until(() ->
                        state.reader().schedule(1, schedule.id()).orElseThrow().state() == wanted);
    }

    private List<ReleaseChange> history() {
        return state.reader().releaseHistory(1, Long.MAX_VALUE, 10);
    }
}
