package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Result;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.InMemoryStateStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WatchServiceTest {

    private static final Principal ADMIN = new Principal(1, "admin", true);
    private static final Caller CALLER = new Caller(ADMIN, "0af7651916cd43dd8448eb211c80319c");

    private final ConfigState state = new ConfigState(new InMemoryStateStore());
    private final SingleNodeConsensus consensus = new SingleNodeConsensus(state);
    private final ReadGate gate = ReadGate.on(consensus, state, Duration.ofSeconds(2));
    private final CommandLog log = new CommandLog(consensus, state, Duration.ofSeconds(5));
    private final WatchService service = WatchService.on(state, gate, new Authorizer(), Duration.ofHours(1));
    private long configId;

    @BeforeEach
    void createConfig() {
        var created = (Result.ConfigCreated) log.submit(
                        CALLER,
                        new Command.CreateConfig(
                                ConfigKey.of("t", "app", "prod", "c"), Metadata.EMPTY, content(), List.of(), ""))
                .result();
        configId = created.config().id();
    }

    @AfterEach
    void close() throws Exception {
        service.close();
        consensus.close();
        state.close();
    }

    private static NewVersion content() {
        return new NewContent(new byte[] {65}, Format.TEXT, "", null, null).checked(Format.TEXT);
    }

    private long publish() {
        return log.submit(
                        CALLER,
                        new Command.Publish(
                                List.of(new Command.PublishItem(
                                        configId, content(), new Command.ReleasePlan.MakeDefault(), null, null)),
                                ""))
                .revision();
    }

    private WatchService.Watch open(@Nullable Long from) {
        return service.open(new WatchService.Request(ADMIN, List.of("t/app/prod/*"), Labels.NONE, from), () -> {});
    }

    private static List<WatchFrame> drain(WatchService.Watch watch) {
        var frames = new ArrayList<WatchFrame>();
        WatchFrame frame = watch.poll();
        while (frame != null) {
            frames.add(frame);
            frame = watch.poll();
        }
        return frames;
    }

    @Test
    void shouldTellASlowConsumerToFetchInsteadOfGrowing() {
        try (WatchService.Watch watch = open(null)) {
            long last = 0;
            for (int i = 0; i < 3 * WatchService.QUEUE_LIMIT; i++) {
                last = publish();
            }
            var seen = new ArrayList<WatchFrame>();
            long target = last;
            await().atMost(Duration.ofSeconds(10)).until(() -> {
                seen.addAll(drain(watch));
                return !seen.isEmpty() && seen.getLast().revision() == target;
            });
            assertThat(seen).hasSizeLessThan(2 * WatchService.QUEUE_LIMIT + 2);
            assertThat(seen).hasAtLeastOneElementOfType(WatchFrame.Resync.class);
            assertThat(seen).isSortedAccordingTo((a, b) -> Long.compare(a.revision(), b.revision()));
        }
    }

    @Test
    void shouldNeitherMissNorRepeatWhenResumingWhileWritesGoOn() throws Exception {
        long start = gate.revision();
        var stop = new AtomicBoolean();
        var published = new ArrayList<Long>();
        Thread writer = Thread.startVirtualThread(() -> {
            while (!stop.get()) {
                published.add(publish());
            }
        });
        var watches = new ArrayList<WatchService.Watch>();
        var told = new ArrayList<List<Long>>();
        try {
            for (int i = 0; i < 40; i++) {
                watches.add(open(start));
                told.add(new ArrayList<>());
                for (int w = 0; w < watches.size(); w++) {
                    collect(watches.get(w), told.get(w));
                }
            }
        } finally {
            stop.set(true);
            writer.join();
        }
        for (int w = 0; w < watches.size(); w++) {
            int index = w;
            await().atMost(Duration.ofSeconds(10)).until(() -> {
                collect(watches.get(index), told.get(index));
                return told.get(index).size() >= published.size();
            });
            assertThat(told.get(w)).isEqualTo(published);
            watches.get(w).close();
        }
        await().atMost(Duration.ofSeconds(5)).until(() -> service.watches() == 0);
    }

    private static void collect(WatchService.Watch watch, List<Long> revisions) {
        for (WatchFrame frame : drain(watch)) {
            assertThat(frame).isNotInstanceOf(WatchFrame.Resync.class);
            if (frame instanceof WatchFrame.Change change) {
                revisions.add(change.revision());
            }
        }
    }
}
