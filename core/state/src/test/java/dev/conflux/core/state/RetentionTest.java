package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.GcCycle;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.VersionFate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What retention lets go and what it never does, inside apply. */
class RetentionTest {

    private static final long DAY = 24L * 60 * 60 * 1000;

    private final InMemoryStateStore store = new InMemoryStateStore();
    private final ConfigState state = new ConfigState(store);
    private long now = Commands.T0;

    @AfterEach
    void checkInvariants() {
        StateStoreInvariants.check(store);
    }

    @Test
    void shouldKeepEverythingUnlessSomebodySaysOtherwise() {
        versions(30);

        assertThat(going()).isEmpty();
        assertThat(fate(1)).isEqualTo(VersionFate.NO_POLICY);
        assertThat(refused(prune(1, 1))).isEqualTo(new ConfluxError.VersionInUse(1, 1, VersionFate.NO_POLICY));
    }

    @Test
    void shouldLetGoWhatIsBeyondTheNumberKept() {
        versions(10);
        keep(null, 4);

        assertThat(going()).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
        assertThat(fate(7)).isEqualTo(VersionFate.COUNT);
        assertThat(fate(10)).isEqualTo(VersionFate.LATEST);
        var pruned = (Result.VersionsPruned) accepted(prune(1, 1, 2, 3, 4, 5, 6));
        assertThat(pruned.versions()).isEqualTo(6);
        assertThat(pruned.contentBytes()).isEqualTo(6 * 2);
        assertThat(state.usage("t")).isEqualTo(new TenantUsage(1, 4, 4 * 2));
        assertThat(state.reader().version(1, 6)).isEmpty();
        assertThat(state.reader().content(1, 6)).isEmpty();
        assertThat(state.reader().versions(1, Long.MAX_VALUE, 100)).hasSize(4);
        assertThat(going()).isEmpty();
    }

    @Test
    void shouldCountVersionsThatAreThereNotGaps() {
        versions(10);
        keep(null, 3);
        accepted(prune(1, 3, 4, 5, 6, 7));
        keep(null, 5);

        // 1, 2, 8, 9, 10 are left: five.
        assertThat(going()).isEmpty();
        assertThat(fate(1)).isEqualTo(VersionFate.COUNT);
    }

    @Test
    void shouldLetGoByAgeInLogTime() {
        versions(3);
        now += 9 * DAY;
        versions(2);
        keep(7, null);

        assertThat(going()).containsExactly(1L, 2L, 3L);
        assertThat(fate(4)).isEqualTo(VersionFate.DAYS);
    }

    @Test
    void shouldJoinRulesByOrAndByAnd() {
        versions(6);
        now += 9 * DAY;
        versions(2);

        keep(7, 4);
        assertThat(going()).as("beyond both").containsExactly(1L, 2L, 3L, 4L);
        keep(7, 4, RetentionPolicy.Strategy.AND);
        assertThat(going()).as("beyond either").containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
        keep(null, null, RetentionPolicy.Strategy.KEEP_ALL);
        assertThat(going()).isEmpty();
    }

    @Test
    void shouldFallBackToTheClustersDefault() {
        versions(5);
        configure(new RetentionPolicy(null, 2), 10, 1);
        assertThat(going()).containsExactly(1L, 2L, 3L);

        keep(null, null, RetentionPolicy.Strategy.KEEP_ALL);
        assertThat(going()).isEmpty();
        keep(null, 4);
        assertThat(going()).containsExactly(1L);
    }

    @Test
    void shouldNeverLetGoWhatARuleServesOrARollbackMayNeed() {
        versions(10);
        accepted(new Command.UpdateReleases(
                1,
                List.of(
                        Command.PlannedRelease.existing(Release.of(Map.of("zone", "b"), 2, 5)),
                        Command.PlannedRelease.existing(Release.defaultTo(3))),
                "rules",
                null));
        accepted(new Command.Rollback(1, 5, Command.RollbackMode.EMERGENCY, "to 5", null));
        keep(null, 1);

        assertThat(fate(5)).isEqualTo(VersionFate.RELEASE_RULE);
        assertThat(fate(2)).isEqualTo(VersionFate.ROLLBACK_TARGET);
        assertThat(fate(3)).isEqualTo(VersionFate.ROLLBACK_TARGET);
        assertThat(going()).containsExactly(1L, 4L, 6L, 7L, 8L, 9L);
        assertThat(refused(prune(1, 1, 2))).isEqualTo(new ConfluxError.VersionInUse(1, 2, VersionFate.ROLLBACK_TARGET));
        assertThat(state.reader().version(1, 1)).as("all or nothing").isPresent();

        // Ten more changes, and no rollback of theirs leads to 2 or 3 any more.
        for (int i = 0; i < GcSettings.MIN_RELEASE_HISTORY; i++) {
            accepted(new Command.Rollback(1, 5, Command.RollbackMode.EMERGENCY, "again", null));
        }
        assertThat(going()).containsExactly(1L, 2L, 3L, 4L, 6L, 7L, 8L, 9L);
    }

