package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.alipay.sofa.jraft.conf.ConfigurationManager;
import com.alipay.sofa.jraft.entity.EnumOutter;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.entity.codec.v2.LogEntryV2CodecFactory;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import dev.conflux.base.observe.Metrics;
import dev.conflux.consensus.api.LogPosition;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.slf4j.LoggerFactory;

/** Files that keep what was acknowledged, damaged at each of their bytes: told or harmless, and never something else. */
@Execution(ExecutionMode.CONCURRENT)
class EveryByteTest {

    private static final Logger QUARANTINES = (Logger) LoggerFactory.getLogger(Quarantine.class);

    private static final int ENTRIES = 5;

    /** Of the mark: two pages, each beginning with magic, sequence, index, term and checksum. */
    private static final int SLOT_BYTES = 4096;

    private static final int SAYS_SOMETHING = 2 * Integer.BYTES + 3 * Long.BYTES;

    /** Where every byte is like the next; no divisor of a page or a block. */
    private static final int SPARSELY = 13;

    @TempDir
    Path directory;

    private JRaftConfig config;

    /** Each of a thousand quarantines would be a line. */
    @BeforeAll
    static void beQuiet() {
        QUARANTINES.setLevel(Level.OFF);
    }

    @AfterAll
    static void speakAgain() {
        QUARANTINES.setLevel(null);
    }

    @BeforeEach
    void makeDirectories() throws IOException {
        config = new TestCluster(directory, 3).config(1);
        Files.createDirectories(config.dataDir());
        HighWaterMark.create(config.dataDir());
    }

    /** What was being written when the power failed; nobody had been told that it is there. */
    @Test
    void shouldStartAloneWithEverythingElseWhereverTheLastWriteIsTorn() throws IOException {
        // given
        long before;
        byte[] markBefore;
        byte[] whole;
        try (var log = Log.open(config, true)) {
            log.append(1, ENTRIES - 1);
            before = Files.size(wal());
            markBefore = Files.readAllBytes(mark());
            log.append(ENTRIES, ENTRIES);
            whole = Files.readAllBytes(wal());
        }
        var kept = new Copy(config.dataDir());

        for (int length = (int) before; length < whole.length; length++) {
            // when
            kept.restore();
            Files.write(mark(), markBefore);
            Files.write(wal(), Arrays.copyOf(whole, length));

            // then
            try (var log = Log.open(config, true)) {
                assertThat(log.quarantine().active())
                        .as("quarantine, cut at %d", length)
                        .isFalse();
                assertThat(log.contents()).as("cut at %d", length).containsExactlyElementsOf(contents(ENTRIES - 1));
            }
        }
    }

    /** What had been acknowledged. */
    @Test
    void shouldNoticeWhereverTheLogIsCutOff() throws IOException {
        // given
        try (var log = Log.open(config, false)) {
            log.append(1, ENTRIES);
        }
        byte[] whole = Files.readAllBytes(wal());
        var kept = new Copy(config.dataDir());

        for (int length = 0; length < whole.length; length++) {
            // when
            kept.restore();
            Files.write(wal(), Arrays.copyOf(whole, length));

            // then
            judge("cut at " + length, true);
        }
    }

    @Test
    void shouldNoticeEveryOtherByteInTheLog() throws IOException {
        // given
        try (var log = Log.open(config, false)) {
            log.append(1, ENTRIES);
        }
        byte[] whole = Files.readAllBytes(wal());
        var kept = new Copy(config.dataDir());

        for (int place = 0; place < whole.length; place++) {
            // when
            kept.restore();
            byte[] damaged = whole.clone();
            damaged[place] ^= (byte) (1 << place % 8);
            Files.write(wal(), damaged);

            // then
            judge("flip at " + place, false);
        }
    }

    /** Either it does not start, or it is in quarantine, or it has everything. */
    private void judge(String how, boolean shorter) throws IOException {
        try (var log = Log.open(config, false)) {
            List<String> contents = log.contents();
            assertThat(contents).as(how).isEqualTo(contents(contents.size()));
            if (shorter || contents.size() < ENTRIES) {
                assertThat(log.quarantine().declared()).as(how).isTrue();
            }
        } catch (IllegalStateException e) {
            assertThat(e).as(how).hasMessageContaining(config.logDir().toString());
        }
    }

