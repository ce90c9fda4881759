package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.ReplicatorGroup;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.rpc.RpcProcessor;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequestHeader;
import com.alipay.sofa.jraft.rpc.RpcRequests.ErrorResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.GetFileRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.InstallSnapshotRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.ReadIndexRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.RequestVoteRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.RequestVoteResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.TimeoutNowRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.TimeoutNowResponse;
import com.alipay.sofa.jraft.rpc.impl.core.AppendEntriesRequestProcessor;
import com.alipay.sofa.jraft.rpc.impl.core.GetFileRequestProcessor;
import com.alipay.sofa.jraft.rpc.impl.core.InstallSnapshotRequestProcessor;
import com.alipay.sofa.jraft.rpc.impl.core.ReadIndexRequestProcessor;
import com.alipay.sofa.jraft.rpc.impl.core.RequestVoteRequestProcessor;
import com.alipay.sofa.jraft.rpc.impl.core.TimeoutNowRequestProcessor;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.StateMachine;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What peers may ask of this member: the engine's six requests and ours. The engine's administration requests are
 * not among them. Each engine request is checked against the certificate that it came with.
 */
@SuppressWarnings("FutureReturnValueIgnored") // the callback answers in either case
final class PeerRequests implements PeerTransport.Handler {

    private static final Logger LOG = LoggerFactory.getLogger(PeerRequests.class);

    private final JRaftNode node;
    private final StateMachine stateMachine;
    private final Quarantine quarantine;
    private final Executor executor;
    private final String self;
    private final AppendEntriesRequestProcessor appends;
    private final RequestVoteRequestProcessor votes;
    private final TimeoutNowRequestProcessor timeoutNow;
    private final ReadIndexRequestProcessor readIndex;
    private final InstallSnapshotRequestProcessor installSnapshot;
    private final GetFileRequestProcessor getFile;
    private final SnapshotPace snapshotPace = new SnapshotPace(System::nanoTime, Limits.SNAPSHOT_BYTES_PER_SECOND);

    PeerRequests(JRaftNode node, StateMachine stateMachine, Quarantine quarantine, Executor executor, PeerId self) {
        this.node = node;
        this.stateMachine = stateMachine;
        this.quarantine = quarantine;
        this.executor = executor;
        this.self = self.toString();
        this.appends = new AppendEntriesRequestProcessor(executor);
        this.votes = new RequestVoteRequestProcessor(executor);
        this.timeoutNow = new TimeoutNowRequestProcessor(executor);
        this.readIndex = new ReadIndexRequestProcessor(executor);
        this.installSnapshot = new InstallSnapshotRequestProcessor(executor);
        this.getFile = new GetFileRequestProcessor(executor);
    }

    @Override
    public void request(int peerId, Request request, MessageType type, Object message) {
        switch (message) {
            case AppendEntriesRequest append -> {
                if (addressed(peerId, request, append.getServerId(), append.getPeerId())) {
                    if (append.getEntriesCount() > 0 && node.space().critical()) {
                        busy(request, "disk space is low"); // The leader pauses and tries again.
                        return;
                    }
                    var header = AppendEntriesRequestHeader.newBuilder()
                            .setGroupId(append.getGroupId())
                            .setServerId(append.getServerId())
                            .setPeerId(append.getPeerId())
                            .build();
                    run(
                            appends.executorSelector().select(AppendEntriesRequest.class.getName(), header),
                            request,
                            appends,
                            append);
                }
            }
            case RequestVoteRequest vote -> {
                if (!addressed(peerId, request, vote.getServerId(), vote.getPeerId())) {
                    return;
                }
                if (quarantine.active()) {
                    // Term 0 deposes nobody; the engine never hears of the request.
                    request.sendResponse(RequestVoteResponse.newBuilder()
                            .setTerm(0)
                            .setGranted(false)
                            .build());
                    return;
                }
                run(executor, request, votes, vote);
            }
            case TimeoutNowRequest now -> {
                if (!addressed(peerId, request, now.getServerId(), now.getPeerId())) {
                    return;
                }
                if (quarantine.active()) {
                    request.sendResponse(TimeoutNowResponse.newBuilder()
                            .setTerm(0)
                            .setSuccess(false)
                            .build());
                    return;
                }
                run(executor, request, timeoutNow, now);
            }
            case ReadIndexRequest read -> {
                if (addressed(peerId, request, read.getServerId(), read.getPeerId())) {
                    run(executor, request, readIndex, read);
                }
            }
            case InstallSnapshotRequest install -> {
                if (addressed(peerId, request, install.getServerId(), install.getPeerId())) {
                    run(executor, request, installSnapshot, install);
                }
            }
            case GetFileRequest file -> getFile(request, file);
            case Wire.Propose propose -> propose(request, propose);
            case Wire.LeaderState ignored -> request.sendResponse(node.reads().leaderState());
            case Wire.Query query -> query(request, query);
            case Wire.SpaceLow ignored -> {
                node.space().peerLow(peerId);
                request.sendResponse(new Wire.Noted());
            }
            case Wire.AskDigest ask -> request.sendResponse(node.divergence().answered(ask.index()));
            case Wire.Diverged told -> {
                request.sendResponse(new Wire.Noted());
                run(executor, () -> node.divergence().toldDiverged(peerId, told));
            }
            case Wire.Transfer transfer -> transfer(request, transfer);
            case Wire.Change change ->
                node.membershipChanges().decide(peerId, change).thenAccept(request::sendResponse);
            case Wire.Progress ignored ->
                request.sendResponse(node.membershipChanges().ownProgress());
            default -> {
                LOG.warn("peer_protocol peer={} type={}: not a request; closing", peerId, type);
                request.connection().close();
            }
        }
    }

