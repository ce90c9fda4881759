package dev.conflux.consensus.jraft;

import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsIdentity;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;

/**
 * Everything a {@link JRaftNode} needs to know. Start from {@link #of} and change with the {@code with…} methods.
 *
 * @param clusterName the cluster's name, as in every member's certificate
 * @param nodeId this member; its certificate must say the same
 * @param members every voter including this one, the same on all of them; the static membership of the first start
 * @param bindHost address to listen on; the port is that of this member's address
 * @param dataDir identity, vote, snapshots, high-water mark; created if absent; one process at a time
 * @param logDir the log; may be on another disk; created if absent
 * @param tls key material of the peer listener and of connections to peers
 * @param electionTimeout a follower that has heard nothing for this long asks for votes
 * @param heartbeatInterval a leader without work says so often that it is alive; shorter than the election timeout
 * @param followerReadLag bound of {@code ReadLevel.FOLLOWER}
 * @param snapshotLogBytes a snapshot is taken after this many bytes of commands …
 * @param snapshotLogEntries … or this many commands, whichever comes first
 * @param halt what ends the process
 */
public record JRaftConfig(
        String clusterName,
        NodeId nodeId,
        List<Member> members,
        String bindHost,
        Path dataDir,
        Path logDir,
        TlsIdentity tls,
        Duration electionTimeout,
        Duration heartbeatInterval,
        Duration followerReadLag,
        long snapshotLogBytes,
        long snapshotLogEntries,
        Halt halt) {

    /**
     * Measured on real processes: a new leader within one second of the old one's death in 19 of 20 trials, the other a
     * split vote (1.07 s); heartbeats of 40 ms leave room for pauses of some hundred milliseconds.
     */
    public static final Duration DEFAULT_ELECTION_TIMEOUT = Duration.ofMillis(300);

    /** Below this, scheduling noise of a shared machine looks like a dead leader. */
    public static final Duration MIN_ELECTION_TIMEOUT = Duration.ofMillis(200);

    /** Several elections: a healthy follower stays far below, one that is cut off exceeds it soon. */
    public static final Duration DEFAULT_FOLLOWER_READ_LAG = Duration.ofSeconds(2);

    /** Replaying this much takes seconds, and two such intervals of log are kept on disk. */
    public static final long DEFAULT_SNAPSHOT_LOG_BYTES = 128L << 20;

    /** Small commands cost time per entry, not per byte. */
    public static final long DEFAULT_SNAPSHOT_LOG_ENTRIES = 500_000;

    public JRaftConfig {
        members = members.stream().sorted(Comparator.comparing(Member::id)).toList();
        new PeerName(clusterName, nodeId.value()); // validates both
        var ids = new HashSet<NodeId>();
        var addresses = new HashSet<String>();
        for (Member member : members) {
            if (!member.voter()) {
                throw new IllegalArgumentException("member " + member.id() + ": a learner (expected: voters only)");
            }
            PeerAddress.parse(member.address());
            if (!ids.add(member.id()) || !addresses.add(member.address())) {
                throw new IllegalArgumentException("member " + member + ": id or address occurs twice");
            }
        }
        if (!ids.contains(nodeId)) {
            throw new IllegalArgumentException("node id: " + nodeId + " (expected: one of " + ids + ")");
        }
        if (electionTimeout.compareTo(MIN_ELECTION_TIMEOUT) < 0) {
            throw new IllegalArgumentException(
                    "election timeout: " + electionTimeout + " (expected: >= " + MIN_ELECTION_TIMEOUT + ")");
        }
        if (!heartbeatInterval.isPositive() || heartbeatInterval.compareTo(electionTimeout) >= 0) {
            throw new IllegalArgumentException(
                    "heartbeat interval: " + heartbeatInterval + " (expected: shorter than " + electionTimeout + ")");
        }
        if (snapshotLogBytes < 1 || snapshotLogEntries < 1) {
            throw new IllegalArgumentException("snapshot after " + snapshotLogBytes + " bytes or " + snapshotLogEntries
                    + " entries (expected: both > 0)");
        }
    }

    /** With defaults for everything else: listens on all addresses, keeps the log in {@code dataDir/log}. */
    public static JRaftConfig of(
            String clusterName, NodeId nodeId, List<Member> members, Path dataDir, TlsIdentity tls) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                members,
                "0.0.0.0",
                dataDir,
                dataDir.resolve("log"),
                tls,
                DEFAULT_ELECTION_TIMEOUT,
                DEFAULT_ELECTION_TIMEOUT.dividedBy(Limits.HEARTBEAT_FACTOR),
                DEFAULT_FOLLOWER_READ_LAG,
                DEFAULT_SNAPSHOT_LOG_BYTES,
                DEFAULT_SNAPSHOT_LOG_ENTRIES,
                Halt.PROCESS);
    }

    public JRaftConfig withBindHost(String host) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                members,
                host,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                snapshotLogBytes,
                snapshotLogEntries,
                halt);
    }

    public JRaftConfig withLogDir(Path directory) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                members,
                bindHost,
                dataDir,
                directory,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                snapshotLogBytes,
                snapshotLogEntries,
                halt);
    }

    /** The heartbeat becomes a tenth of it. */
    public JRaftConfig withElectionTimeout(Duration timeout) {
        return withElectionTimeout(timeout, timeout.dividedBy(Limits.HEARTBEAT_FACTOR));
    }

    public JRaftConfig withElectionTimeout(Duration timeout, Duration heartbeat) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                members,
                bindHost,
                dataDir,
                logDir,
                tls,
                timeout,
                heartbeat,
                followerReadLag,
                snapshotLogBytes,
                snapshotLogEntries,
                halt);
    }

    public JRaftConfig withFollowerReadLag(Duration lag) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                members,
                bindHost,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                lag,
                snapshotLogBytes,
                snapshotLogEntries,
                halt);
    }

    public JRaftConfig withSnapshotAfter(long logBytes, long logEntries) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                members,
                bindHost,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                logBytes,
                logEntries,
                halt);
    }

    public JRaftConfig withHalt(Halt other) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                members,
                bindHost,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                snapshotLogBytes,
                snapshotLogEntries,
                other);
    }

    /** This member. */
    public Member self() {
        return member(nodeId.value());
    }

    Member member(int id) {
        for (Member member : members) {
            if (member.id().value() == id) {
                return member;
            }
        }
        throw new IllegalArgumentException("node id: " + id + " (expected: a member)");
    }
}
