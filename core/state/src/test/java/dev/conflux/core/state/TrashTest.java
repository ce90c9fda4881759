package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.TrashedConfig;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Deletion that can be taken back, inside apply. */
class TrashTest {

    private static final long DAY = 24L * 60 * 60 * 1000;

    private final InMemoryStateStore store = new InMemoryStateStore();
    private final ConfigState state = new ConfigState(store);
    private final List<ChangeEvent> events = new ArrayList<>();
    private long now = Commands.T0;

    {
        state.addListener(new AppliedListener() {
            @Override
            public void onApplied(ConfigView view, List<ChangeEvent> changes) {
                events.addAll(changes);
            }

            @Override
            public void onRestored(ConfigView view) {}
        });
    }

    @AfterEach
    void checkInvariants() {
        StateStoreInvariants.check(store);
        assertThat(StateAudit.of(store, 0, config -> {}).problems()).isEmpty();
    }

    @Test
    void shouldDeleteForReadersAndWatchersButKeepWhatHangsOnIt() {
        accepted(Commands.create("t/a/e/n", "one", Commands.fresh()));
        accepted(Commands.publish(1, "two"));
        TenantUsage before = state.usage("t");
        events.clear();

        accepted(move(1));

        assertThat(state.reader().config(1)).isEmpty();
        assertThat(state.view().find("t/a/e/n")).isNull();
        assertThat(events)
                .singleElement()
                .satisfies(event -> assertThat(event.deleted()).isTrue());
        assertThat(state.usage("t")).as("the quota counts it still").isEqualTo(before);
        TrashedConfig trashed = state.retention().trashed(1).orElseThrow();
        assertThat(trashed.deletedAtMillis()).isEqualTo(now);
        assertThat(trashed.deletedBy()).isEqualTo("ann");
        assertThat(refused(move(1))).isInstanceOf(ConfluxError.NotFound.class);
        assertThat(refused(Commands.publish(1, "three"))).isInstanceOf(ConfluxError.NotFound.class);
    }

    @Test
    void shouldBringItBackAsItWas() {
        accepted(Commands.create("t/a/e/n", "one", Commands.fresh()));
        accepted(Commands.publish(1, "two"));
        Config before = state.reader().config(1).orElseThrow();
        accepted(move(1));
        events.clear();
        now += DAY;

        accepted(new Command.Trash(1, new Command.TrashStep.Restore()));

        Config after = state.reader().config(1).orElseThrow();
        assertThat(after.id()).isEqualTo(before.id());
        assertThat(after.releases()).isEqualTo(before.releases());
        assertThat(after.latestVersionId()).isEqualTo(2);
        assertThat(after.metadata()).isEqualTo(before.metadata());
        assertThat(state.reader().releaseHistory(1, Long.MAX_VALUE, 10)).hasSize(2);
        ServedVersion served = Objects.requireNonNull(
                Objects.requireNonNull(state.view().find("t/a/e/n")).resolve(Labels.NONE));
        assertThat(served.version().id()).isEqualTo(2);
        assertThat(events).singleElement().satisfies(event -> {
            assertThat(event.deleted()).isFalse();
            assertThat(event.before()).isEmpty();
            assertThat(event.after()).isEqualTo(before.releases());
        });
        assertThat(state.retention().trashed(1)).isEmpty();
    }

    @Test
    void shouldGiveTheNameAwayUnderANewIdAndRefuseToRestoreOverIt() {
        accepted(Commands.create("t/a/e/n", "one", Commands.fresh()));
        accepted(move(1));
        var created = (Result.ConfigCreated) accepted(Commands.create("t/a/e/n", "other", Commands.fresh()));
        assertThat(created.config().id()).isEqualTo(2);
        assertThat(created.version().id()).isEqualTo(1);

        assertThat(refused(new Command.Trash(1, new Command.TrashStep.Restore())))
                .isInstanceOf(ConfluxError.AlreadyExists.class);
        accepted(move(2));
        accepted(new Command.Trash(1, new Command.TrashStep.Restore()));
        assertThat(state.reader().content(1, 1)).hasValue("one".getBytes(StandardCharsets.UTF_8));
        assertThat(state.retention().trash("t", 0, 10).configs()).hasSize(1);
        assertThat(state.retention().trash("other", 0, 10).configs()).isEmpty();
    }