    @Test
    void shouldCheckAgainWhenSomebodyReleasedAVersionMeanwhile() {
        versions(5);
        keep(null, 1);
        List<Long> seen = going();
        assertThat(seen).contains(2L);

        accepted(new Command.Rollback(1, 2, Command.RollbackMode.EMERGENCY, "quick", null));

        assertThat(refused(prune(1, 1, 2, 3, 4)))
                .isEqualTo(new ConfluxError.VersionInUse(1, 2, VersionFate.RELEASE_RULE));
        assertThat(going()).containsExactly(1L, 3L, 4L);
    }

    @Test
    void shouldPruneInOneBatchWhatTheBatchCreated() {
        versions(1);
        keep(null, 1);
        var entries = new ArrayList<LogEntry>();
        long index = state.applied().index();
        for (int i = 0; i < 3; i++) {
            entries.add(entry(++index, new Command.CreateVersion(1, Commands.content("n" + i), null)));
        }
        entries.add(entry(++index, prune(1, 1, 2, 3)));
        entries.add(entry(++index, prune(1, 2)));

        List<byte[]> results = state.apply(entries);

        assertThat(CommandCodec.decodeOutcome(results.get(3))).isInstanceOf(Outcome.Accepted.class);
        assertThat(((Outcome.Rejected) CommandCodec.decodeOutcome(results.get(4)))
                        .error()
                        .code())
                .isEqualTo(ErrorCode.VERSION_NOT_FOUND);
        assertThat(state.reader().versions(1, Long.MAX_VALUE, 10)).hasSize(1);
    }

    @Test
    void shouldTrimHistoriesFromTheirBeginningOnly() {
        versions(1);
        for (int i = 0; i < 20; i++) {
            accepted(new Command.Rollback(1, 1, Command.RollbackMode.EMERGENCY, "r", null));
            accepted(new Command.UpdateMetadata(1, Commands.attribute("a", "v" + i), null));
        }
        configure(RetentionPolicy.KEEP_ALL, 12, 3);
        RetentionReader.Plan plan = plan();

        assertThat(plan.releaseChanges()).containsExactlyElementsOf(numbers(1, 8));
        assertThat(plan.metadataChanges()).containsExactlyElementsOf(numbers(1, 18));
        assertThat(refused(new Command.PruneVersions(1, 7, List.of(), List.of(9L), List.of())))
                .isInstanceOf(ConfluxError.InvalidArgument.class);
        accepted(new Command.PruneVersions(1, 7, List.of(), plan.releaseChanges(), plan.metadataChanges()));
        assertThat(state.reader().releaseHistory(1, Long.MAX_VALUE, 100)).hasSize(12);
        assertThat(state.reader().metadataHistory(1, Long.MAX_VALUE, 100)).hasSize(3);
        assertThat(plan().isEmpty()).isTrue();
    }

    @Test
    void shouldRefuseSettingsThatWouldBreakRollbackAndNumbersThatAreNone() {
        versions(3);

        assertThat(refused(configuration(RetentionPolicy.KEEP_ALL, 9, 1)))
                .isEqualTo(new ConfluxError.InvalidArgument("release_history", "9", "10 to 1000000"));
        assertThat(refused(configuration(RetentionPolicy.KEEP_ALL, 10, 0)))
                .isEqualTo(new ConfluxError.InvalidArgument("metadata_history", "0", "1 to 1000000"));
        assertThat(refused(configuration(new RetentionPolicy(0, null), 10, 1)))
                .isEqualTo(new ConfluxError.InvalidArgument("retention_policy.days", "0", "1 to 36500"));
        assertThat(refused(prune(1, 2, 2))).isInstanceOf(ConfluxError.InvalidArgument.class);
        assertThat(refused(prune(1, 0))).isInstanceOf(ConfluxError.InvalidArgument.class);
        assertThat(refused(new Command.PruneVersions(1, 7, numbers(1, 101), List.of(), List.of())))
                .isInstanceOf(ConfluxError.InvalidArgument.class);
        assertThat(refused(prune(9, 1))).isInstanceOf(ConfluxError.NotFound.class);
    }

