package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.core.State;
import com.alipay.sofa.jraft.entity.PeerId;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.ConsensusException;
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

    CompletableFuture<Void> transfer(Optional<NodeId> target) {
        ConsensusException unavailable = node.unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        Integer leader = node.leaderId();
        return leader == null || leader == node.selfId() ? transferOwn(target) : ask(leader, target);
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

    /** Only on the leader. */
    CompletableFuture<Void> transferOwn(Optional<NodeId> target) {
        if (!node.isLeading()) {
            return CompletableFuture.failedFuture(new ConsensusException.NotLeader(node.leaderMember()));
        }
        PeerId peer = PeerId.ANY_PEER;
        if (target.isPresent()) {
            NodeId id = target.get();
            if (node.config().members().stream().noneMatch(m -> m.id().equals(id))
                    || id.equals(node.config().nodeId())) {
                return CompletableFuture.failedFuture(
                        new ConsensusException.Refused("node " + id + " is not another member"));
            }
            peer = node.enginePeer(id.value());
        }
        Failpoints.hit("leader.before_transfer");
        Status status = node.engine().transferLeadershipTo(peer);
        if (!status.isOk()) {
            return CompletableFuture.failedFuture(new ConsensusException.Refused("transfer: " + status));
        }
        var future = new CompletableFuture<Void>();
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.TRANSFER_MILLIS);
        awaitTransfer(future, deadline);
        return future;
    }

    private void awaitTransfer(CompletableFuture<Void> future, long deadline) {
        State state = node.engine().getNodeState();
        if (state != State.STATE_LEADER && state != State.STATE_TRANSFERRING) {
            future.complete(null);
        } else if (System.nanoTime() - deadline >= 0) {
            future.completeExceptionally(new ConsensusException.Refused(
                    "transfer: not taken over within " + Limits.TRANSFER_MILLIS + " ms"));
        } else {
            if (!node.later(() -> awaitTransfer(future, deadline), TRANSFER_POLL_MILLIS)) {
                future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
            }
        }
    }

    void handOver(Node engine) throws InterruptedException {
        if (node.config().members().size() == 1 || engine.getNodeState() != State.STATE_LEADER) {
            return;
        }
        Status status = engine.transferLeadershipTo(PeerId.ANY_PEER);
        if (!status.isOk()) {
            LOG.info("leadership_kept reason=\"{}\"", status);
            return;
        }
        var future = new CompletableFuture<Void>();
        awaitTransfer(future, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.TRANSFER_MILLIS));
        var done = new CountDownLatch(1);
        future.whenComplete((nothing, problem) -> done.countDown());
        if (!done.await(Limits.TRANSFER_MILLIS + 500, TimeUnit.MILLISECONDS)) {
            LOG.info("leadership_kept reason=\"not taken over in time\"");
        }
    }
}