    @Test
    void shouldSurviveDeletionAndRestoreInOneBatch() {
        accepted(Commands.create("t/a/e/n", "one", Commands.fresh()));
        long index = state.applied().index();

        state.apply(List.of(
                entry(++index, move(1)), entry(++index, new Command.Trash(1, new Command.TrashStep.Restore()))));

        assertThat(state.view().find("t/a/e/n")).isNotNull();
        state.apply(List.of(
                entry(++index, move(1)),
                entry(++index, new Command.Trash(1, new Command.TrashStep.Restore())),
                entry(++index, move(1))));
        assertThat(state.view().find("t/a/e/n")).isNull();
    }

    @Test
    void shouldRemoveInStepsOnlyWhatIsExpiredOrPurged() {
        accepted(Commands.create("t/a/e/n", "0"));
        for (int i = 1; i < 250; i++) {
            accepted(new Command.CreateVersion(1, Commands.content("1"), null));
        }
        accepted(move(1));
        long deletedAt = now;
        now += 29 * DAY;
        assertThat(refused(remove(deletedAt))).isInstanceOf(ConfluxError.InvalidArgument.class);
        now += DAY;
        assertThat(refused(remove(deletedAt + 1))).isInstanceOf(ConfluxError.InvalidArgument.class);

        assertThat(accepted(remove(deletedAt))).isEqualTo(new Result.TrashRemoved(1, 100, 100, false));
        StateStoreInvariants.check(store);
        assertThat(refused(new Command.Trash(1, new Command.TrashStep.Restore())))
                .as("half of it is gone")
                .isInstanceOf(ConfluxError.NotFound.class);
        assertThat(accepted(remove(deletedAt))).isEqualTo(new Result.TrashRemoved(1, 100, 100, false));
        assertThat(accepted(remove(deletedAt))).isEqualTo(new Result.TrashRemoved(1, 50, 50, true));
        assertThat(state.usage("t")).isEqualTo(TenantUsage.NONE);
        assertThat(refused(remove(deletedAt))).isInstanceOf(ConfluxError.NotFound.class);
    }

    @Test
    void shouldAskForACycleWhenSomethingIsPurged() {
        accepted(Commands.create("t/a/e/n", "0"));
        accepted(move(1));

        accepted(new Command.Trash(1, new Command.TrashStep.Purge()));

        assertThat(state.retention().gc().requestedAtMillis()).isEqualTo(now);
        assertThat(refused(new Command.Trash(1, new Command.TrashStep.Restore())))
                .isInstanceOf(ConfluxError.NotFound.class);
        assertThat(accepted(remove(now))).isEqualTo(new Result.TrashRemoved(1, 1, 1, true));
    }

    @Test
    void shouldKeepForAsLongAsTheClusterSays() {
        accepted(new Command.Gc(new Command.GcStep.Configure(new GcSettings(RetentionPolicy.KEEP_ALL, 10, 1, 2))));
        accepted(Commands.create("t/a/e/n", "0"));
        accepted(move(1));
        TrashedConfig trashed = state.retention().trashed(1).orElseThrow();

        assertThat(state.retention().mayBeRemoved(trashed, now + 2 * DAY - 1)).isFalse();
        assertThat(state.retention().mayBeRemoved(trashed, now + 2 * DAY)).isTrue();
    }

    private static Command move(long id) {
        return new Command.Trash(id, new Command.TrashStep.MoveIn());
    }

    private static Command remove(long deletedAt) {
        return new Command.Trash(1, new Command.TrashStep.Remove(7, deletedAt));
    }

    private LogEntry entry(long index, Command command) {
        return new LogEntry(new LogPosition(index, 1), now, CommandCodec.encode(Commands.envelope(command)));
    }

    private Outcome apply(Command command) {
        return CommandCodec.decodeOutcome(
                state.apply(List.of(entry(state.applied().index() + 1, command)))
                        .getFirst());
    }

    private Result accepted(Command command) {
        Outcome outcome = apply(command);
        assertThat(outcome).isInstanceOf(Outcome.Accepted.class);
        return ((Outcome.Accepted) outcome).result();
    }

    private ConfluxError refused(Command command) {
        Outcome outcome = apply(command);
        assertThat(outcome).isInstanceOf(Outcome.Rejected.class);
        return ((Outcome.Rejected) outcome).error();
    }
}
