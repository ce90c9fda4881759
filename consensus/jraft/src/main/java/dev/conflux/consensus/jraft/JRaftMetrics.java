package dev.conflux.consensus.jraft;

/**
 * Counters since start. A snapshot of many adders: cheap, not one instant.
 *
 * @param proposed proposals accepted for an attempt on this member
 * @param forwarded of these, attempts sent to another member
 * @param overloaded proposals refused because a queue was full
 * @param indeterminate proposals whose outcome stayed unknown
 * @param appliedEntries entries passed to the state machine
 * @param appliedBatches calls of {@code StateMachine.apply}
 * @param replayedEntries entries skipped because the state held them already
 * @param snapshotsTaken snapshots completed here
 * @param snapshotsFailed snapshots that could not be completed
 * @param snapshotsInstalled snapshots received from a leader and restored
 * @param snapshotsRefused snapshots received from a leader that differed from their manifest
 * @param refusedForSpace proposals refused because disk space was low
 * @param digestsCompared marks at which this member, as leader, has compared the members' states
 * @param divergencesFound members found to differ from a majority
 * @param divergencesUndecided marks at which the members differed and no majority agreed: alarm
 * @param framesSent frames written to peers, in both directions
 * @param bytesSent their bytes before encryption
 * @param framesReceived frames read from peers
 * @param connectionsRefused connections closed because of certificate, identity or protocol
 * @param inFlightProposals proposals waiting for an answer now
 */
public record JRaftMetrics(
        long proposed,
        long forwarded,
        long overloaded,
        long indeterminate,
        long appliedEntries,
        long appliedBatches,
        long replayedEntries,
        long snapshotsTaken,
        long snapshotsFailed,
        long snapshotsInstalled,
        long snapshotsRefused,
        long refusedForSpace,
        long digestsCompared,
        long divergencesFound,
        long divergencesUndecided,
        long framesSent,
        long bytesSent,
        long framesReceived,
        long connectionsRefused,
        long inFlightProposals) {}
