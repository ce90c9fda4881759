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
        return address("cluster.peers", nodeId, entry.substring(at + 1));
    }

    static PeerAddress address(String key, int nodeId, String address) {
        int colon = address.lastIndexOf(':');
        if (colon <= 0 || address.indexOf(' ') >= 0 || address.indexOf('/') >= 0) {
            throw new ConfigurationException(key + ": " + address + " (expected: host:port"
                    + (key.equals("cluster.peers") ? " or id@host:port)" : ")"));
        }
        int port = Values.integer(key, address.substring(colon + 1), 1, 65_535);
        return new PeerAddress(nodeId, address.substring(0, colon), port);
    }

    String hostAndPort() {
        return host + ":" + port;
    }
}