    @Test
    void shouldCarryTheCycleFromLeaderToLeader() {
        versions(10);
        keep(null, 2);

        accepted(prune(1, 1, 2, 3));
        GcCycle running = Objects.requireNonNull(gc().running());
        assertThat(running).isEqualTo(new GcCycle(7, 0, 0, 3, 6, 0, ""));

        // A leader that did not know of it: its command is as good, but the cycle stays.
        accepted(new Command.PruneVersions(1, 9, List.of(4L), List.of(), List.of()));
        assertThat(gc().running()).isEqualTo(running);

        accepted(new Command.Gc(new Command.GcStep.End(7, "")));
        assertThat(gc().running()).isNull();
        assertThat(gc().last()).isEqualTo(new GcCycle(7, now, 0, 3, 6, 0, ""));

        // Late commands of the cycle that is over open nothing.
        accepted(new Command.PruneVersions(1, 7, List.of(5L), List.of(), List.of()));
        accepted(new Command.Gc(new Command.GcStep.End(7, "again")));
        assertThat(gc().running()).isNull();
        assertThat(gc().last()).isEqualTo(new GcCycle(7, now, 0, 3, 6, 0, ""));
    }

    @Test
    void shouldRememberARequestUntilACycleThatBeganAfterIt() {
        versions(1);
        accepted(new Command.Gc(new Command.GcStep.RequestCycle()));
        long requested = gc().requestedAtMillis();
        assertThat(requested).isEqualTo(now);

        accepted(new Command.Gc(new Command.GcStep.End(requested - 1, "")));
        assertThat(gc().requestedAtMillis()).isEqualTo(requested);
        accepted(new Command.Gc(new Command.GcStep.End(requested, "")));
        assertThat(gc().requestedAtMillis()).isZero();
    }

    // --- what the tests say ----------------------------------------------------------------------------------------

    private void versions(int count) {
        if (state.reader().config(1).isEmpty()) {
            accepted(Commands.create("t/a/e/n", "v0"));
            count--;
        }
        for (int i = 0; i < count; i++) {
            accepted(new Command.CreateVersion(1, Commands.content("v" + i % 10), null));
        }
    }

    private void keep(@Nullable Integer days, @Nullable Integer count) {
        keep(days, count, RetentionPolicy.Strategy.OR);
    }

    private void keep(@Nullable Integer days, @Nullable Integer count, RetentionPolicy.Strategy strategy) {
        accepted(new Command.UpdateMetadata(
                1,
                new MetadataPatch(
                        null,
                        null,
                        false,
                        new RetentionPolicy(days, count, strategy),
                        new TreeMap<>(),
                        List.of(),
                        null,
                        null,
                        null),
                null));
    }

    private void configure(RetentionPolicy policy, int releaseHistory, int metadataHistory) {
        accepted(configuration(policy, releaseHistory, metadataHistory));
    }

    private static Command configuration(RetentionPolicy policy, int releaseHistory, int metadataHistory) {
        return new Command.Gc(new Command.GcStep.Configure(new GcSettings(policy, releaseHistory, metadataHistory)));
    }

    private static Command prune(long configId, long... versions) {
        return new Command.PruneVersions(
                configId, 7, LongStream.of(versions).boxed().toList(), List.of(), List.of());
    }

    private static List<Long> numbers(long from, long to) {
        return LongStream.rangeClosed(from, to).boxed().toList();
    }

    private GcState gc() {
        return state.retention().gc();
    }

    private RetentionReader.Plan plan() {
        return state.retention().plan(1, 0, 1000, now).orElseThrow();
    }

    private List<Long> going() {
        List<Long> planned = plan().versions().stream().map(v -> v.id()).toList();
        List<Long> judged = state.retention().judge(1, 0, 1000, now).orElseThrow().versions().stream()
                .filter(item -> item.fate() == VersionFate.GOES)
                .map(item -> item.version().id())
                .toList();
        assertThat(planned).isEqualTo(judged);
        return planned;
    }

    private VersionFate fate(long version) {
        return state.retention()
                .judge(1, version - 1, 1, now)
                .orElseThrow()
                .versions()
                .getFirst()
                .fate();
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
