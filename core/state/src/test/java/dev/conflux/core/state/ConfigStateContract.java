package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.StateMachine;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Outcome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.TimeZone;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The state machine over a store: replay, snapshot, restore, dedup. Run on every store. */
public abstract class ConfigStateContract {

    private static final int COMMANDS = 400;

    @TempDir
    protected Path directory;

    protected abstract StateStore open(String name);

    /** Small bounds, so that eviction happens: 20 keys, 2 hours, 30 events, 15 requests, 20 minutes. */
    private ConfigState state(StateStore store) {
        return new ConfigState(store, new StateLimits(20, 7_200_000, 30, 15, 1_200_000), 4_000, new Appliers());
    }

    private static long seed() {
        long seed = Long.getLong("conflux.seed", System.nanoTime());
        System.out.println("conflux.seed=" + seed);
        return seed;
    }

    @Test
    void shouldHoldItsInvariantsAfterEveryRandomStep() {
        StateStore store = open("a");
        try (ConfigState state = state(store)) {
            for (LogEntry entry : Commands.random(seed(), COMMANDS)) {
                long revision = state.view().revision();
                Outcome outcome =
                        CommandCodec.decodeOutcome(state.apply(List.of(entry)).getFirst());
                boolean accepted = outcome instanceof Outcome.Accepted a && !a.replayed();
                assertThat(state.view().revision()).isEqualTo(accepted ? revision + 1 : revision);
                assertThat(state.applied()).isEqualTo(entry.position());
                StateStoreInvariants.check(store);
            }
            assertThat(fingerprint(state)).isNotEmpty();
        }
    }

    @Test
    void shouldEndInTheSameStateHoweverBatchedAndInWhateverLocale() {
        long seed = seed();
        List<LogEntry> log = Commands.random(seed, COMMANDS);
        Locale locale = Locale.getDefault();
        TimeZone zone = TimeZone.getDefault();
        try (ConfigState one = state(open("one"));
                ConfigState many = state(open("many"));
                ConfigState memory = state(new InMemoryStateStore())) {
            List<byte[]> results = new ArrayList<>();
            log.forEach(entry -> results.addAll(one.apply(List.of(entry))));
            Locale.setDefault(Locale.forLanguageTag("tr-TR"));
            TimeZone.setDefault(TimeZone.getTimeZone("Asia/Kathmandu"));
            List<byte[]> batched = new ArrayList<>();
            for (int i = 0; i < log.size(); i += 37) {
                batched.addAll(many.apply(log.subList(i, Math.min(log.size(), i + 37))));
            }
            Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
            List<byte[]> inMemory = new ArrayList<>(memory.apply(log));
            assertThat(batched).hasSameSizeAs(results);
            for (int i = 0; i < results.size(); i++) {
                assertThat(batched.get(i)).as("result %d", i).isEqualTo(results.get(i));
                assertThat(inMemory.get(i)).as("result %d", i).isEqualTo(results.get(i));
            }
            assertThat(fingerprint(many)).isEqualTo(fingerprint(one));
            assertThat(fingerprint(memory)).isEqualTo(fingerprint(one));
        } finally {
            Locale.setDefault(locale);
            TimeZone.setDefault(zone);
        }
    }

    @Test
    void shouldBeTheSameAfterSnapshotAndRestoreAndGoOnAlike() throws Exception {
        List<LogEntry> log = Commands.random(seed(), COMMANDS);
        Path files = Files.createDirectory(directory.resolve("snapshot"));
        try (ConfigState source = state(open("source"));
                ConfigState target = state(open("target"))) {
            source.apply(log.subList(0, 200));
            StateMachine.Snapshot snapshot = source.beginSnapshot(files);
            String then = fingerprint(source);
            source.apply(log.subList(200, 300));
            List<String> names = snapshot.complete();
            assertThat(names).allSatisfy(name -> assertThat(files.resolve(name)).exists());
            target.apply(log.subList(0, 10));
            var restored = new int[1];
            target.addListener(new AppliedListener() {
                @Override
                public void onApplied(ConfigView view, List<ChangeEvent> events) {}

                @Override
                public void onRestored(ConfigView view) {
                    restored[0]++;
                }
            });

            // when
            assertThat(target.restore(files)).isEqualTo(snapshot.position());

            // then
            assertThat(restored[0]).isEqualTo(1);
            assertThat(fingerprint(target)).isEqualTo(then);
            target.apply(log.subList(200, 400));
            source.apply(log.subList(300, 400));
            assertThat(fingerprint(target)).isEqualTo(fingerprint(source));
        }
    }

