package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.util.Endpoint;

/**
 * Where a member listens.
 *
 * @param host name or IPv4 address; the engine's peer ids are separated by colons, so an IPv6 literal needs a name
 * @param port 1 … 65535
 */
record PeerAddress(String host, int port) {

    static PeerAddress parse(String text) {
        int colon = text.lastIndexOf(':');
        try {
            int port = Integer.parseInt(text.substring(colon + 1));
            String host = colon < 1 ? "" : text.substring(0, colon);
            if (!host.isBlank() && host.indexOf(':') < 0 && port > 0 && port < 65_536) {
                return new PeerAddress(host, port);
            }
        } catch (NumberFormatException e) {
            // Reported below with the whole text.
        }
        throw new IllegalArgumentException("address: '" + text + "' (expected: host:port, host not an IPv6 literal)");
    }

    /** Somewhere to say hello: an IPv6 literal in brackets too, because the engine never hears of it. */
    static PeerAddress contact(String text) {
        int end = text.lastIndexOf("]:");
        if (!text.startsWith("[") || end < 0) {
            return parse(text);
        }
        PeerAddress port = parse("h" + text.substring(end + 1));
        return new PeerAddress(text.substring(1, end), port.port());
    }

    Endpoint endpoint() {
        return new Endpoint(host, port);
    }

    PeerId peerId() {
        return new PeerId(host, port);
    }
}
