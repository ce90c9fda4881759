package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.HistoryWriter;
import dev.conflux.consensus.testkit.WatchFrame;
import dev.conflux.consensus.testkit.WatchFrame.Kind;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import tools.jackson.databind.JsonNode;

/**
 * Watchers of everything in one namespace. Each goes on where it was when its connection ends, also of its own accord,
 * on the same node or another; some are slow.
 */
final class Watchers {

    /** Without a frame or heartbeat for so long, the connection counts as gone: heartbeats come every 15 s. */
    private static final Duration SILENCE = Duration.ofSeconds(3);

    /** One in so many frames ends in a new connection. */
    private static final int WANDER = 200;

    /** One watcher in so many is slow. */
    private static final int SLOW = 4;

    private static final Duration LAST_FRAMES = Duration.ofSeconds(25);

    private final ConfluxTarget target;
    private final HistoryWriter history;
    private final Configs configs;
    private final List<Thread> threads = new ArrayList<>();
    /** Up to which revision a watcher has been told everything. */
    private final Map<Integer, Long> told = new ConcurrentHashMap<>();

    private final AtomicLong finalRevision = new AtomicLong(Long.MAX_VALUE);

    Watchers(ConfluxTarget target, HistoryWriter history, Configs configs) {
        this.target = target;
        this.history = history;
        this.configs = configs;
    }

    void start(int perNode) {
        for (int i = 0; i < perNode * target.members().size(); i++) {
            int watcher = i + 1;
            threads.add(Thread.startVirtualThread(() -> watch(watcher)));
        }
    }

    /** Waits until every watcher has been told everything, as long as that may take. */
    void stop() {
        long last = target.state(1)
                .map(state -> Long.parseLong(state.split(" ", 2)[0]))
                .orElseThrow(() -> new ChaosException("node 1 does not tell its revision"));
        finalRevision.set(last);
        try {
            for (Thread thread : threads) {
                thread.join(LAST_FRAMES.plusSeconds(5));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ChaosException("interrupted", e);
        }
    }

    private void watch(int watcher) {
        var random = new SplittableRandom(watcher);
        int node = target.members().get(watcher % target.members().size());
        long giveUp = Long.MAX_VALUE;
        while (true) {
            long last = finalRevision.get();
            if (last != Long.MAX_VALUE) {
                giveUp = Math.min(giveUp, System.nanoTime() + LAST_FRAMES.toNanos());
                if (System.nanoTime() - giveUp > 0) {
                    frame(watcher, node, Kind.QUIESCED, last);
                    return;
                }
            }
            try (var stream = new RawHttp(target.httpPort(node), SILENCE)) {
                if (follow(stream, watcher, node, random)) {
                    return;
                }
            } catch (IOException e) {
                // Whatever ended it, it is connected again.
            }
            if (random.nextInt(3) > 0) {
                node = target.another(node, random);
            }
            Os.sleep(Duration.ofMillis(20 + random.nextInt(200)));
        }
    }

    /** Reads until the connection ends; true when it has been told everything that there will be. */
    private boolean follow(RawHttp stream, int watcher, int node, SplittableRandom random) throws IOException {
        Long from = told.get(watcher);
        RawHttp.Answer head = stream.open(
                configs.watchPath(from),
                "Authorization: Bearer " + target.token() + "\r\nAccept: text/event-stream\r\n");
        if (head.status() != 200) {
            return false;
        }
        boolean subscribed = false;
        try {
            while (random.nextInt(WANDER) > 0) {
                JsonNode event = Configs.event(stream);
                if (event == null) {
                    continue;
                }
                long revision = event.path("revision").asLong();
                switch (event.path("type").asString("")) {
                    case "subscribed" -> {
                        subscribed = true;
                        revision = from == null ? revision : from;
                        frame(watcher, node, Kind.SUBSCRIBED, revision);
                    }
                    case "change" ->
                        history.frame(new WatchFrame(
                                watcher,
                                node,
                                history.nanos(),
                                Kind.CHANGES,
                                revision,
                                List.of(),
                                configs.changes(event)));
                    case "progress" -> frame(watcher, node, Kind.PROGRESS, revision);
                    case "resync" -> frame(watcher, node, Kind.RESYNC, revision);
                    default -> {
                        return false;
                    }
                }
                told.put(watcher, revision);
                if (revision >= finalRevision.get()) {
                    frame(watcher, node, Kind.QUIESCED, finalRevision.get());
                    return true;
                }
                if (watcher % SLOW == 0) {
                    Os.sleep(Duration.ofMillis(random.nextInt(30)));
                }
            }
            return false;
        } finally {
            if (subscribed) {
                frame(watcher, node, Kind.CLOSED, told.getOrDefault(watcher, 0L));
            }
        }
    }

    private void frame(int watcher, int node, Kind kind, long revision) {
        history.frame(new WatchFrame(watcher, node, history.nanos(), kind, revision, List.of(), List.of()));
    }
}
