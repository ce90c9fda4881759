package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.option.RpcOptions;
import com.alipay.sofa.jraft.rpc.RaftRpcFactory;
import com.alipay.sofa.jraft.rpc.RpcClient;
import com.alipay.sofa.jraft.rpc.RpcServer;
import com.alipay.sofa.jraft.util.Endpoint;
import com.alipay.sofa.jraft.util.SPI;
import org.jspecify.annotations.Nullable;

/**
 * What the engine finds through {@code META-INF/services}, one for the JVM. It holds nothing: each client finds the
 * transport of its own node in {@link EngineOptions}. Public because the engine makes it by reflection; not API.
 */
@SPI(priority = 10)
public final class EngineRpcFactory implements RaftRpcFactory {

    @Override
    public void registerProtobufSerializer(String className, Object... args) {
        // MessageType knows them all.
    }

    @Override
    public RpcClient createRpcClient(@Nullable ConfigHelper<RpcClient> helper) {
        return new EngineRpcClient();
    }

    @Override
    public RpcServer createRpcServer(Endpoint endpoint, @Nullable ConfigHelper<RpcServer> helper) {
        throw new UnsupportedOperationException("the peer listener belongs to PeerTransport");
    }

    @Override
    @SuppressWarnings("NullAway") // the engine's contract: null for none
    public ConfigHelper<RpcClient> defaultJRaftClientConfigHelper(RpcOptions options) {
        return null;
    }
}