    @Test
    void shouldNeverBelieveAMarkThatNobodyWrote() throws IOException {
        // given
        var last = new LogPosition(0x1234_5678_9abcL, 0x1_0203);
        var oneBefore = new LogPosition(0x1234_5678_9abbL, 0x1_0202);
        try (HighWaterMark mark = Objects.requireNonNull(HighWaterMark.open(config.dataDir()))) {
            mark.reached(oneBefore);
            mark.reached(last);
        }
        byte[] whole = Files.readAllBytes(mark());
        int fallenBack = 0;

        // then: one slot is always whole
        for (int place = 0; place < whole.length; place = next(place)) {
            byte[] damaged = whole.clone();
            damaged[place] ^= (byte) (1 << place % 8);
            Files.write(mark(), damaged);
            LogPosition found = HighWaterMark.read(config.dataDir());
            assertThat(found).as("flip at %d", place).isIn(last, oneBefore);
            fallenBack += oneBefore.equals(found) ? 1 : 0;
        }
        assertThat(fallenBack).isEqualTo(SAYS_SOMETHING); // in the newer slot
        for (int length = 0; length < whole.length; length += SPARSELY) {
            Files.write(mark(), Arrays.copyOf(whole, length));
            assertThat(HighWaterMark.read(config.dataDir()))
                    .as("cut at %d", length)
                    .isNull();
        }
    }

    /** The next byte of a mark to look at; each slot from its first on. */
    private static int next(int place) {
        int step = place % SLOT_BYTES < SAYS_SOMETHING ? 1 : SPARSELY;
        return Math.min(place + step, (place / SLOT_BYTES + 1) * SLOT_BYTES);
    }

    @Test
    void shouldRefuseEveryOtherByteOfIdentityMembershipAndQuarantine() throws IOException {
        // given
        Path data = config.dataDir();
        Identity identity = Identity.fresh(TestCluster.NAME, 1).memberOf("9f0e6d1c-cluster", 3);
        identity.write(data);
        var members = new TreeMap<Integer, MembershipRecord.Entry>();
        members.put(1, new MembershipRecord.Entry("node-1:9090", identity.storageId(), "node-1:8080"));
        var record = new MembershipRecord(
                new LogPosition(4711, 3),
                "9f0e6d1c-cluster",
                3,
                2,
                java.util.Optional.empty(),
                new java.util.TreeSet<>(),
                members);
        record.write(data);
        new Quarantine(data).close(new LogPosition(4711, 3), "test");

        // then
        refusesEveryDamage(data.resolve(Identity.FILE), () -> Identity.read(data), identity);
        refusesEveryDamage(data.resolve(MembershipRecord.FILE), () -> MembershipRecord.read(data), record);
        refusesEveryDamage(data.resolve(Quarantine.FILE), () -> Quarantine.unfinished(data), new LogPosition(4711, 3));
    }

    private interface Reading {
        @Nullable
        Object read() throws IOException;
    }

    private static void refusesEveryDamage(Path file, Reading reading, Object value) throws IOException {
        byte[] whole = Files.readAllBytes(file);
        assertThat(reading.read()).isEqualTo(value);
        for (int place = 0; place < whole.length; place++) {
            for (int bit = 0; bit < 8; bit++) {
                byte[] damaged = whole.clone();
                damaged[place] ^= (byte) (1 << bit);
                refusesOrIgnores(file, damaged, reading, value, "flip at " + place);
            }
            refusesOrIgnores(file, Arrays.copyOf(whole, place), reading, value, "cut at " + place);
        }
        Files.write(file, whole);
    }

    /** The last line feed says nothing. */
    private static void refusesOrIgnores(Path file, byte[] damaged, Reading reading, Object value, String how)
            throws IOException {
        Files.write(file, damaged);
        Object found;
        try {
            found = reading.read();
        } catch (IdentityException | IOException e) {
            return;
        }
        assertThat(found).as("%s of %s", how, file.getFileName()).isEqualTo(value);
    }

