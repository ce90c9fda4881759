package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.ApprovalSettings;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.CompatibilityPolicy;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Each command's effect and every refusal. */
class AppliersTest {

    private final FailingStore store = new FailingStore();
    private final ConfigState state = new ConfigState(store);
    private final List<ChangeEvent> events = new ArrayList<>();

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
    }

    @Test
    void shouldCreateAConfigAndServeItWhenReleased() {
        Outcome.Accepted accepted = accepted(Commands.create("t/a/e/n", "x", Commands.fresh()));
        var created = (Result.ConfigCreated) accepted.result();
        assertThat(accepted.revision()).isEqualTo(1);
        assertThat(created.config().id()).isEqualTo(1);
        assertThat(created.config().latestVersionId()).isEqualTo(1);
        assertThat(created.config().metadataVersion()).isEqualTo(1);
        assertThat(created.config().releasesRevision()).isEqualTo(1);
        assertThat(created.version().createdBy()).isEqualTo("ann");
        ServedVersion served = Objects.requireNonNull(served("t/a/e/n", Labels.NONE));
        assertThat(served.cachedContent()).asString().isEqualTo("x");
        assertThat(served.etag()).isEqualTo("\"v1-" + created.version().hash().substring(0, 16) + "\"");
        assertThat(events).hasSize(1);
        assertThat(state.usage("t")).isEqualTo(new TenantUsage(1, 1, 1));
    }

    @Test
    void shouldRefuseACreateOfAnExistingName() {
        accepted(Commands.create("t/a/e/n", "x"));
        assertThat(refused(Commands.create("t/a/e/n", "y")))
                .isEqualTo(new ConfluxError.AlreadyExists("config t/a/e/n"));
        assertThat(events).isEmpty();
    }

    @Test
    void shouldCheckTheContentCounterOfACreateVersion() {
        accepted(Commands.create("t/a/e/n", "x"));
        assertThat(refused(new Command.CreateVersion(1, Commands.content("y"), 2L)))
                .isEqualTo(new ConfluxError.CasMismatch(ConfluxError.Counter.CONTENT, 2, 1));
        assertThat(refused(new Command.CreateVersion(9, Commands.content("y"), null)))
                .isEqualTo(new ConfluxError.NotFound(ErrorCode.CONFIG_NOT_FOUND, "config 9"));
        accepted(new Command.CreateVersion(1, Commands.content("y"), 1L));
        assertThat(state.reader().version(1, 2)).isPresent();
        assertThat(events).isEmpty();
    }

    @Test
    void shouldRequireCasWhereTheConfigSaysSo() {
        accepted(Commands.create("t/a/e/n", "x"));
        accepted(new Command.UpdateMetadata(
                1,
                new MetadataPatch(
                        null, null, false, null, new TreeMap<>(), List.of(), true, true, ApprovalSettings.NONE),
                1L));
        assertThat(refused(new Command.CreateVersion(1, Commands.content("y"), null)))
                .isEqualTo(new ConfluxError.CasRequired(ConfluxError.Counter.CONTENT, 1));
        assertThat(refused(Commands.publish(1, "y")))
                .isEqualTo(new ConfluxError.CasRequired(ConfluxError.Counter.CONTENT, 1));
        assertThat(refused(new Command.UpdateMetadata(1, Commands.attribute("k", "v"), null)))
                .isEqualTo(new ConfluxError.CasRequired(ConfluxError.Counter.METADATA, 2));
        assertThat(refused(new Command.UpdateMetadata(1, Commands.attribute("k", "v"), 1L)))
                .isEqualTo(new ConfluxError.CasMismatch(ConfluxError.Counter.METADATA, 1, 2));
        accepted(new Command.UpdateMetadata(1, Commands.attribute("k", "v"), 2L));
        assertThat(state.reader().metadataHistory(1, Long.MAX_VALUE, 10)).hasSize(3);
    }

    @Test
    void shouldKeepTheCompatibilityPolicyOnceItIsSet() {
        accepted(Commands.create("t/a/e/n", "x"));
        assertThat(state.reader().config(1).orElseThrow().metadata().compatibility())
                .isEqualTo(CompatibilityPolicy.NONE);
        var refuse = new MetadataPatch(
                null, null, false, null, new TreeMap<>(), List.of(), null, null, null, CompatibilityPolicy.REFUSE);
        var command = new Command.UpdateMetadata(1, refuse, null);
        assertThat(FeatureLevel.required(command)).isEqualTo(2);
        assertThat(FeatureLevel.required(new Command.UpdateMetadata(1, Commands.attribute("k", "v"), null)))
                .isEqualTo(1);
        CommandEnvelope envelope = Commands.envelope(command);
        assertThat(CommandCodec.decode(CommandCodec.encode(envelope)).command()).isEqualTo(command);
        accepted(command);
        accepted(new Command.UpdateMetadata(1, Commands.attribute("k", "v"), null));
        assertThat(state.reader().config(1).orElseThrow().metadata().compatibility())
                .isEqualTo(CompatibilityPolicy.REFUSE);
        assertThat(state.reader()
                        .metadataHistory(1, Long.MAX_VALUE, 10)
                        .getLast()
                        .metadata()
                        .compatibility())
                .isEqualTo(CompatibilityPolicy.NONE);
    }

    @Test
    void shouldRefuseRulesThatBreakALimitOrNameNoVersion() {
        accepted(Commands.create("t/a/e/n", "x"));
        assertThat(refused(new Command.UpdateReleases(
                                1, List.of(Command.PlannedRelease.existing(Release.defaultTo(7))), "", null))
                        .code())
                .isEqualTo(ErrorCode.VERSION_NOT_FOUND);
        assertThat(rules(new Release(new TreeMap<>(), 1, 0, 10_001, "client-id", ""))
                        .field())
                .isEqualTo("releases[0].percentage");
        assertThat(rules(Release.of(Map.of("Region", "x"), 1, 0)).field()).isEqualTo("releases[0].labels");
        assertThat(rules(Release.of(Map.of("r", "x".repeat(257)), 1, 0)).field())
                .isEqualTo("releases[0].labels.r");
        var many = new ArrayList<Command.PlannedRelease>();
        for (int i = 0; i <= Release.MAX_RULES; i++) {
            many.add(Command.PlannedRelease.existing(Release.defaultTo(1)));
        }
        assertThat(refused(new Command.UpdateReleases(1, many, "", null)))
                .isInstanceOf(ConfluxError.InvalidArgument.class);
        assertThat(refused(new Command.UpdateReleases(1, List.of(Commands.fresh()), "", null)))
                .isInstanceOf(ConfluxError.InvalidArgument.class);
        assertThat(refused(new Command.UpdateReleases(1, List.of(), "", 3L)))
                .isEqualTo(new ConfluxError.CasMismatch(ConfluxError.Counter.RELEASES, 3, 0));
    }

    @Test
    void shouldPublishAllItemsOrNone() {
        accepted(Commands.create("t/a/e/one", "x"));
        accepted(Commands.create("t/a/e/two", "x"));
        Command.PublishItem first = Commands.publish(1, "y").items().getFirst();
        Command.PublishItem second = Commands.publish(2, "z").items().getFirst();
        Command.PublishItem missing = Commands.publish(9, "z").items().getFirst();
        refused(new Command.Publish(List.of(first, missing), ""));
        assertThat(refused(new Command.Publish(List.of(first, first), "")))
                .isInstanceOf(ConfluxError.InvalidArgument.class);
        assertThat(refused(new Command.Publish(List.of(), ""))).isInstanceOf(ConfluxError.InvalidArgument.class);
        assertThat(state.reader().version(1, 2)).isEmpty();
        Outcome.Accepted accepted = accepted(new Command.Publish(List.of(first, second), ""));
        assertThat(accepted.revision()).isEqualTo(3);
        assertThat(state.reader().events(2, 1)).hasSize(2).allMatch(event -> event.revision() == 3);
    }

    @Test
    void shouldGrowARolloutInPlaceAndKeepTheDefaultRule() {
        accepted(Commands.create("t/a/e/n", "x", Commands.fresh()));
        accepted(addRule("y", new Release(new TreeMap<>(), 0, 10, 500, "client-id", "")));
        accepted(addRule("z", new Release(new TreeMap<>(), 0, 10, 1000, "client-id", "")));
        List<Release> rules = state.reader().config(1).orElseThrow().releases();
        assertThat(rules).extracting(Release::versionId).containsExactly(3L, 1L);
        assertThat(rules.getFirst().percentage()).isEqualTo(1000);
    }

    @Test
    void shouldRollBackInBothModes() {
        accepted(Commands.create("t/a/e/n", "x", Commands.fresh()));
        accepted(Commands.publish(1, "y"));
        accepted(addRule("z", Release.of(Map.of("canary", "true"), 0, 10)));
        assertThat(refused(new Command.Rollback(1, 9, Command.RollbackMode.EMERGENCY, "", null)))
                .isEqualTo(new ConfluxError.NotFound(ErrorCode.VERSION_NOT_FOUND, "version 9 of config 1"));
        accepted(new Command.Rollback(1, 1, Command.RollbackMode.STABLE_ONLY, "", null));
        assertThat(Objects.requireNonNull(served("t/a/e/n", Labels.NONE)).versionText())
                .isEqualTo("1");
        assertThat(Objects.requireNonNull(served("t/a/e/n", Labels.of(Map.of("canary", "true"))))
                        .versionText())
                .isEqualTo("3");
        accepted(new Command.Rollback(1, 1, Command.RollbackMode.EMERGENCY, "", null));
        assertThat(state.reader().config(1).orElseThrow().releases()).containsExactly(Release.defaultTo(1));
        assertThat(state.reader().releaseHistory(1, Long.MAX_VALUE, 10)).hasSize(5);
    }

    @Test
    void shouldDeleteEverythingAndGiveARecreatedNameANewId() {
        accepted(Commands.create("t/a/e/n", "x", Commands.fresh()));
        accepted(new Command.DeleteConfig(1));
        assertThat(events.getLast().deleted()).isTrue();
        assertThat(state.view().find("t/a/e/n")).isNull();
        assertThat(state.view().namespace("t/a/e")).isEmpty();
        assertThat(state.reader().content(1, 1)).isEmpty();
        assertThat(state.usage("t")).isEqualTo(TenantUsage.NONE);
        var created = (Result.ConfigCreated)
                accepted(Commands.create("t/a/e/n", "y", Commands.fresh())).result();
        assertThat(created.config().id()).isEqualTo(2);
        refused(new Command.DeleteConfig(1));
    }

    @Test
    void shouldRefuseAKeyOfAnotherRequest() {
        accepted(Commands.create("t/a/e/n", "x"));
        assertThat(Commands.apply(state, Commands.keyed("k", "h", new Command.DeleteConfig(1))))
                .isInstanceOf(Outcome.Accepted.class);
        assertThat(Commands.apply(state, Commands.keyed("k", "other", new Command.DeleteConfig(1))))
                .isEqualTo(new Outcome.Rejected(2, new ConfluxError.IdempotencyKeyReused("k")));
    }

    @Test
    void shouldTouchNothingWhenOneEntryOfTheBatchCannotBeRead() {
        LogEntry good = Commands.entry(1, Commands.envelope(Commands.create("t/a/e/n", "x")));
        for (byte[] bad : List.of(new byte[] {8, 1, (byte) 0xfa, 0x3f, 0}, new byte[] {(byte) 0xff}, new byte[0])) {
            assertThatThrownBy(() -> state.apply(List.of(good, new LogEntry(new LogPosition(2, 1), 0, bad))))
                    .isInstanceOf(UnknownCommandException.class);
        }
        assertThat(state.applied()).isEqualTo(LogPosition.ZERO);
        assertThat(state.view().find("t/a/e/n")).isNull();
    }

    @Test
    void shouldKeepMemoryAsItWasWhenTheCommitFails() {
        accepted(Commands.create("t/a/e/n", "x", Commands.fresh()));
        ConfigView before = state.view();
        store.failing = true;
        assertThatThrownBy(() -> Commands.apply(state, Commands.publish(1, "y")))
                .isInstanceOf(StateStoreException.class);
        assertThat(state.view()).isSameAs(before);
        store.failing = false;
        assertThat(accepted(Commands.publish(1, "y")).revision()).isEqualTo(2);
    }

    @Test
    void shouldTakeBackWhatAFailingApplierWroteAndGoOn() {
        var poisoned = new ConfigState(new InMemoryStateStore(), StateLimits.DEFAULT, 1000, new Appliers() {
            @Override
            Result apply(Command command, StateTransaction transaction) {
                Result result = super.apply(command, transaction);
                if (command instanceof Command.DeleteConfig) {
                    throw new IllegalStateException("poison");
                }
                return result;
            }
        });
        Commands.apply(poisoned, Commands.create("t/a/e/n", "x", Commands.fresh()));
        String digest = poisoned.view().digest();
        assertThat(Commands.apply(poisoned, new Command.DeleteConfig(1)))
                .isInstanceOfSatisfying(
                        Outcome.Rejected.class,
                        rejected -> assertThat(rejected.error().code()).isEqualTo(ErrorCode.INTERNAL));
        assertThat(poisoned.view().digest()).isEqualTo(digest);
        assertThat(poisoned.reader().content(1, 1)).isPresent();
    }

    @Test
    void shouldAnswerAStatusQueryAndAdvancePastEntriesWithoutACommand() {
        accepted(Commands.create("t/a/e/n", "x"));
        StatusReport report = StatusReport.decode(state.query(StatusReport.request()));
        assertThat(report).isEqualTo(new StatusReport(1, 1, state.view().digest(), "development"));
        state.skipped(new LogPosition(5, 2));
        assertThat(state.view().appliedIndex()).isEqualTo(5);
        assertThat(StatusReport.decode(state.query(StatusReport.request())).appliedIndex())
                .isEqualTo(5);
        assertThat(state.applied().index()).isEqualTo(1);
    }

    private Command.Publish addRule(String text, Release rule) {
        return new Command.Publish(
                List.of(new Command.PublishItem(
                        1,
                        Commands.content(text),
                        new Command.ReleasePlan.AddRule(new Command.PlannedRelease(rule, true)),
                        null,
                        null)),
                "");
    }

    private ConfluxError.InvalidArgument rules(Release rule) {
        return (ConfluxError.InvalidArgument)
                refused(new Command.UpdateReleases(1, List.of(Command.PlannedRelease.existing(rule)), "", null));
    }

    private @Nullable ServedVersion served(String path, Labels labels) {
        return Objects.requireNonNull(state.view().find(path)).resolve(labels);
    }

    private Outcome.Accepted accepted(Command command) {
        Outcome outcome = Commands.apply(state, command);
        assertThat(outcome).isInstanceOf(Outcome.Accepted.class);
        return (Outcome.Accepted) outcome;
    }

    private ConfluxError refused(Command command) {
        long revision = state.view().revision();
        String digest = state.view().digest();
        Outcome outcome = Commands.apply(state, command);
        assertThat(outcome).isInstanceOf(Outcome.Rejected.class);
        assertThat(state.view().revision()).isEqualTo(revision);
        assertThat(state.view().digest()).isEqualTo(digest);
        return ((Outcome.Rejected) outcome).error();
    }
}
