package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a member from filling its disk: refuses writes while there is still room for what is under way, and takes them
 * again as soon as there is space. {@code DESIGN.md} says what leader and followers do at which level. Reads go on.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a handover that fails is tried again
final class DiskSpace {

    private static final Logger LOG = LoggerFactory.getLogger(DiskSpace.class);

    private enum Level {
        ENOUGH,
        /** Below {@code Upkeep.minFreeBytes}: nothing new is begun. */
        LOW,
        /** Below a {@link Limits#CRITICAL_SPACE_DIVISOR}th of it: a follower takes no more entries either. */
        CRITICAL
    }

    private final JRaftNode node;
    private final long minFreeBytes;
    private final List<Path> directories;
    private final Map<Integer, Long> lowPeers = new ConcurrentHashMap<>(); // node id -> told until, System.nanoTime

    private volatile Level level = Level.ENOUGH;
    private volatile long freeBytes = Long.MAX_VALUE;

    // Housekeeper only.
    private long toldNanos;
    private long handedOverNanos = System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(Limits.SPACE_HANDOVER_MILLIS);

    DiskSpace(JRaftNode node) {
        this.node = node;
        this.minFreeBytes = node.config().upkeep().minFreeBytes();
        this.directories = List.of(node.config().dataDir(), node.config().logDir());
    }

    /** Of the fuller of this member's file systems; {@link Long#MAX_VALUE} before the first look. */
    long freeBytes() {
        return freeBytes;
    }

    /** Looks at the disks, tells the leader, or hands leadership over. Called by the housekeeper. */
    void check() {
        if (minFreeBytes == 0) {
            return;
        }
        long free = Long.MAX_VALUE;
        for (Path directory : directories) {
            try {
                free = Math.min(free, Files.getFileStore(directory).getUsableSpace());
            } catch (IOException e) {
                LOG.error("disk_space_unknown path={}", directory, e); // The next write there will say more.
                return;
            }
        }
        freeBytes = free;
        Level now = judge(free);
        if (now != level) {
            String event = now == Level.ENOUGH ? "disk_space_enough" : "disk_space_low";
            LOG.error("{} level={} free_bytes={} min_free_bytes={}", event, now, free, minFreeBytes);
            level = now;
        }
        if (now != Level.ENOUGH) {
            act();
        }
    }

    private Level judge(long free) {
        if (free < minFreeBytes / Limits.CRITICAL_SPACE_DIVISOR) {
            return Level.CRITICAL;
        }
        // Some more than the bound to recover: no flapping at the edge.
        long enough = level == Level.ENOUGH ? minFreeBytes : minFreeBytes + minFreeBytes / 8;
        return free < enough ? Level.LOW : Level.ENOUGH;
    }

    private void act() {
        long now = System.nanoTime();
        if (node.isLeading()) {
            Optional<NodeId> target = roomier();
            if (target.isPresent()
                    && now - handedOverNanos >= TimeUnit.MILLISECONDS.toNanos(Limits.SPACE_HANDOVER_MILLIS)) {
                handedOverNanos = now;
                LOG.warn("leadership_offered target={} reason=\"disk space is low here\"", target.get());
                node.leadership().transferOwn(target);
            }
            return;
        }
        Integer leader = node.leaderId();
        if (leader != null && now - toldNanos >= TimeUnit.MILLISECONDS.toNanos(Limits.SPACE_TELL_MILLIS)) {
            toldNanos = now;
            node.transport()
                    .link(leader, PeerLink.Lane.CALL)
                    .send(new Wire.SpaceLow(freeBytes), Limits.SPACE_TELL_MILLIS, false, ReplyHandler.IGNORE);
        }
    }

    /** A peer has little space; it says so again and again while it lasts. */
    void peerLow(int peerId) {
        lowPeers.put(peerId, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(4 * Limits.SPACE_TELL_MILLIS));
    }

    private boolean low(int peerId) {
        Long until = lowPeers.get(peerId);
        return until != null && until - System.nanoTime() > 0;
    }

    /** Another connected voter that has not said that it has little space. */
    private Optional<NodeId> roomier() {
        return node.membership().members().stream()
                .filter(member -> member.voter() && member.id().value() != node.selfId())
                .filter(member -> !low(member.id().value()))
                .filter(member -> node.transport()
                        .link(member.id().value(), PeerLink.Lane.RAFT)
                        .connected())
                .map(Member::id)
                .findFirst();
    }

    /** True when the leader's own disk is the trouble and somebody else may take over. */
    boolean handingOver() {
        return level != Level.ENOUGH && roomier().isPresent();
    }

    /** On the leader: why nothing may be appended now; null when it may. */
    @Nullable
    String refusal() {
        if (level != Level.ENOUGH) {
            return "free disk space on node " + node.selfId() + ": " + freeBytes + " bytes (expected: >= "
                    + minFreeBytes + "; give it space, writes go on by themselves)";
        }
        if (lowPeers.isEmpty()) {
            return null;
        }
        List<Integer> voters = node.membership().members().stream()
                .filter(Member::voter)
                .map(member -> member.id().value())
                .toList();
        List<Integer> low = voters.stream().filter(this::low).toList();
        return voters.size() - low.size() > voters.size() / 2
                ? null
                : "disk space is low on nodes " + low + " (give them space, writes go on by themselves)";
    }

    /** True when this follower must not take entries, lest the disk be full when it has to write a vote. */
    boolean critical() {
        return level == Level.CRITICAL;
    }
}
