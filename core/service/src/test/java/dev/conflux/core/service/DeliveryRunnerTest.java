package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.Role;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Schedule;
import dev.conflux.core.model.ScheduleCommand;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.InMemoryStateStore;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
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
    private final DeliveryRunner runner = DeliveryRunner.start(state, consensus, log, Clock.systemUTC());

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
