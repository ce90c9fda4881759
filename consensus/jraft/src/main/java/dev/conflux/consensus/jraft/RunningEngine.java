package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.core.State;

/** What exists once the engine runs. */
record RunningEngine(
        Node engine, EngineStorage storage, HighWaterMark mark, PeerRequests requests, CommitHints commitHints) {

    /** True also while leadership is being handed over. */
    boolean leads() {
        State state = engine.getNodeState();
        return state == State.STATE_LEADER || state == State.STATE_TRANSFERRING;
    }
}
