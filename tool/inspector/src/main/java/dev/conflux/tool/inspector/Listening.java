package dev.conflux.tool.inspector;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.Optional;

/** Asks whether members that are said to be lost still run: founding a cluster beside a living one splits it for good. */
final class Listening {

    /** Per member: within a data center a living one answers in milliseconds. */
    private static final int CONNECT_MILLIS = 1_000;

    private Listening() {}

    /**
     * Connects to every one of them and says nothing.
     *
     * @param lost address by node id
     * @return why they are not lost; empty when nothing accepts a connection at any of their addresses
     */
    static Optional<String> among(Map<Integer, String> lost) {
        for (Map.Entry<Integer, String> member : lost.entrySet()) {
            if (accepts(member.getValue())) {
                return Optional.of("node " + member.getKey() + " (" + member.getValue()
                        + ") accepts connections, so it is not lost. If a majority of the members is left, start this"
                        + " node and leave the rest to them; otherwise stop node " + member.getKey()
                        + " and give its directory with --other. If something else listens there: --ignore-listening");
            }
        }
        return Optional.empty();
    }

    private static boolean accepts(String address) {
        int colon = address.lastIndexOf(':');
        String host = address.substring(0, colon).replace("[", "").replace("]", "");
        int port = Integer.parseInt(address.substring(colon + 1));
        try {
            for (InetAddress resolved : InetAddress.getAllByName(host)) {
                if (accepts(new InetSocketAddress(resolved, port))) {
                    return true;
                }
            }
            return false;
        } catch (UnknownHostException e) {
            return false; // a name that nobody knows any more
        }
    }

    private static boolean accepts(InetSocketAddress address) {
        try (var socket = new Socket()) {
            socket.connect(address, CONNECT_MILLIS);
            return true;
        } catch (IOException e) {
            return false; // refused, or silent
        }
    }
}
