package dev.conflux.consensus.jraft;

import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsIdentity;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Everything a {@link JRaftNode} needs to know. Start from {@link #of} and change with the {@code with…} methods.
 *
 * @param clusterName the cluster's name, as in every member's certificate
 * @param nodeId this member; its certificate must say the same
 * @param address {@code host:port} at which the other members reach this one
 * @param origin how it comes into a cluster as long as its directories are empty
 * @param bindHost address to listen on; the port is that of {@code address}
 * @param dataDir identity, vote, snapshots, high-water mark; created if absent; one process at a time
 * @param logDir the log; may be on another disk; created if absent
 * @param tls key material of the peer listener and of connections to peers
 * @param electionTimeout a follower that has heard nothing for this long asks for votes
 * @param heartbeatInterval a leader without work says so often that it is alive; shorter than the election timeout
 * @param followerReadLag bound of {@code ReadLevel.FOLLOWER}
 * @param upkeep snapshots, disk space, watchdog, comparison of states
 * @param joinStall a joining member that cannot be reached for this long is given up
 * @param featureLevel the highest that this build understands
 * @param halt what ends the process
 */
public record JRaftConfig(
        String clusterName,
        NodeId nodeId,
        String address,
        Origin origin,
        String bindHost,
        Path dataDir,
        Path logDir,
        TlsIdentity tls,
        Duration electionTimeout,
        Duration heartbeatInterval,
        Duration followerReadLag,
        Upkeep upkeep,
        Duration joinStall,
        int featureLevel,
        Halt halt) {

    /** Ten heartbeats: leaves room for pauses of a third of a second, and elects well within one. */
    public static final Duration DEFAULT_ELECTION_TIMEOUT = Duration.ofMillis(400);

    /** Below this, scheduling noise of a shared machine looks like a dead leader. */
    public static final Duration MIN_ELECTION_TIMEOUT = Duration.ofMillis(200);

    /** Several elections: a healthy follower stays far below, one that is cut off exceeds it soon. */
    public static final Duration DEFAULT_FOLLOWER_READ_LAG = Duration.ofSeconds(2);

    /** A restart of its process fits in. */
    public static final Duration DEFAULT_JOIN_STALL = Duration.ofSeconds(60);

    public JRaftConfig {
        new PeerName(clusterName, nodeId.value()); // validates both
        PeerAddress own = PeerAddress.parse(address);
        if (origin instanceof Origin.Founders founders
                && founders.members().stream()
                        .noneMatch(m -> m.id().equals(nodeId)
                                && PeerAddress.parse(m.address()).equals(own))) {
            throw new IllegalArgumentException(
                    "node id: " + nodeId + " at " + address + " (expected: one of " + founders.expectation() + ")");
        }
        if (featureLevel < 1) {
            throw new IllegalArgumentException("feature level: " + featureLevel + " (expected: > 0)");
        }
        if (electionTimeout.compareTo(MIN_ELECTION_TIMEOUT) < 0) {
            throw new IllegalArgumentException(
                    "election timeout: " + electionTimeout + " (expected: >= " + MIN_ELECTION_TIMEOUT + ")");
        }
        if (!heartbeatInterval.isPositive() || heartbeatInterval.compareTo(electionTimeout) >= 0) {
            throw new IllegalArgumentException(
                    "heartbeat interval: " + heartbeatInterval + " (expected: shorter than " + electionTimeout + ")");
        }
    }

    /** A member of a static list; with defaults for everything else. */
    public static JRaftConfig of(
            String clusterName, NodeId nodeId, List<Member> members, Path dataDir, TlsIdentity tls) {
        var founders = new Origin.Founders(members);
        for (Member member : founders.members()) {
            if (member.id().equals(nodeId)) {
                return of(clusterName, nodeId, member.address(), founders, dataDir, tls);
            }
        }
        throw new IllegalArgumentException("node id: " + nodeId + " (expected: one of " + founders.founders() + ")");
    }

    /** With defaults for everything else: listens on all addresses, keeps the log in {@code dataDir/log}. */
    public static JRaftConfig of(
            String clusterName, NodeId nodeId, String address, Origin origin, Path dataDir, TlsIdentity tls) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                address,
                origin,
                "0.0.0.0",
                dataDir,
                dataDir.resolve("log"),
                tls,
                DEFAULT_ELECTION_TIMEOUT,
                DEFAULT_ELECTION_TIMEOUT.dividedBy(Limits.HEARTBEAT_FACTOR),
                DEFAULT_FOLLOWER_READ_LAG,
                Upkeep.DEFAULT,
                DEFAULT_JOIN_STALL,
                1,
                Halt.PROCESS);
    }

    public JRaftConfig withBindHost(String host) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                address,
                origin,
                host,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                upkeep,
                joinStall,
                featureLevel,
                halt);
    }

    public JRaftConfig withLogDir(Path directory) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                address,
                origin,
                bindHost,
                dataDir,
                directory,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                upkeep,
                joinStall,
                featureLevel,
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
                address,
                origin,
                bindHost,
                dataDir,
                logDir,
                tls,
                timeout,
                heartbeat,
                followerReadLag,
                upkeep,
                joinStall,
                featureLevel,
                halt);
    }

    public JRaftConfig withFollowerReadLag(Duration lag) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                address,
                origin,
                bindHost,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                lag,
                upkeep,
                joinStall,
                featureLevel,
                halt);
    }

    public JRaftConfig withUpkeep(Upkeep other) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                address,
                origin,
                bindHost,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                other,
                joinStall,
                featureLevel,
                halt);
    }

    public JRaftConfig withSnapshotAfter(long logBytes, long logEntries) {
        return withUpkeep(upkeep.withSnapshotAfter(logBytes, logEntries));
    }

    public JRaftConfig withJoinStall(Duration stall) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                address,
                origin,
                bindHost,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                upkeep,
                stall,
                featureLevel,
                halt);
    }

    public JRaftConfig withFeatureLevel(int level) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                address,
                origin,
                bindHost,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                upkeep,
                joinStall,
                level,
                halt);
    }

    public JRaftConfig withHalt(Halt other) {
        return new JRaftConfig(
                clusterName,
                nodeId,
                address,
                origin,
                bindHost,
                dataDir,
                logDir,
                tls,
                electionTimeout,
                heartbeatInterval,
                followerReadLag,
                upkeep,
                joinStall,
                featureLevel,
                other);
    }
}