    /** The sender named in a request must be the member in the certificate, and the receiver must be this one. */
    private boolean addressed(int peerId, Request request, String serverId, String receiverId) {
        var sender = new PeerId();
        Integer senderId = sender.parse(serverId) ? node.nodeIdOf(sender) : null;
        if (senderId != null && senderId == peerId && receiverId.equals(self)) {
            return true;
        }
        LOG.warn(
                "peer_protocol peer={}: request from {} to {} (expected: from node {} to {}); closing",
                peerId,
                serverId,
                receiverId,
                peerId,
                self);
        node.counters().connectionsRefused.increment();
        request.connection().close();
        return false;
    }

    private static <T> void run(Executor executor, Request request, RpcProcessor<T> processor, T message) {
        try {
            executor.execute(() -> processor.handleRequest(request, message));
        } catch (RejectedExecutionException e) {
            busy(request, "request queue is full");
        }
    }

    private void getFile(Request request, GetFileRequest file) {
        long delay = snapshotPace.delayMillis(Math.clamp(file.getCount(), 0, Limits.SNAPSHOT_CHUNK_BYTES));
        if (delay == 0 || !node.later(() -> run(executor, request, getFile, file), delay)) {
            run(executor, request, getFile, file);
        }
    }

    /** For what is told: when there is no room for it, it will be told again. */
    private static void run(Executor executor, Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            LOG.debug("no room for what a peer has told", e);
        }
    }

    private static void busy(Request request, String why) {
        request.sendResponse(ErrorResponse.newBuilder()
                .setErrorCode(RaftError.EBUSY.getNumber())
                .setErrorMsg(why)
                .build());
    }

    private void propose(Request request, Wire.Propose propose) {
        // The peer's own timeout bounds what it waits; ours only has to end at some time.
        node.proposals()
                .propose(propose.command(), Duration.ofMillis(Math.max(1, propose.timeoutMillis())), false)
                .whenComplete((committed, problem) -> request.sendResponse(
                        problem == null
                                ? new Wire.ProposeReply(Wire.Outcome.OK, "", committed.position(), committed.result())
                                : failure(problem)));
    }

    private static Wire.ProposeReply failure(Throwable problem) {
        Throwable cause =
                problem instanceof CompletionException && problem.getCause() != null ? problem.getCause() : problem;
        if (cause instanceof ConsensusException.NotLeader elsewhere) {
            return Wire.ProposeReply.notLeader(
                    String.valueOf(cause.getMessage()),
                    elsewhere.leader().map(member -> member.id().value()).orElse(0));
        }
        Wire.Outcome outcome = cause instanceof ConsensusException known
                ? switch (known) {
                    case ConsensusException.NoLeader e -> Wire.Outcome.NOT_LEADER;
                    case ConsensusException.NotLeader e -> Wire.Outcome.NOT_LEADER;
                    case ConsensusException.NoQuorum e -> Wire.Outcome.NOT_LEADER;
                    case ConsensusException.Overloaded e -> Wire.Outcome.OVERLOADED;
                    case ConsensusException.Indeterminate e -> Wire.Outcome.INDETERMINATE;
                    case ConsensusException.NoSpace e -> Wire.Outcome.NO_SPACE;
                    case ConsensusException.TooLarge e -> Wire.Outcome.TOO_LARGE;
                    case ConsensusException.NotCaughtUp e -> Wire.Outcome.UNAVAILABLE;
                    case ConsensusException.Unavailable e -> Wire.Outcome.UNAVAILABLE;
                    case ConsensusException.ChangeInProgress e -> Wire.Outcome.UNAVAILABLE;
                    case ConsensusException.Refused e -> Wire.Outcome.UNAVAILABLE;
                }
                : Wire.Outcome.INDETERMINATE;
        return Wire.ProposeReply.failed(outcome, String.valueOf(cause.getMessage()));
    }

    private void query(Request request, Wire.Query query) {
        try {
            executor.execute(() -> {
                try {
                    byte[] answer = stateMachine.query(query.query());
                    request.sendResponse(
                            answer.length > Limits.MAX_FRAME_BYTES - 1024
                                    ? new Wire.QueryReply(Wire.Outcome.TOO_LARGE, answer.length + " bytes", new byte[0])
                                    : new Wire.QueryReply(Wire.Outcome.OK, "", answer));
                } catch (RuntimeException e) {
                    LOG.warn("query of a peer failed", e);
                    request.sendResponse(
                            new Wire.QueryReply(Wire.Outcome.UNAVAILABLE, String.valueOf(e.getMessage()), new byte[0]));
                }
            });
        } catch (RejectedExecutionException e) {
            request.sendResponse(new Wire.QueryReply(Wire.Outcome.OVERLOADED, "request queue is full", new byte[0]));
        }
    }

    /** Never forwarded again: members that disagree about the leader must not send it round. */
    private void transfer(Request request, Wire.Transfer transfer) {
        Optional<NodeId> target = transfer.target() > 0 ? Optional.of(new NodeId(transfer.target())) : Optional.empty();
        node.leadership().transferOwn(target).whenComplete((nothing, problem) -> {
            if (problem == null) {
                request.sendResponse(new Wire.TransferReply(Wire.Outcome.OK, ""));
                return;
            }
            Throwable cause =
                    problem instanceof CompletionException && problem.getCause() != null ? problem.getCause() : problem;
            request.sendResponse(new Wire.TransferReply(
                    cause instanceof ConsensusException.NotLeader ? Wire.Outcome.NOT_LEADER : Wire.Outcome.UNAVAILABLE,
                    String.valueOf(cause.getMessage())));
        });
    }

    @Override
    public void disconnected(PeerConnection connection) {
        try {
            // Frees the engine's per-connection sequence state; takes its locks, so not on the event loop.
            executor.execute(() -> appends.onClosed(connection.remoteAddress(), connection));
        } catch (RejectedExecutionException e) {
            appends.onClosed(connection.remoteAddress(), connection);
        }
    }

    @Override
    public void connected(int peerId) {
        EngineRpcClient client = node.transport().engineClient();
        if (client == null) {
            return;
        }
        try {
            executor.execute(() -> {
                PeerId peer = node.membership().enginePeer(peerId);
                for (ReplicatorGroup group : client.replicatorGroups()) {
                    if (peer != null) {
                        group.checkReplicator(peer, true);
                    }
                }
            });
        } catch (RejectedExecutionException e) {
            LOG.debug("no room to tell the engine of node {}; its own timer will find it", peerId);
        }
    }

    void close() {
        appends.destroy();
    }

    static Wire.LeaderStateReply leaderState(long term, long commitIndex, long lastLogIndex) {
        return new Wire.LeaderStateReply(Wire.Outcome.OK, term, commitIndex, lastLogIndex);
    }

    static Wire.LeaderStateReply notLeader() {
        return new Wire.LeaderStateReply(Wire.Outcome.NOT_LEADER, LogPosition.ZERO.term(), 0, 0);
    }
}
