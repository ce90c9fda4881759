package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.consensus.api.Role;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.GcCycle;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.InMemoryStateStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The leader's runner, over a real state machine. */
class GarbageCollectorTest {

    private static final Caller ANN = new Caller(new Principal(7, "ann", true), "0af7651916cd43dd8448eb211c80319c");
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final GarbageCollector.Settings ON_DEMAND = new GarbageCollector.Settings(Duration.ZERO, 1_000_000);

    @TempDir
    Path directory;

    private final ConfigState state = new ConfigState(new InMemoryStateStore());
    private final SingleNodeConsensus consensus = new SingleNodeConsensus(state);
    private final CommandLog log = new CommandLog(consensus, state, CommandLog.DEFAULT_TIMEOUT);
    private @Nullable GarbageCollector collector;

    @AfterEach
    void stop() {
        if (collector != null) {
            collector.close();
        }
        consensus.close();
        state.close();
    }

    @Test
    void shouldDeleteOverManyConfigsAndSayWhatItDid() {
        configs(30, 20);
        keepNewest(3);
        start(ON_DEMAND, Optional.empty());

        request();

        GcCycle last = awaitEnd(1);
        assertThat(last.versions()).isEqualTo(30 * 17);
        assertThat(last.contentBytes()).isEqualTo(30 * 17 * 4);
        assertThat(last.problem()).isEmpty();
        assertThat(left()).isEqualTo(30 * 3);
        assertThat(state.usage("t").versions()).isEqualTo(30 * 3);
        assertThat(state.usage("t").contentBytes()).isEqualTo(30 * 3 * 4);
    }

    @Test
    void shouldTakeMoreThanOneCommandForOneConfig() {
        configs(1, 950);
        keepNewest(1);
        start(ON_DEMAND, Optional.empty());

        request();

        assertThat(awaitEnd(1).versions()).isEqualTo(949);
        assertThat(left()).isEqualTo(1);
    }

    @Test
    void shouldRunByItselfAtItsInterval() {
        configs(1, 5);
        keepNewest(2);
        start(new GarbageCollector.Settings(Duration.ofSeconds(1), 1_000), Optional.empty());

        GcCycle first = awaitEnd(1);
        GcCycle second = awaitEnd(first.startedAtMillis() + 1);

        assertThat(first.versions()).isEqualTo(3);
        assertThat(second.versions()).isZero();
        assertThat(second.startedAtMillis() - first.endedAtMillis()).isGreaterThanOrEqualTo(1_000);
    }

    @Test
    void shouldArchiveBeforeItDeletes() throws Exception {
        configs(2, 4);
        keepNewest(1);
        start(ON_DEMAND, Optional.of(new DirectoryArchive(directory)));

        request();

        assertThat(awaitEnd(1).versions()).isEqualTo(6);
        Path home = directory.resolve("t/app/prod/n2/config-2");
        assertThat(Files.readString(home.resolve("v3.content"))).isEqualTo("2-03");
        assertThat(Files.readString(home.resolve("v3.json")))
                .contains("\"name\":\"n2\"", "\"version_id\":3", "\"hash\":\"sha256:", "\"creator\":\"ann\"");
        try (Stream<Path> files = Files.walk(directory)) {
            assertThat(files.filter(Files::isRegularFile)).hasSize(12);
        }
    }

    @Test
    void shouldDeleteNothingThatTheArchiveHasNotTaken() {
        configs(2, 4);
        keepNewest(1);
        var taken = new CopyOnWriteArrayList<String>();
        start(ON_DEMAND, Optional.of(items -> {
            VersionArchive.Item first = items.getFirst();
            if (first.version().configId() == 2) {
                throw new IOException("no space left");
            }
            items.forEach(item -> taken.add(new String(item.content(), StandardCharsets.UTF_8)));
        }));

        request();

        GcCycle last = awaitEnd(1);
        assertThat(last.problem()).contains("config 2", "no space left");
        assertThat(last.versions()).isEqualTo(3);
        assertThat(taken).containsExactly("1-01", "1-02", "1-03");
        assertThat(versions(1)).isEqualTo(1);
        assertThat(versions(2)).isEqualTo(4);
    }

