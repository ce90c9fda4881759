package dev.conflux.consensus.jraft;

import dev.conflux.base.observe.Metrics;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;

/** What is exchanged with one peer, over all its connections. Any thread. */
final class PeerTraffic {

    private final LongAdder sentBytes = new LongAdder();
    private final LongAdder receivedBytes = new LongAdder();
    private final List<PeerLink> links = new CopyOnWriteArrayList<>();

    PeerTraffic(int id, Metrics metrics) {
        String peer = Integer.toString(id);
        metrics.counter(
                "conflux_peer_sent_bytes",
                "Sent to a peer, before encryption",
                sentBytes,
                LongAdder::sum,
                "peer",
                peer);
        metrics.counter(
                "conflux_peer_received_bytes",
                "Received from a peer, after decryption",
                receivedBytes,
                LongAdder::sum,
                "peer",
                peer);
        metrics.gauge(
                "conflux_peer_connected",
                "1 = all connections to the peer are up",
                () -> !links.isEmpty() && links.stream().allMatch(PeerLink::connected) ? 1 : 0,
                "peer",
                peer);
        metrics.gauge(
                "conflux_peer_write_queue_bytes",
                "Waiting to be sent to a peer",
                () -> links.stream().mapToLong(PeerLink::queuedBytes).sum(),
                "peer",
                peer);
        metrics.gauge(
                "conflux_peer_requests_pending",
                "Requests that a peer has not answered yet",
                () -> links.stream().mapToInt(PeerLink::pendingRequests).sum(),
                "peer",
                peer);
    }

    /** An outgoing connection to that peer is to be there from now on. */
    void add(PeerLink link) {
        links.add(link);
    }

    void remove(PeerLink link) {
        links.remove(link);
    }

    void sent(int bytes) {
        sentBytes.add(bytes);
    }

    void received(int bytes) {
        receivedBytes.add(bytes);
    }
}
