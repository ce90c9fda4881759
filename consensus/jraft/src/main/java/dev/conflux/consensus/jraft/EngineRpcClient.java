package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.ReplicatorGroup;
import com.alipay.sofa.jraft.error.InvokeTimeoutException;
import com.alipay.sofa.jraft.error.RemotingException;
import com.alipay.sofa.jraft.option.RpcOptions;
import com.alipay.sofa.jraft.rpc.InvokeCallback;
import com.alipay.sofa.jraft.rpc.InvokeContext;
import com.alipay.sofa.jraft.rpc.RpcClient;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.GetFileRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.InstallSnapshotRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.RequestVoteRequest;
import com.alipay.sofa.jraft.util.Endpoint;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The engine's requests on our transport. Never blocks on a connection: {@link PeerLink} keeps them, and without one
 * the answer is no, at once. The engine calls some of these under its node lock.
 */
final class EngineRpcClient implements RpcClient {

    private final List<ReplicatorGroup> replicatorGroups = new CopyOnWriteArrayList<>();
    private @Nullable EngineOptions options;

    @Override
    public boolean init(RpcOptions rpcOptions) {
        EngineOptions engineOptions = (EngineOptions) rpcOptions;
        options = engineOptions;
        engineOptions.transport().attach(this);
        return true;
    }

    @Override
    public void shutdown() {
        // The transport outlives the engine: its owner closes it.
    }

    /** For the transport: a peer can be reached (again). */
    List<ReplicatorGroup> replicatorGroups() {
        return replicatorGroups;
    }

    @Override
    public boolean checkConnection(Endpoint endpoint) {
        try {
            return link(endpoint, PeerLink.Lane.RAFT).connected();
        } catch (RemotingException e) {
            return false;
        }
    }

    @Override
    public boolean checkConnection(Endpoint endpoint, boolean createIfAbsent) {
        return checkConnection(endpoint); // it is always being made
    }

    @Override
    public void closeConnection(Endpoint endpoint) {
        // The engine asks for this when it drops a replicator; other traffic may still need the connection.
    }

    @Override
    public void registerConnectEventListener(ReplicatorGroup replicatorGroup) {
        replicatorGroups.add(replicatorGroup);
    }

    @Override
    public Object invokeSync(Endpoint endpoint, Object request, @Nullable InvokeContext context, long timeoutMs)
            throws InterruptedException, RemotingException {
        // Only pings come this way, and only to find out whether there is a connection.
        var reply = new CompletableFuture<Object>();
        link(endpoint, PeerLink.Lane.RAFT).send(request, timeoutMs, false, new ReplyHandler() {
            @Override
            public void reply(Object message) {
                reply.complete(message);
            }

            @Override
            public void failed(SendFailure failure) {
                reply.completeExceptionally(new RemotingException(failure.detail()));
            }
        });
        try {
            return reply.get(timeoutMs, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new RemotingException(String.valueOf(e.getMessage()), e);
        } catch (TimeoutException e) {
            throw new InvokeTimeoutException(e);
        }
    }

    @Override
    public void invokeAsync(
            Endpoint endpoint, Object request, @Nullable InvokeContext context, InvokeCallback callback, long timeoutMs)
            throws RemotingException {
        EngineOptions current = options;
        if (current == null) {
            throw new RemotingException("client is not initialised");
        }
        if (request instanceof RequestVoteRequest && current.quarantine().active()) {
            throw new RemotingException("quarantined: " + current.quarantine().reason());
        }
        boolean bulk = request instanceof InstallSnapshotRequest || request instanceof GetFileRequest;
        boolean refusable = request instanceof AppendEntriesRequest append && append.getEntriesCount() > 0;
        if (refusable) {
            current.appendWindow()
                    .sending(((AppendEntriesRequest) request).getData().size());
        }
        Executor executor = callback.executor();
        link(endpoint, bulk ? PeerLink.Lane.BULK : PeerLink.Lane.RAFT)
                .send(request, timeoutMs, refusable, new ReplyHandler() {
                    @Override
                    public void reply(Object message) {
                        complete(message, null);
                    }

                    @Override
                    public void failed(SendFailure failure) {
                        complete(
                                null,
                                failure.kind() == SendFailure.Kind.TIMED_OUT
                                        ? new InvokeTimeoutException(failure.detail())
                                        : new RemotingException(failure.detail()));
                    }

                    @SuppressWarnings("NullAway") // the engine's contract: one of the two is null
                    private void complete(@Nullable Object message, @Nullable Throwable problem) {
                        try {
                            executor.execute(() -> callback.complete(message, problem));
                        } catch (RejectedExecutionException e) {
                            // The engine is shutting down and waits for no reply.
                        }
                    }
                });
    }

    private PeerLink link(Endpoint endpoint, PeerLink.Lane lane) throws RemotingException {
        EngineOptions current = options;
        Integer id = current == null ? null : current.transport().membership().idOf(endpoint);
        if (current == null || id == null || current.transport().isSelf(id)) {
            throw new RemotingException("not another member: " + endpoint);
        }
        return current.transport().link(id, lane);
    }
}
