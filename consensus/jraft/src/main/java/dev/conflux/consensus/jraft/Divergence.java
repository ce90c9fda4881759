package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.Task;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.Member;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the members compare their states. The leader puts a mark into the log now and then, collects every member's digest
 * at the mark, and tells a member that differs from a majority to build its state anew. Housekeeper's thread, but for
 * {@link #answered} and {@link #toldDiverged}.
 */
final class Divergence {

    private static final Logger LOG = LoggerFactory.getLogger(Divergence.class);

    private final JRaftNode node;
    private long markedNanos = System.nanoTime();
    private long scrubbedNanos = System.nanoTime();
    private long entriesAtMark;
    private @Nullable Collection current;
    private volatile long judgedIndex;

    /** Digests of one mark that the leader is collecting. */
    private static final class Collection {
        private final long index;
        private final boolean whole;
        private final long deadlineNanos;
        private final Map<Integer, byte[]> digests = new ConcurrentHashMap<>();
        private final Set<Integer> without = ConcurrentHashMap.newKeySet();
        private final Map<Integer, Long> askedNanos = new TreeMap<>();

        Collection(long index, boolean whole) {
            this.index = index;
            this.whole = whole;
            deadlineNanos = System.nanoTime()
                    + TimeUnit.MILLISECONDS.toNanos(whole ? Limits.SCRUB_COLLECT_MILLIS : Limits.DIGEST_COLLECT_MILLIS);
        }
    }

    Divergence(JRaftNode node) {
        this.node = node;
    }

    void check() {
        if (node.membership().members().size() == 1
                || !node.adapter().leads()
                || node.adapter().failed()
                || Failpoints.skips("defence.digest")) {
            current = null;
            return;
        }
        Collection collection = current;
        if (collection != null) {
            collect(collection);
            return;
        }
        Digests digests = node.digests();
        if (digests.newestMark() > judgedIndex) {
            // Also one that an earlier leader has put there.
            Digests.Taken own = digests.at(digests.newestMark());
            if (own == null) {
                judgedIndex = digests.newestMark(); // the state machine offers none
            } else {
                current = new Collection(digests.newestMark(), own.whole());
            }
            return;
        }
        markWhenDue();
    }

    private void markWhenDue() {
        Upkeep upkeep = node.config().upkeep();
        long now = System.nanoTime();
        long entries = node.counters().appliedEntries.sum();
        if (due(upkeep.scrubInterval(), scrubbedNanos, now)) {
            scrubbedNanos = now;
            mark(true);
        } else if (entries != entriesAtMark
                && !upkeep.digestInterval().isZero()
                && (due(upkeep.digestInterval(), markedNanos, now)
                        || entries - entriesAtMark >= Limits.DIGEST_MAX_ENTRIES)) {
            mark(false);
        }
    }

    private static boolean due(Duration interval, long lastNanos, long now) {
        return !interval.isZero() && now - lastNanos >= interval.toNanos();
    }

    /** Puts a mark into the log, if this member leads. It may get lost; there will be another. */
    void mark(boolean whole) {
        markedNanos = System.nanoTime();
        entriesAtMark = node.counters().appliedEntries.sum();
        node.engine()
                .apply(new Task(
                        Envelope.digestMark(node.wallClockMillis(), whole).encode(), null));
    }

    private void collect(Collection collection) {
        Digests.Taken own = node.digests().at(collection.index);
        if (own == null || own.value().isCompletedExceptionally()) {
            collection.without.add(node.selfId());
        } else if (own.value().isDone()) {
            collection.digests.put(node.selfId(), own.value().join());
        }
        boolean complete = true;
        long now = System.nanoTime();
        for (Member member : node.membership().members()) {
            int id = member.id().value();
            if (collection.digests.containsKey(id) || collection.without.contains(id)) {
                continue;
            }
            complete = false;
            Long asked = collection.askedNanos.get(id);
            if (id != node.selfId()
                    && (asked == null || now - asked >= TimeUnit.MILLISECONDS.toNanos(Limits.DIGEST_ASK_MILLIS))) {
                collection.askedNanos.put(id, now);
                ask(id, collection);
            }
        }
        if (complete || now - collection.deadlineNanos >= 0) {
            current = null;
            judgedIndex = collection.index;
            judge(collection);
        }
    }

    private void ask(int id, Collection collection) {
        node.transport()
                .link(id, PeerLink.Lane.CALL)
                .send(new Wire.AskDigest(collection.index), Limits.DIGEST_ASK_MILLIS, false, new ReplyHandler() {
                    @Override
                    public void reply(Object message) {
                        if (message instanceof Wire.DigestReply answer) {
                            switch (answer.state()) {
                                case KNOWN -> collection.digests.put(id, answer.digest());
                                case NONE -> collection.without.add(id);
                                case NOT_YET -> {}
                            }
                        }
                    }

                    @Override
                    public void failed(SendFailure failure) {
                        // Asked again.
                    }
                });
    }

    private void judge(Collection collection) {
        var groups = new TreeMap<String, List<Integer>>();
        var voters = new HashSet<Integer>();
        for (Member member : node.membership().members()) {
            if (member.voter()) {
                voters.add(member.id().value());
            }
        }
        collection.digests.forEach(
                (id, digest) -> groups.computeIfAbsent(HexFormat.of().formatHex(digest), ignored -> new ArrayList<>())
                        .add(id));
        node.counters().digestsCompared.increment();
        String majority = null;
        for (var group : groups.entrySet()) {
            long votes = group.getValue().stream().filter(voters::contains).count();
            if (!group.getKey().isEmpty() && votes > voters.size() / 2) {
                majority = group.getKey();
            }
        }
        if (majority == null) {
            if (groups.size() > 1) {
                node.counters().divergencesUndecided.increment();
                LOG.error(
                        "state_diverged_undecided index={} whole={} digests={} (no majority agrees: every member goes on;"
                                + " find out with raft-inspector which one is right)",
                        collection.index,
                        collection.whole,
                        groups);
            } else {
                LOG.debug("states_agree index={} digests={}", collection.index, groups);
            }
            return;
        }
        byte[] right = HexFormat.of().parseHex(majority);
        for (var group : groups.entrySet()) {
            if (!group.getKey().equals(majority)) {
                group.getValue().forEach(id -> diverged(id, collection, right));
            }
        }
    }

    private void diverged(int id, Collection collection, byte[] majority) {
        node.counters().divergencesFound.increment();
        LOG.error("state_diverged node={} index={} whole={}", id, collection.index, collection.whole);
        if (id == node.selfId()) {
            rebuild(collection.index);
        } else {
            node.transport()
                    .link(id, PeerLink.Lane.CALL)
                    .send(
                            new Wire.Diverged(collection.index, majority),
                            Limits.DIGEST_ASK_MILLIS,
                            false,
                            ReplyHandler.IGNORE); // if it gets lost, the next mark finds the same
        }
    }

    /** What this member knows about its state at a mark; any thread. */
    Wire.DigestReply answered(long index) {
        Digests.Taken own = node.digests().at(index);
        if (own != null && own.value().isDone() && !own.value().isCompletedExceptionally()) {
            return new Wire.DigestReply(
                    Wire.DigestReply.State.KNOWN, own.value().join());
        }
        boolean mayCome =
                own == null ? node.applied().get() < index : !own.value().isDone();
        return new Wire.DigestReply(
                mayCome ? Wire.DigestReply.State.NOT_YET : Wire.DigestReply.State.NONE, new byte[0]);
    }

    /** The leader says what a majority has at a mark; any thread. */
    void toldDiverged(int peerId, Wire.Diverged told) {
        Integer leader = node.leaderId();
        Digests.Taken own = node.digests().at(told.index());
        if (leader == null || leader != peerId || own == null || !own.value().isDone()) {
            return;
        }
        if (!own.value().isCompletedExceptionally()
                && !Arrays.equals(own.value().join(), told.majority())) {
            rebuild(told.index());
        }
    }

    private void rebuild(long index) {
        node.rebuild("the state at index " + index + " differs from that of a majority");
    }
}
