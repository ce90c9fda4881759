package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.core.State;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.error.RaftError;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Handing leadership over, wanted by somebody or because this member stops. Safe for any thread. */
@SuppressWarnings("FutureReturnValueIgnored") // callbacks handle their own failures
final class Leadership {

    private static final Logger LOG = LoggerFactory.getLogger(Leadership.class);

    private static final long TRANSFER_POLL_MILLIS = 10;

    private final JRaftNode node;

    Leadership(JRaftNode node) {
        this.node = node;
    }

    CompletableFuture<NodeId> transfer(Optional<NodeId> target) {
        ConsensusException unavailable = node.unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        Integer leader = node.leaderId();
        if (leader == null || leader == node.selfId()) {
            return transferOwn(target);
        }
        return ask(leader, target).thenCompose(nothing -> awaitSuccessor(leader));
    }

    private CompletableFuture<Void> ask(int leader, Optional<NodeId> target) {
        if (target.filter(id -> id.value() == leader).isPresent()) {
            return CompletableFuture.failedFuture(new ConsensusException.Refused("node " + leader + " leads already"));
        }
        var future = new CompletableFuture<Void>();
        node.transport()
                .link(leader, PeerLink.Lane.CALL)
                .send(
                        new Wire.Transfer(target.map(NodeId::value).orElse(0)),
                        Limits.TRANSFER_MILLIS + 1_000,
                        false,
                        new ReplyHandler() {
                            @Override
                            public void reply(Object message) {
                                if (!(message instanceof Wire.TransferReply answer)) {
                                    future.completeExceptionally(new ConsensusException.Indeterminate("transfer"));
                                } else {
                                    switch (answer.outcome()) {
                                        case OK -> future.complete(null);
                                        case NOT_LEADER ->
                                            future.completeExceptionally(new ConsensusException.NotLeader(null));
                                        default ->
                                            future.completeExceptionally(
                                                    new ConsensusException.Refused(answer.detail()));
                                    }
                                }
                            }

                            @Override
                            public void failed(SendFailure failure) {
                                future.completeExceptionally(new ConsensusException.Unavailable(failure.detail()));
                            }
                        });
        return future;
    }

    /** Only on the leader. Completes when the successor is known here. */
    CompletableFuture<NodeId> transferOwn(Optional<NodeId> target) {
        if (!node.isLeading()) {
            return CompletableFuture.failedFuture(new ConsensusException.NotLeader(node.leaderMember()));
        }
        PeerId peer = PeerId.ANY_PEER;
        if (target.isPresent()) {
            int id = target.get().value();
            if (id == node.selfId()) {
                return CompletableFuture.failedFuture(new ConsensusException.Refused("node " + id + " leads already"));
            }
            peer = node.membership().enginePeer(id);
            Member member = node.membership().member(id);
            if (peer == null || member == null || !member.voter()) {
                return CompletableFuture.failedFuture(
                        new ConsensusException.Refused("node " + id + " is not a voting member"));
            }
        }
        Failpoints.hit("leader.before_transfer");
        var future = new CompletableFuture<NodeId>();
        handTo(peer, future, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.TRANSFER_MILLIS));
        return future;
    }

    /** Repeated while the engine is busy: it is from its election until its first entry is committed. */
    private void handTo(PeerId peer, CompletableFuture<NodeId> future, long deadline) {
        Status status = node.engine().transferLeadershipTo(peer);
        if (status.isOk()) {
            awaitSuccessor(node.selfId(), future, deadline);
        } else if (status.getRaftError() == RaftError.EBUSY && System.nanoTime() - deadline < 0) {
            if (!node.later(() -> handTo(peer, future, deadline), Limits.TRANSFER_RETRY_MILLIS)) {
                future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
            }
        } else {
            future.completeExceptionally(new ConsensusException.Refused("transfer: " + status.getErrorMsg()));
        }
    }

    /** Until this member follows another leader than {@code old}. */
    private CompletableFuture<NodeId> awaitSuccessor(int old) {
        var future = new CompletableFuture<NodeId>();
        awaitSuccessor(old, future, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.TRANSFER_MILLIS));
        return future;
    }

    private void awaitSuccessor(int old, CompletableFuture<NodeId> future, long deadline) {
        State state = node.engine().getNodeState();
        Integer leader = state == State.STATE_TRANSFERRING ? null : node.leaderId();
        if (leader != null && leader != old) {
            future.complete(new NodeId(leader));
        } else if (old == node.selfId() && state == State.STATE_LEADER) {
            future.completeExceptionally(new ConsensusException.Refused(
                    "transfer: the other node did not take over within an election timeout; node " + old
                            + " still leads"));
        } else if (System.nanoTime() - deadline >= 0) {
            future.completeExceptionally(new ConsensusException.NoLeader(
                    "none is known " + Limits.TRANSFER_MILLIS + " ms after the transfer from node " + old));
        } else if (!node.later(() -> awaitSuccessor(old, future, deadline), TRANSFER_POLL_MILLIS)) {
            future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
        }
    }

    /** For a member that stops: hands over if it can. */
    void handOver(Node engine) throws InterruptedException {
        if (node.membership().current().members().size() == 1 || engine.getNodeState() != State.STATE_LEADER) {
            return;
        }
        var done = new CountDownLatch(1);
        var successor = new CompletableFuture<NodeId>();
        successor.whenComplete((next, problem) -> {
            if (problem != null) {
                LOG.info("leadership_kept reason=\"{}\"", problem.getMessage());
            }
            done.countDown();
        });
        handTo(PeerId.ANY_PEER, successor, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.TRANSFER_MILLIS));
        if (!done.await(Limits.TRANSFER_MILLIS + 500, TimeUnit.MILLISECONDS)) {
            LOG.info("leadership_kept reason=\"not taken over in time\"");
        }
    }
}