    @Test
    void shouldRefuseASnapshotWithEveryOtherByte() throws IOException {
        try (var cluster = new TestCluster(directory.resolve("one"), 1).startAll()) {
            // given
            cluster.proposeMany(1, "a", 20);
            long index = cluster.node(1).snapshot().join();
            cluster.stop(1);
            Path snapshot = EngineOptions.snapshots(cluster.dataDir(1)).resolve("snapshot_" + index);
            SnapshotManifest manifest = SnapshotManifest.read(snapshot);
            var names = new ArrayList<>(
                    manifest.files().stream().map(SnapshotManifest.Entry::name).toList());
            names.add(SnapshotManifest.FILE);

            for (String name : names) {
                Path file = snapshot.resolve(name);
                byte[] whole = Files.readAllBytes(file);
                boolean ours = !name.contains("/");
                for (int place = 0; place < whole.length; place += ours ? 1 : SPARSELY) {
                    // when
                    byte[] damaged = whole.clone();
                    damaged[place] ^= (byte) (1 << place % 8);
                    Files.write(file, damaged);

                    // then
                    assertThatThrownBy(() -> SnapshotManifest.read(snapshot).verify(snapshot))
                            .as("flip at %d of %s", place, name)
                            .isInstanceOf(IOException.class);
                }
                Files.write(file, whole);
            }
            SnapshotManifest.read(snapshot).verify(snapshot);
        }
    }

    private static List<String> contents(int count) {
        return IntStream.rangeClosed(1, count).mapToObj(EveryByteTest::content).toList();
    }

    private static String content(int index) {
        return "entry " + index + " of those that were acknowledged";
    }

    private Path mark() {
        return config.dataDir().resolve(HighWaterMark.FILE);
    }

    private Path wal() throws IOException {
        try (Stream<Path> files = Files.list(config.logDir())) {
            return files.filter(file -> file.toString().endsWith(".log"))
                    .max(java.util.Comparator.naturalOrder())
                    .orElseThrow();
        }
    }

    /** A directory as it was. */
    private static final class Copy {

        private final Path directory;
        private final TreeMap<Path, byte[]> files = new TreeMap<>();

        Copy(Path directory) throws IOException {
            this.directory = directory;
            try (Stream<Path> all = Files.walk(directory)) {
                for (Path file : all.filter(Files::isRegularFile).toList()) {
                    files.put(file, Files.readAllBytes(file));
                }
            }
        }

        void restore() throws IOException {
            try (Stream<Path> all = Files.walk(directory)) {
                for (Path file : all.filter(Files::isRegularFile).toList()) {
                    if (!files.containsKey(file)) {
                        Files.delete(file);
                    }
                }
            }
            for (var file : files.entrySet()) {
                Files.write(file.getKey(), file.getValue());
            }
        }
    }

    /** The guarded log of a member that does not run. */
    private record Log(LogStorage storage, HighWaterMark mark, Quarantine quarantine) implements AutoCloseable {

        static Log open(JRaftConfig config, boolean onlyMember) throws IOException {
            EngineOptions.registerStorageOptions();
            HighWaterMark mark = Objects.requireNonNull(HighWaterMark.open(config.dataDir()));
            var quarantine = new Quarantine(config.dataDir());
            var guarded = new EngineStorage(
                    config,
                    mark,
                    false,
                    onlyMember,
                    quarantine,
                    LogPosition.ZERO,
                    new Counters(Metrics.ofPart()),
                    new Watchdog("test", Duration.ofMinutes(1), reason -> {}),
                    new AppliedIndex());
            LogStorage storage = guarded.createLogStorage(config.logDir().toString(), EngineOptions.raftOptions());
            var options = new LogStorageOptions();
            options.setGroupId("test");
            options.setConfigurationManager(new ConfigurationManager());
            options.setLogEntryCodecFactory(LogEntryV2CodecFactory.getInstance());
            if (!storage.init(options)) {
                throw new IllegalStateException(config.logDir() + " cannot be opened");
            }
            return new Log(storage, mark, quarantine);
        }

        void append(int from, int to) {
            for (int index = from; index <= to; index++) {
                var entry = new LogEntry(EnumOutter.EntryType.ENTRY_TYPE_DATA);
                entry.setId(new LogId(index, 1));
                entry.setData(ByteBuffer.wrap(content(index).getBytes(StandardCharsets.UTF_8)));
                entry.setChecksum(entry.checksum());
                assertThat(storage.appendEntries(List.of(entry))).isEqualTo(1);
            }
        }

        List<String> contents() {
            var contents = new ArrayList<String>();
            for (long index = 1; index <= storage.getLastLogIndex(); index++) {
                LogEntry entry = storage.getEntry(index);
                assertThat(entry).as("entry %d", index).isNotNull();
                assertThat(entry.isCorrupted()).as("entry %d", index).isFalse();
                contents.add(StandardCharsets.UTF_8.decode(entry.getData()).toString());
            }
            return contents;
        }

        @Override
        public void close() {
            storage.shutdown();
        }
    }
}