    @Test
    void shouldStopWithItsOfficeAndLetTheNextLeaderGoOn() {
        // given: a cycle that would take 20 s
        configs(20, 21);
        keepNewest(1);
        start(new GarbageCollector.Settings(Duration.ZERO, 20), Optional.empty());
        request();
        await().atMost(PATIENCE).until(() -> gc().running() != null);
        GcCycle begun = Objects.requireNonNull(gc().running());

        // when
        consensus.role(Role.FOLLOWER);
        int proposals = consensus.proposals();
        await().pollDelay(Duration.ofMillis(2_500)).until(() -> true);

        // then: at most the command that was on its way
        assertThat(consensus.proposals()).isLessThanOrEqualTo(proposals + 1);
        GcCycle stopped = Objects.requireNonNull(gc().running());
        assertThat(stopped.versions()).isLessThan(20 * 20);

        // when: another leader, which knows only the state
        Objects.requireNonNull(collector).close();
        consensus.role(Role.LEADER);
        start(ON_DEMAND, Optional.empty());

        // then
        GcCycle last = awaitEnd(1);
        assertThat(last.startedAtMillis()).isEqualTo(begun.startedAtMillis());
        assertThat(last.versions()).isEqualTo(20 * 20);
        assertThat(left()).isEqualTo(20);
    }

    @Test
    void shouldGoOnWhenAPublishGetsInBetween() {
        configs(1, 50);
        keepNewest(1);
        var once = new ArrayList<String>();
        start(ON_DEMAND, Optional.of(items -> {
            if (once.isEmpty()) {
                once.add("done");
                // Between the look and apply's: somebody rolls back to one that is about to go.
                log.submit(ANN, new Command.Rollback(1, 20, Command.RollbackMode.EMERGENCY, "quick", null));
            }
        }));

        request();

        GcCycle last = awaitEnd(1);
        assertThat(last.problem()).isEmpty();
        assertThat(last.versions()).isEqualTo(48);
        assertThat(state.reader().version(1, 20)).isPresent();
    }

    @Test
    void shouldDoNothingBeforeTheWholeClusterUnderstandsIt() {
        configs(1, 5);
        keepNewest(1);
        request();
        consensus.featureLevel(1);
        start(new GarbageCollector.Settings(Duration.ofMillis(1), 1_000), Optional.empty());

        await().pollDelay(Duration.ofMillis(2_500)).until(() -> true);

        assertThat(gc().last()).isNull();
        assertThat(left()).isEqualTo(5);
        consensus.featureLevel(2);
        assertThat(awaitEnd(1).versions()).isEqualTo(4);
    }

    // --- what the tests say ----------------------------------------------------------------------------------------

    /** Version v of config c holds "c-vv". */
    private void configs(int count, int versions) {
        for (int c = 1; c <= count; c++) {
            log.submit(ANN, Commands.create("t/app/prod/n" + c, c % 10 + "-01"));
            for (int v = 2; v <= versions; v++) {
                String text = c % 10 + "-" + (v % 100 < 10 ? "0" : "") + v % 100;
                log.submit(ANN, new Command.CreateVersion(c, Commands.content(text), null));
            }
        }
    }

    private void keepNewest(int count) {
        log.submit(
                ANN,
                new Command.Gc(new Command.GcStep.Configure(new GcSettings(new RetentionPolicy(null, count), 10, 1))));
    }

    private void start(GarbageCollector.Settings settings, Optional<VersionArchive> archive) {
        collector = GarbageCollector.start(consensus, state, log, archive, settings, Clock.systemUTC());
    }

    private void request() {
        log.submit(ANN, new Command.Gc(new Command.GcStep.RequestCycle()));
    }

    private GcState gc() {
        return state.retention().gc();
    }

    private GcCycle awaitEnd(long startedAtLeast) {
        await().atMost(PATIENCE).until(() -> {
            GcCycle last = gc().last();
            return last != null && last.startedAtMillis() >= startedAtLeast;
        });
        return Objects.requireNonNull(gc().last());
    }

    private int versions(long configId) {
        return state.reader().versions(configId, Long.MAX_VALUE, 1_000).size();
    }

    private int left() {
        List<Config> configs = state.reader().configs(null, null, null, null, null, 1_000);
        return configs.stream().mapToInt(config -> versions(config.id())).sum();
    }
}