    @Test
    void shouldRefuseADamagedSnapshotAndKeepItsState() throws Exception {
        Path files = Files.createDirectory(directory.resolve("snapshot"));
        try (ConfigState state = state(open("a"))) {
            state.apply(Commands.random(1, 50));
            List<String> names = state.beginSnapshot(files).complete();
            state.apply(Commands.random(1, 60).subList(50, 60));
            String before = fingerprint(state);
            Path victim = files.resolve(names.getFirst());
            for (String name : names) {
                // RocksDB's log is empty after the flush.
                victim = Files.size(files.resolve(name)) > Files.size(victim) ? files.resolve(name) : victim;
            }
            byte[] bytes = Files.readAllBytes(victim);
            bytes[bytes.length / 2] ^= 1;
            Files.delete(victim);
            Files.write(victim, bytes);
            assertThatThrownBy(() -> state.restore(files)).isInstanceOf(IOException.class);
            assertThat(fingerprint(state)).isEqualTo(before);
        }
    }

    @Test
    void shouldFindEveryOtherByteByReadingTheWholeState() throws Exception {
        List<LogEntry> log = Commands.random(seed(), COMMANDS);
        StateStore damaged = open("damaged");
        try (ConfigState one = state(open("one"));
                ConfigState other = state(damaged)) {
            log.forEach(entry -> one.apply(List.of(entry)));
            for (int i = 0; i < log.size(); i += 41) {
                other.apply(log.subList(i, Math.min(log.size(), i + 41)));
            }
            assertThat(scrub(other)).isEqualTo(scrub(one));

            // when
            byte[][] entry = new byte[2][];
            damaged.scan(
                    StateArea.CONTENTS.from(), StateArea.CONTENTS.to(), StateReads.Order.ASCENDING, (key, value) -> {
                        entry[0] = key;
                        entry[1] = value;
                        return false;
                    });
            entry[1][0] ^= 1;
            damaged.commit(new WriteBatch().put(entry[0], entry[1]));

            // then
            assertThat(other.digest()).contains(one.digest().orElseThrow());
            assertThat(scrub(other)).isNotEqualTo(scrub(one));
            other.reset();
            assertThat(other.applied().index()).isZero();
            other.apply(log);
            assertThat(scrub(other)).isEqualTo(scrub(one));
        }
    }

    private static byte[] scrub(ConfigState state) throws IOException {
        try (StateMachine.Scrub scrub = state.beginScrub().orElseThrow()) {
            return scrub.digest(bytes -> {});
        }
    }

    @Test
    void shouldReplayAKeyAfterSnapshotAndRestore() throws Exception {
        Path files = Files.createDirectory(directory.resolve("snapshot"));
        var first = Commands.keyed("k", "h", Commands.create("t/a/e/n", "x", Commands.fresh()));
        try (ConfigState source = state(open("source"));
                ConfigState target = state(open("target"))) {
            Outcome.Accepted accepted = (Outcome.Accepted) Commands.apply(source, first);
            assertThat(Commands.apply(source, first))
                    .isEqualTo(new Outcome.Accepted(accepted.revision(), accepted.result(), true));
            source.beginSnapshot(files).complete();
            target.restore(files);
            assertThat(Commands.apply(target, first))
                    .isEqualTo(new Outcome.Accepted(accepted.revision(), accepted.result(), true));
            assertThat(target.view().revision()).isEqualTo(1);
        }
    }

    /** Everything that a reader can see. */
    protected static String fingerprint(ConfigState state) {
        var text = new StringBuilder();
        ConfigView view = state.view();
        StateReader reader = state.reader();
        text.append(view.revision()).append(view.digest()).append(state.applied());
        reader.configs(null, null, null, null, null, 1000).forEach(config -> {
            text.append('\n').append(config);
            text.append(reader.versions(config.id(), Long.MAX_VALUE, 1000));
            text.append(reader.releaseHistory(config.id(), Long.MAX_VALUE, 1000));
            text.append(reader.metadataHistory(config.id(), Long.MAX_VALUE, 1000));
            ServedConfig served = Objects.requireNonNull(view.find(config.key().toString()));
            assertThat(served.configId()).isEqualTo(config.id());
            text.append(served.rules()).append(served.resolve(Labels.NONE));
            assertThat(view.namespace(config.key().namespace().toString())).contains(served);
            assertThat(reader.config(config.key())).contains(config);
            for (var version : reader.versions(config.id(), Long.MAX_VALUE, 1000)) {
                text.append(
                        new String(reader.content(config.id(), version.id()).orElseThrow(), StandardCharsets.UTF_8));
            }
        });
        text.append(reader.events(0, 1000)).append(reader.eventsCompactedThrough());
        text.append(state.usage("t0")).append(state.usage("t1"));
        return text.toString();
    }
}
