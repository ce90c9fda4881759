package dev.conflux.server;

/**
 * One entry of {@code cluster.peers}.
 *
 * @param nodeId explicit ({@code 3@host:9090}) or its place in the list, from 1
 */
record PeerAddress(int nodeId, String host, int port) {

    static PeerAddress parse(String entry, int place) {
        int at = entry.indexOf('@');
        int nodeId = place;
        if (at >= 0) {
            nodeId = Values.integer("cluster.peers", entry.substring(0, at), 1, Integer.MAX_VALUE);
        }
        String address = entry.substring(at + 1);
        int colon = address.lastIndexOf(':');
        if (colon <= 0 || address.indexOf(' ') >= 0 || address.indexOf('/') >= 0) {
            throw new ConfigurationException("cluster.peers: " + entry + " (expected: host:port or id@host:port)");
        }
        int port = Values.integer("cluster.peers", address.substring(colon + 1), 1, 65_535);
        return new PeerAddress(nodeId, address.substring(0, colon), port);
    }

    String hostAndPort() {
        return host + ":" + port;
    }
}
