package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.rpc.Connection;
import com.alipay.sofa.jraft.rpc.RpcContext;

/** One request of a peer, waiting for its reply. */
record Request(PeerConnection connection, long id) implements RpcContext {

    @Override
    public void sendResponse(Object response) {
        connection.reply(id, response);
    }

    @Override
    public Connection getConnection() {
        return connection;
    }

    @Override
    public String getRemoteAddress() {
        return connection.remoteAddress();
    }
}
